"""`/pause` and `/resume`: the subscription stands still and bills nothing.

Not to be confused with `pause_collection`, under which it goes on, nor with taking back a
scheduled cancellation, which is an update.
"""

from __future__ import annotations

from typing import Any

from . import collection, invoices, items, prorations
from .errors import StripeError
from .events import emit
from .invoice_lines import regular_line
from .standing import paused_since
from .world import World

Json = dict[str, Any]


def pause(world: World, _params: Json, identity: str) -> Json:
    subscription = world.get("subscription", identity)
    if subscription["billing_mode"]["type"] != "flexible":
        raise StripeError("Only subscriptions with `billing_mode[type]=flexible` can be paused.")
    if subscription["schedule"]:
        raise StripeError("A subscription managed by a schedule cannot be paused.")
    if subscription["status"] not in ("active", "trialing"):
        raise StripeError(
            f"A subscription with status `{subscription['status']}` cannot be paused."
        )
    details = paused_since(world, "pause_requested")
    before = world.change(subscription, status="paused", status_details=details)
    emit(world, "customer.subscription.updated", subscription, before)
    emit(world, "customer.subscription.paused", subscription)
    return subscription


def resume(world: World, params: Json, identity: str) -> Json:
    """A new cycle begins now unless the anchor is kept; a period that passed is billed anew."""
    subscription = world.get("subscription", identity)
    if subscription["status"] != "paused":
        raise StripeError(
            f"A subscription with status `{subscription['status']}` cannot be resumed; use an"
            " update to take back a scheduled cancellation."
        )
    kept = (params.get("billing_cycle_anchor") or {}).get("type") == "unchanged"
    within = items.first_end(subscription) > world.at
    values: Json = {"status": "active", "status_details": None}
    lines: list[Json] = []
    if not (kept and within):
        if within and params.get("proration_behavior") != "none":
            prorations.credit_unused(world, subscription, subscription["items"]["data"])
        anchor = subscription["billing_cycle_anchor"] if kept else world.at
        values["billing_cycle_anchor"] = anchor
        values["items"] = items.with_items(
            subscription,
            [
                {
                    **entry,
                    "current_period_start": world.at,
                    "current_period_end": items.period_end(entry, anchor, world.at),
                }
                for entry in subscription["items"]["data"]
            ],
        )
    before = world.change(subscription, **values)
    if "items" in values:
        lines = prorations.take_pending(world, subscription)
        lines += [regular_line(world, one) for one in subscription["items"]["data"]]
    _tell(world, subscription, before, lines)
    return subscription


def _tell(world: World, subscription: Json, before: Json, lines: list[Json]) -> None:
    invoice = None
    if lines:
        invoice = invoices.draft(
            world,
            subscription,
            reason="subscription_update",
            lines=lines,
            start=world.at,
            end=world.at,
            announce=False,
        )
        before.update(world.change(subscription, latest_invoice=invoice["id"]))
    emit(world, "customer.subscription.updated", subscription, before)
    emit(world, "customer.subscription.resumed", subscription)
    if invoice:
        emit(world, "invoice.created", invoice)
        collection.complete(world, invoice)
