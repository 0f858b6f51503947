"""Stripe's charges, refunds and disputes into our words, whatever API version spoke. Pure: plain JSON in, records out.

What it cannot read for certain raises Unreadable: money is never guessed at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.domain.disputes import DisputeAtStripe, Movement
from chalicelib.domain.money import Money
from chalicelib.domain.refunds import ChargeAtStripe, Paid, RefundAtStripe
from chalicelib.gateways.stripe_reader import (
    Unreadable,
    customer_of,
    instant,
    is_one_off,
    read_invoice,
    reference,
)

Json = Mapping[str, Any]

CASE_ID, ATTEMPT = "case_id", "attempt"
"""What we write on a refund, so that it is found again whatever happened to the answer."""


def read_charge(thing: Json) -> ChargeAtStripe:
    """The charge, its balance transaction expanded."""
    paid = _money(thing, "amount", "currency")
    return ChargeAtStripe(
        id=_id(thing, "id"),
        customer_id=customer_of(thing),
        payment_intent=reference(thing.get("payment_intent")),
        paid=paid,
        refunded=Money(_whole(thing, "amount_refunded"), paid.currency),
        fee=fee_of(thing.get("balance_transaction"), paid),
        disputed=thing.get("disputed") is True or thing.get("dispute") is not None,
    )


def read_disputed(thing: Json) -> tuple[str, bool]:
    """A payment, and whether a bank ever asked about it. What says nothing of that may have been."""
    return _id(thing, "id"), thing.get("disputed") is not False


def fee_of(transaction: Any, paid: Money) -> Money | None:
    """What Stripe kept, in the currency of the payment: settled in another one, in the same proportion, and never
    more than was kept. None while Stripe has not said."""
    if not isinstance(transaction, dict):
        return None
    fee, settled = _money(transaction, "fee", "currency"), _whole(transaction, "amount")
    if fee.currency == paid.currency:
        return fee
    return Money(fee.amount * paid.amount // settled, paid.currency) if settled > 0 else None


def read_refund(thing: Json) -> RefundAtStripe:
    metadata = thing.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    attempt = metadata.get(ATTEMPT)
    return RefundAtStripe(
        id=_id(thing, "id"),
        charge_id=_id(thing, "charge"),
        amount=_money(thing, "amount", "currency"),
        # Very old versions told no status: those refunds had succeeded.
        status=_word(thing.get("status") or "succeeded"),
        case_id=reference(metadata.get(CASE_ID)),
        attempt=int(attempt) if isinstance(attempt, str) and attempt.isdecimal() else 1,
    )


def read_dispute(thing: Json) -> DisputeAtStripe:
    details = thing.get("evidence_details")
    due_by = details.get("due_by") if isinstance(details, dict) else None
    moved = thing.get("balance_transactions")
    return DisputeAtStripe(
        id=_id(thing, "id"),
        charge_id=_id(thing, "charge"),
        status=_word(thing.get("status")),
        reason=_word(thing.get("reason") or "unknown"),
        amount=_money(thing, "amount", "currency"),
        created_at=instant(thing.get("created")),
        due_by=instant(due_by) if due_by is not None else None,
        refundable=thing.get("is_charge_refundable") is True,
        movements=tuple(read_movement(one) for one in moved) if isinstance(moved, list) else (),
    )


def read_movement(thing: Any) -> Movement:
    if not isinstance(thing, dict):
        raise Unreadable("a movement of money that is no object")
    return Movement(
        id=_id(thing, "id"),
        amount=_money(thing, "amount", "currency"),
        fee=_money(thing, "fee", "currency"),
    )


def read_invoice_payment(thing: Json) -> tuple[str, str]:
    """`("payment_intent", id)` or `("charge", id)`; raises Unreadable for any other way of paying."""
    payment = thing.get("payment")
    if not isinstance(payment, dict):
        raise Unreadable("an invoice payment without its payment")
    for way in ("payment_intent", "charge"):
        named = reference(payment.get(way))
        if named is not None:
            return way, named
    raise Unreadable("an invoice payment that names no payment")


def paid_by_invoice(invoice: Json) -> Paid:
    """What a payment was for that paid this invoice."""
    if is_one_off(invoice):
        return Paid(invoice_id=_id(invoice, "id"))
    read = read_invoice(invoice)
    assert read is not None
    return Paid(
        subscription_id=read.subscription_id, invoice_id=read.id, covers_until=read.covers_until
    )


def payment_named_on(invoice: Json) -> tuple[str, str] | None:
    """Before 2025-03-31.basil an invoice named its payment itself."""
    for way in ("charge", "payment_intent"):
        named = reference(invoice.get(way))
        if named is not None:
            return way, named
    return None


def _id(source: Json, name: str) -> str:
    found = reference(source.get(name))
    if found is None:
        raise Unreadable(f"{name} is missing")
    return found


def _money(source: Json, amount: str, currency: str) -> Money:
    code = source.get(currency)
    if not isinstance(code, str) or not code.isalpha() or len(code) > 5:
        raise Unreadable(f"{currency} is no currency")
    return Money(_whole(source, amount), code.lower())


def _whole(source: Json, name: str) -> int:
    value = source.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Unreadable(f"{name} is no whole amount")
    return value


def _word(value: Any) -> str:
    if not isinstance(value, str) or not value or len(value) > 100 or not value.isprintable():
        raise Unreadable("a status that is no word")
    return value
