"""Taking money: payment intents, charges and what they leave on the balance.

Whether a card pays is decided in one place, `declines`. Invoices and Checkout come here; nobody
else makes charges.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import knobs
from .errors import StripeError
from .events import changed, emit
from .listing import matching, page
from .versions import DEFAULT_VERSION, shaped
from .world import World

Json = dict[str, Any]

FEE_PER_MILLE = 29
FEE_FIXED = 30
DECLINE = "Your card was declined."


@dataclass(frozen=True)
class Outcome:
    """`charge` is absent when there was no card to try."""

    paid: bool
    intent: Json
    charge: Json | None


def fee_of(amount: int) -> int:
    """2.9 % + 30, the half rounded up."""
    return (amount * FEE_PER_MILLE + 500) // 1000 + FEE_FIXED


def declines(world: World, customer: str | None, method: Json) -> bool:
    return bool(method.get("_fails")) or customer in knobs.knobs(world)["failing_customers"]


def method_for(world: World, customer: str | None, *candidates: str | None) -> Json | None:
    """The first payment method named that is still there; else the customer's default."""
    holder = world.find("customer", customer)
    settings = (holder or {}).get("invoice_settings") or {}
    for identity in (*candidates, settings.get("default_payment_method")):
        method = world.find("payment_method", identity)
        if method is not None and method["customer"] == customer:
            return method
    return None


def open_intent(
    world: World,
    *,
    amount: int,
    currency: str,
    customer: str | None,
    description: str | None = None,
    metadata: Json | None = None,
    invoice: str | None = None,
) -> Json:
    identity = world.new_id("pi")
    intent = world.add(
        {
            "id": identity,
            "object": "payment_intent",
            "amount": amount,
            "amount_capturable": 0,
            "amount_details": {"tip": {}},
            "amount_received": 0,
            "application": None,
            "application_fee_amount": None,
            "automatic_payment_methods": None,
            "canceled_at": None,
            "cancellation_reason": None,
            "capture_method": "automatic",
            "client_secret": f"{identity}_secret_{identity[-12:]}",
            "confirmation_method": "automatic",
            "created": world.at,
            "currency": currency,
            "customer": customer,
            "description": description,
            "last_payment_error": None,
            "latest_charge": None,
            "livemode": False,
            "metadata": metadata or {},
            "next_action": None,
            "on_behalf_of": None,
            "payment_method": None,
            "payment_method_options": {},
            "payment_method_types": ["card"],
            "processing": None,
            "receipt_email": None,
            "review": None,
            "setup_future_usage": "off_session" if invoice else None,
            "shipping": None,
            "source": None,
            "statement_descriptor": None,
            "statement_descriptor_suffix": None,
            "status": "requires_payment_method",
            "transfer_data": None,
            "transfer_group": None,
            "_invoice": invoice,
        }
    )
    emit(world, "payment_intent.created", intent)
    return intent


def attempt(world: World, intent: Json, method: Json | None) -> Outcome:
    """One try at collecting an intent with a card, or without one, which always fails."""
    if method is None:
        error = {
            "code": "payment_intent_payment_attempt_failed",
            "type": "invalid_request_error",
            "message": "There is no payment method to charge.",
        }
        world.change(intent, last_payment_error=error)
        return Outcome(paid=False, intent=intent, charge=None)
    if declines(world, intent["customer"], method):
        return _decline(world, intent, method)
    charge = _charge(world, intent, method)
    transaction = add_transaction(
        world,
        kind="charge",
        amount=intent["amount"],
        currency=intent["currency"],
        fee=fee_of(intent["amount"]),
        source=charge["id"],
        description=charge["description"],
    )
    world.change(charge, balance_transaction=transaction["id"])
    world.change(
        intent,
        status="succeeded",
        amount_received=intent["amount"],
        latest_charge=charge["id"],
        payment_method=method["id"],
        last_payment_error=None,
        processing=None,
    )
    emit(world, "charge.succeeded", charge)
    emit(world, "payment_intent.succeeded", intent)
    return Outcome(paid=True, intent=intent, charge=charge)


def add_transaction(
    world: World,
    *,
    kind: str,
    amount: int,
    currency: str,
    fee: int,
    source: str,
    description: str | None = None,
) -> Json:
    details = [
        {
            "amount": fee,
            "application": None,
            "currency": currency,
            "description": "Stripe processing fees" if kind == "charge" else "Dispute fee",
            "type": "stripe_fee",
        }
    ]
    return world.add(
        {
            "id": world.new_id("txn"),
            "object": "balance_transaction",
            "amount": amount,
            "available_on": world.at + 2 * 86400,
            "balance_type": "payments",
            "created": world.at,
            "currency": currency,
            "description": description,
            "exchange_rate": None,
            "fee": fee,
            "fee_details": details if fee else [],
            "net": amount - fee,
            "reporting_category": _REPORTED_AS.get(kind, kind),
            "source": source,
            "status": "pending",
            "type": kind,
        }
    )


