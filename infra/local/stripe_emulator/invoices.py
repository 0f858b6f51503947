"""Invoices: drafted, finalized, and the ends they can come to without being paid.

Collecting them is `collection.py`'s work.
"""

from __future__ import annotations

from typing import Any

from . import items
from .calendar import HOUR
from .errors import StripeError
from .events import changed, emit
from .invoice_lines import regular_line
from .invoice_shape import blank
from .listing import matching, page
from .payments import merged, open_intent
from .world import World

Json = dict[str, Any]

# Stripe leaves a renewal's invoice open to changes for about an hour.
DRAFT_SECONDS = HOUR


def draft(
    world: World,
    subscription: Json,
    *,
    reason: str,
    lines: list[Json],
    start: int,
    end: int,
    auto_advance: bool = True,
    announce: bool = True,
) -> Json:
    """A draft of a subscription's invoice; if it advances, it finalizes by itself in an hour."""
    identity = world.new_id("in")
    shape = blank(world, subscription, identity, reason=reason, lines=lines, start=start, end=end)
    finalizes_at = world.at + DRAFT_SECONDS if auto_advance else None
    sent = subscription["collection_method"] == "send_invoice"
    shape.update(
        auto_advance=auto_advance,
        automatically_finalizes_at=finalizes_at,
        next_payment_attempt=None if sent else finalizes_at,
    )
    invoice = world.add(shape)
    if announce:
        emit(world, "invoice.created", invoice)
    return invoice


def preview(world: World, subscription: Json) -> Json:
    """The next renewal as it looks from here. It is shown, never stored."""
    lines, start = [], items.first_end(subscription)
    for entry in subscription["items"]["data"]:
        anchor, at = subscription["billing_cycle_anchor"], entry["current_period_end"]
        end = items.period_end(entry, anchor, at)
        ahead = {**entry, "current_period_start": at, "current_period_end": end}
        lines.append(regular_line(world, ahead))
    return blank(
        world,
        subscription,
        world.new_id("upcoming_in"),
        reason="upcoming",
        lines=lines,
        start=start,
        end=start,
    )


def finalize(world: World, invoice: Json) -> None:
    """Draft → open (or paid, if nothing is due): the amount is settled and numbered."""
    customer = world.get("customer", invoice["customer"])
    balance = customer.get("balance", 0)
    due = max(0, invoice["total"] + balance)
    world.change(
        customer,
        balance=invoice["total"] + balance - due,
        next_invoice_sequence=customer.get("next_invoice_sequence", 1) + 1,
    )
    number = f"{customer.get('invoice_prefix')}-{customer['next_invoice_sequence'] - 1:04d}"
    world.change(
        invoice,
        amount_due=due,
        amount_remaining=due,
        automatically_finalizes_at=None,
        effective_at=world.at,
        ending_balance=customer["balance"],
        hosted_invoice_url=f"{world.base_url}/i/{invoice['id']}",
        invoice_pdf=f"{world.base_url}/i/{invoice['id']}/pdf",
        number=number,
        starting_balance=balance,
        status="open",
        status_transitions={**invoice["status_transitions"], "finalized_at": world.at},
        webhooks_delivered_at=world.at,
    )
    if due:
        _ask_for_payment(world, invoice)
    emit(world, "invoice.finalized", invoice)


def void(world: World, invoice: Json) -> None:
    _close(world, invoice, "void", "voided_at", "invoice.voided")


def write_off(world: World, invoice: Json) -> None:
    _close(
        world, invoice, "uncollectible", "marked_uncollectible_at", "invoice.marked_uncollectible"
    )


def is_due(invoice: Json) -> bool:
    return bool(invoice["status"] == "open" and invoice["amount_remaining"] > 0)


def retrieve(world: World, _params: Json, identity: str) -> Json:
    return world.get("invoice", identity)


def update(world: World, params: Json, identity: str) -> Json:
    invoice = world.get("invoice", identity)
    refused = set(params) - {"metadata", "description", "auto_advance", "expand"}
    if refused:
        raise StripeError(f"The emulator does not update {', '.join(sorted(refused))} here.")
    values: Json = {
        name: params[name] for name in ("description", "auto_advance") if name in params
    }
    if "metadata" in params:
        values["metadata"] = merged(invoice["metadata"], params["metadata"])
    if invoice["status"] == "draft" and "auto_advance" in params:
        at = world.at + DRAFT_SECONDS if params["auto_advance"] else None
        values["automatically_finalizes_at"] = at
    changed(world, "invoice.updated", invoice, **values)
    return invoice


def search(world: World, params: Json) -> Json:
    fits = matching(params, "customer", "status", "collection_method")
    subscription = params.get("subscription")
    if subscription is not None:
        world.get("subscription", subscription, "subscription", 400)
        held = world.where("invoice", "_subscription", subscription)
    elif "customer" in params:
        held = world.where("invoice", "customer", params["customer"])
    else:
        held = list(world.all("invoice"))
    found = (one for one in reversed(held) if fits(one))
    return page(world, "invoice", "/v1/invoices", found, params)


def lines(world: World, params: Json, identity: str) -> Json:
    invoice = world.get("invoice", identity)
    limit = params.get("limit", 10)
    data = [
        {name: value for name, value in line.items() if not name.startswith("_")}
        for line in invoice["lines"]["data"]
    ]
    return {
        "object": "list",
        "data": data[:limit],
        "has_more": len(data) > limit,
        "url": f"/v1/invoices/{identity}/lines",
    }


def _ask_for_payment(world: World, invoice: Json) -> None:
    intent = open_intent(
        world,
        amount=invoice["amount_due"],
        currency=invoice["currency"],
        customer=invoice["customer"],
        invoice=invoice["id"],
        description="Subscription creation"
        if invoice["billing_reason"] == "subscription_create"
        else "Subscription update",
    )
    world.change(invoice, _payment_intent=intent["id"])
    world.add(
        {
            "id": world.new_id("inpay"),
            "object": "invoice_payment",
            "amount_paid": None,
            "amount_requested": invoice["amount_due"],
            "created": world.at,
            "currency": invoice["currency"],
            "invoice": invoice["id"],
            "is_default": True,
            "livemode": False,
            "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
            "status": "open",
            "status_transitions": {"canceled_at": None, "paid_at": None},
        }
    )


def _close(world: World, invoice: Json, status: str, moment: str, event: str) -> None:
    for payment in world.where("invoice_payment", "invoice", invoice["id"]):
        if status == "void" and payment["status"] == "open":
            transitions = {**payment["status_transitions"], "canceled_at": world.at}
            world.change(payment, status="canceled", status_transitions=transitions)
    changed(
        world,
        event,
        invoice,
        status=status,
        next_payment_attempt=None,
        auto_advance=False,
        automatically_finalizes_at=None,
        status_transitions={**invoice["status_transitions"], moment: world.at},
    )
