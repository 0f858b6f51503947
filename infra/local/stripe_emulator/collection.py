"""Collecting invoices: the first attempt, dunning, and what both mean for the subscription.

A failed renewal is tried again after 3, 5 and 7 more days; then the subscription ends. Finalizing
waits one hour and not, as Stripe may, for `invoice.created` to be acknowledged.
"""

from __future__ import annotations

from typing import Any

from . import invoices, standing
from .calendar import DAY
from .errors import StripeError, declined
from .events import changed, emit
from .payment_methods import usable
from .payments import DECLINE, Outcome, attempt, method_for
from .world import World

Json = dict[str, Any]

RETRY_DAYS = (3, 5, 7)


def due_at(invoice: Json) -> int | None:
    """When the invoice is finalized or tried again by itself."""
    if not invoice["auto_advance"]:
        return None
    member = {"draft": "automatically_finalizes_at", "open": "next_payment_attempt"}
    at: int | None = invoice.get(member.get(invoice["status"], ""))
    return at


def carry_out(world: World, invoice: Json) -> str:
    if invoice["status"] == "draft":
        complete(world, invoice)
        return f"finalized invoice {invoice['id']}: {invoice['status']}"
    collect(world, invoice, scheduled=True)
    return f"tried again to collect invoice {invoice['id']}: {invoice['status']}"


def complete(world: World, invoice: Json, method: str | None = None) -> bool:
    """Finalizes a draft and collects it. True if it is paid."""
    invoices.finalize(world, invoice)
    if not invoice["amount_due"]:
        _paid(world, invoice, None)
        return True
    if invoice["collection_method"] == "send_invoice":
        changed(world, "invoice.sent", invoice, next_payment_attempt=None)
        return False
    return collect(world, invoice, method=method, scheduled=True)


def collect(
    world: World, invoice: Json, *, method: str | None = None, scheduled: bool = False
) -> bool:
    """One attempt. Only a scheduled one counts for dunning."""
    subscription = world.get("subscription", invoice["_subscription"])
    intent = world.get("payment_intent", invoice["_payment_intent"])
    card = method_for(
        world,
        invoice["customer"],
        method,
        invoice["default_payment_method"],
        subscription["default_payment_method"],
    )
    outcome = attempt(world, intent, card)
    if outcome.charge:
        world.change(invoice, _charge=outcome.charge["id"])
    if outcome.paid:
        _paid(world, invoice, outcome)
    else:
        _failed(world, invoice, subscription, scheduled=scheduled)
    return outcome.paid


def mark_paid(world: World, invoice: Json) -> None:
    """Paid outside Stripe, or by a payment that took days to arrive."""
    _paid(world, invoice, None)


def pay(world: World, params: Json, identity: str) -> Json:
    invoice = world.get("invoice", identity)
    if invoice["status"] == "draft":
        invoices.finalize(world, invoice)
    if invoice["status"] == "paid":
        raise StripeError("Invoice is already paid", code="invoice_already_paid")
    if invoice["status"] == "void":
        raise StripeError("Invoice is void and can not be paid.", code="invoice_not_editable")
    if params.get("paid_out_of_band") or not invoice["amount_remaining"]:
        mark_paid(world, invoice)
    elif not collect(world, invoice, method=_named(world, invoice, params)):
        raise declined(DECLINE, "generic_decline")
    return invoice


def finalize(world: World, params: Json, identity: str) -> Json:
    invoice = _in_state(world, identity, "draft", "This invoice is already finalized.")
    invoices.finalize(world, invoice)
    if not invoice["amount_due"]:
        _paid(world, invoice, None)
    elif params.get("auto_advance", invoice["auto_advance"]):
        world.change(invoice, auto_advance=True, next_payment_attempt=world.at + 3600)
    return invoice


def void(world: World, _params: Json, identity: str) -> Json:
    invoice = world.get("invoice", identity)
    if invoice["status"] not in ("open", "uncollectible"):
        raise StripeError(
            "You can only pass in open invoices. This invoice isn't open.",
            code="invoice_not_editable",
        )
    invoices.void(world, invoice)
    _relieve(world, invoice)
    return invoice


def mark_uncollectible(world: World, _params: Json, identity: str) -> Json:
    invoice = _in_state(
        world, identity, "open", "You can only pass in open invoices. This invoice isn't open."
    )
    invoices.write_off(world, invoice)
    _relieve(world, invoice)
    return invoice


def _paid(world: World, invoice: Json, outcome: Outcome | None) -> None:
    was_open = invoice["status"]
    world.change(
        invoice,
        amount_paid=invoice["amount_due"],
        amount_remaining=0,
        attempted=True,
        attempt_count=invoice["attempt_count"] + (1 if outcome else 0),
        auto_advance=False,
        next_payment_attempt=None,
        status="paid",
        status_transitions={**invoice["status_transitions"], "paid_at": world.at},
    )
    emit(world, "invoice.paid", invoice)
    emit(world, "invoice.payment_succeeded", invoice)
    for payment in world.where("invoice_payment", "invoice", invoice["id"]):
        if payment["status"] == "open":
            transitions = {**payment["status_transitions"], "paid_at": world.at}
            world.change(
                payment,
                amount_paid=invoice["amount_paid"],
                status="paid",
                status_transitions=transitions,
            )
            emit(world, "invoice_payment.paid", payment)
    if was_open != "paid":
        _relieve(world, invoice)


def _relieve(world: World, invoice: Json) -> None:
    """Nothing more is owed on this invoice; if nothing is owed at all, all is well again."""
    subscription = world.get("subscription", invoice["_subscription"])
    others = world.where("invoice", "_subscription", subscription["id"])
    if invoice["status"] != "paid" and subscription["status"] == "incomplete":
        standing.expire(world, subscription)
    elif not any(invoices.is_due(other) and other["attempted"] for other in others):
        standing.activate(world, subscription)


def _failed(world: World, invoice: Json, subscription: Json, *, scheduled: bool) -> None:
    attempts = invoice["attempt_count"] + 1
    retry = _next_retry(world, invoice, subscription, attempts) if scheduled else None
    values: Json = {"attempt_count": attempts, "attempted": True}
    if scheduled:
        values["next_payment_attempt"] = retry
    changed(world, "invoice.payment_failed", invoice, **values)
    if subscription["status"] in standing.ENDED or subscription["status"] == "incomplete":
        return
    if scheduled and retry is None:
        standing.end(world, subscription, reason="payment_failed")
    else:
        standing.fall_behind(world, subscription)


def _next_retry(world: World, invoice: Json, subscription: Json, attempts: int) -> int | None:
    if subscription["status"] == "incomplete" or not invoice["auto_advance"]:
        return None
    if attempts > len(RETRY_DAYS):
        return None
    return world.at + RETRY_DAYS[attempts - 1] * DAY


def _named(world: World, invoice: Json, params: Json) -> str | None:
    if "payment_method" not in params:
        return None
    customer = world.get("customer", invoice["customer"])
    identity: str = usable(world, params["payment_method"], customer, "payment_method")["id"]
    return identity


def _in_state(world: World, identity: str, status: str, refusal: str) -> Json:
    invoice = world.get("invoice", identity)
    if invoice["status"] != status:
        raise StripeError(refusal, code="invoice_not_editable")
    return invoice