_REPORTED_AS = {"adjustment": "dispute", "refund_failure": "refund_failure"}


def _decline(world: World, intent: Json, method: Json) -> Outcome:
    charge = _charge(world, intent, method, failed=True)
    error = {
        "charge": charge["id"],
        "code": "card_declined",
        "decline_code": "generic_decline",
        "doc_url": "https://stripe.com/docs/error-codes/card-declined",
        "message": DECLINE,
        "payment_method": shaped(method, DEFAULT_VERSION),
        "type": "card_error",
    }
    world.change(
        intent,
        status="requires_payment_method",
        latest_charge=charge["id"],
        last_payment_error=error,
        payment_method=None,
    )
    emit(world, "charge.failed", charge)
    emit(world, "payment_intent.payment_failed", intent)
    return Outcome(paid=False, intent=intent, charge=charge)


def _charge(world: World, intent: Json, method: Json, *, failed: bool = False) -> Json:
    identity = world.new_id("ch")
    card = {name: value for name, value in method["card"].items() if name != "networks"}
    return world.add(
        {
            "id": identity,
            "object": "charge",
            "amount": intent["amount"],
            "amount_captured": 0 if failed else intent["amount"],
            "amount_refunded": 0,
            "application": None,
            "application_fee": None,
            "application_fee_amount": None,
            "balance_transaction": None,
            "billing_details": method["billing_details"],
            "calculated_statement_descriptor": "LOCAL",
            "captured": not failed,
            "created": world.at,
            "currency": intent["currency"],
            "customer": intent["customer"],
            "description": intent["description"],
            "disputed": False,
            "failure_balance_transaction": None,
            "failure_code": "card_declined" if failed else None,
            "failure_message": DECLINE if failed else None,
            "fraud_details": {},
            "livemode": False,
            "metadata": dict(intent["metadata"]),
            "on_behalf_of": None,
            "outcome": _outcome(failed=failed),
            "paid": not failed,
            "payment_intent": intent["id"],
            "payment_method": method["id"],
            "payment_method_details": {"type": "card", "card": card},
            "radar_options": {},
            "receipt_email": None,
            "receipt_number": None,
            "receipt_url": f"{world.base_url}/receipts/{identity}",
            "refunded": False,
            "review": None,
            "shipping": None,
            "source": None,
            "source_transfer": None,
            "statement_descriptor": None,
            "statement_descriptor_suffix": None,
            "status": "failed" if failed else "succeeded",
            "transfer_data": None,
            "transfer_group": None,
            "_invoice": intent["_invoice"],
        }
    )


def _outcome(*, failed: bool) -> Json:
    return {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "declined_by_network" if failed else "approved_by_network",
        "reason": "generic_decline" if failed else None,
        "risk_level": "normal",
        "risk_score": 20,
        "seller_message": "The bank did not return any further details with this decline."
        if failed
        else "Payment complete.",
        "type": "issuer_declined" if failed else "authorized",
    }


def retrieve_charge(world: World, _params: Json, identity: str) -> Json:
    return world.get("charge", identity)


def update_charge(world: World, params: Json, identity: str) -> Json:
    charge = world.get("charge", identity)
    changed(world, "charge.updated", charge, **rewording(charge, params))
    return charge


def search_charges(world: World, params: Json) -> Json:
    fits = matching(params, "customer", "payment_intent")
    found = (one for one in world.newest("charge") if fits(one))
    return page(world, "charge", "/v1/charges", found, params)


def retrieve_transaction(world: World, _params: Json, identity: str) -> Json:
    return world.get("balance_transaction", identity)


def search_transactions(world: World, params: Json) -> Json:
    fits = matching(params, "source", "type", "currency")
    found = (one for one in world.newest("balance_transaction") if fits(one))
    return page(world, "balance_transaction", "/v1/balance_transactions", found, params)


def rewording(thing: Json, params: Json) -> Json:
    """What an update of a charge or intent may change here: its words, nothing about money."""
    refused = set(params) - {"metadata", "description", "expand"}
    if refused:
        raise StripeError(f"The emulator does not update {', '.join(sorted(refused))} here.")
    values: Json = {}
    if "metadata" in params:
        values["metadata"] = merged(thing["metadata"], params["metadata"])
    if "description" in params:
        values["description"] = params["description"] or None
    return values


def merged(metadata: Json, given: Json | str) -> Json:
    """Stripe merges metadata: an empty value removes its key, an empty string removes all."""
    if not isinstance(given, dict):
        return {}
    both = {**metadata, **given}
    return {key: value for key, value in both.items() if value != ""}
