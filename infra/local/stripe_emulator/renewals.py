"""What happens to a subscription by itself: renewals, trial ends, scheduled ends, expiry.

Each occurrence is carried out at its own moment, even when the clock has jumped past it.
"""

from __future__ import annotations

from typing import Any

from . import invoices, items, prorations, standing
from .calendar import DAY, HOUR
from .events import emit
from .invoice_lines import regular_line
from .payments import method_for
from .world import World

Json = dict[str, Any]

INCOMPLETE_SECONDS = 23 * HOUR
TRIAL_NOTICE = 3 * DAY
RENEWAL_NOTICE = 7 * DAY


def due_at(subscription: Json) -> int | None:
    status = subscription["status"]
    if status in standing.ENDED:
        return None
    if status == "incomplete":
        expiry = subscription["created"] + INCOMPLETE_SECONDS
        return None if subscription.get("_processing") else expiry
    moments = [subscription["cancel_at"], _collection_resumes(subscription)]
    if status != "paused":
        moments += [items.first_end(subscription), *(at for at, _ in _reminders(subscription))]
    return min((moment for moment in moments if moment is not None), default=None)


def carry_out(world: World, subscription: Json) -> str:
    name = subscription["id"]
    if subscription["status"] == "incomplete":
        return _expire(world, subscription)
    if _reached(world, subscription["cancel_at"]):
        standing.end(
            world,
            subscription,
            scheduled=True,
            reason=subscription["cancellation_details"]["reason"] or "cancellation_requested",
        )
        return f"ended subscription {name} as scheduled"
    if _reached(world, _collection_resumes(subscription)):
        standing.update(world, subscription, pause_collection=None)
        return f"resumed collection of subscription {name}"
    for at, event in _reminders(subscription):
        if at <= world.at:
            return _remind(world, subscription, event)
    return renew(world, subscription)


def renew(world: World, subscription: Json) -> str:
    """The period moves first; its invoice is a draft for an hour, whoever has a card or not."""
    trial_over = subscription["status"] == "trialing"
    if trial_over and (outcome := _without_card(world, subscription)):
        return outcome
    since = items.first_start(subscription)
    entries = [_moved_on(world, subscription, one) for one in subscription["items"]["data"]]
    before = world.change(
        subscription,
        items=items.with_items(subscription, entries),
        status="active" if trial_over else subscription["status"],
        _reminded_of=[],
    )
    lines = _renewal_lines(world, subscription)
    invoice = _draft(world, subscription, lines, before, since)
    return f"renewed subscription {subscription['id']}, drafted invoice {invoice['id']}"


def _moved_on(world: World, subscription: Json, entry: Json) -> Json:
    start = entry["current_period_end"]
    if start > world.at:
        return entry
    end = items.period_end(entry, subscription["billing_cycle_anchor"], start)
    return {**entry, "current_period_start": start, "current_period_end": end}


def _renewal_lines(world: World, subscription: Json) -> list[Json]:
    lines = prorations.take_pending(world, subscription)
    for entry in subscription["items"]["data"]:
        if entry["current_period_start"] == world.at:
            lines.append(regular_line(world, entry))
            cut = subscription["cancel_at"]
            if cut is not None and cut < entry["current_period_end"]:
                lines.append(prorations.stub_credit(world, entry, cut))
    return lines


def _draft(world: World, subscription: Json, lines: list[Json], before: Json, since: int) -> Json:
    """The subscription's event goes out before its invoice's, as it does at Stripe."""
    paused = subscription["pause_collection"]
    invoice = invoices.draft(
        world,
        subscription,
        reason="subscription_cycle",
        lines=lines,
        start=since,
        end=world.at,
        auto_advance=paused is None,
        announce=False,
    )
    before.update(world.change(subscription, latest_invoice=invoice["id"]))
    emit(world, "customer.subscription.updated", subscription, before)
    emit(world, "invoice.created", invoice)
    if paused and paused["behavior"] == "void":
        invoices.void(world, invoice)
    elif paused and paused["behavior"] == "mark_uncollectible":
        invoices.write_off(world, invoice)
    return invoice


def _without_card(world: World, subscription: Json) -> str | None:
    """A trial that ends with no card: `trial_settings` may say to cancel or to pause."""
    wanted = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    card = method_for(world, subscription["customer"], subscription["default_payment_method"])
    if card is not None or wanted == "create_invoice":
        return None
    if wanted == "cancel":
        standing.end(world, subscription)
        return f"ended subscription {subscription['id']}: its trial is over and there is no card"
    details = standing.paused_since(world, "trial_end_without_payment_method")
    standing.update(world, subscription, status="paused", status_details=details)
    emit(world, "customer.subscription.paused", subscription)
    return f"paused subscription {subscription['id']}: its trial is over and there is no card"


def _expire(world: World, subscription: Json) -> str:
    invoice = world.get("invoice", subscription["latest_invoice"])
    standing.expire(world, subscription)
    if invoice["status"] in ("open", "uncollectible"):
        invoices.void(world, invoice)
    return f"subscription {subscription['id']} expired incomplete"


def _collection_resumes(subscription: Json) -> int | None:
    paused = subscription["pause_collection"]
    return paused.get("resumes_at") if paused else None


def _reminders(subscription: Json) -> list[tuple[int, str]]:
    """Notices ahead of an end of trial or a renewal, each once and only if there is room."""
    end, told = items.first_end(subscription), subscription["_reminded_of"]
    start = min(entry["current_period_start"] for entry in subscription["items"]["data"])
    wanted = []
    if subscription["status"] == "trialing":
        wanted.append((end - TRIAL_NOTICE, "customer.subscription.trial_will_end"))
    elif subscription["status"] == "active" and subscription["cancel_at"] is None:
        wanted.append((end - RENEWAL_NOTICE, "invoice.upcoming"))
    return [(at, event) for at, event in wanted if event not in told and at > start]


def _remind(world: World, subscription: Json, event: str) -> str:
    world.change(subscription, _reminded_of=[*subscription["_reminded_of"], event])
    thing = subscription
    if event == "invoice.upcoming":
        thing = invoices.preview(world, subscription)
    emit(world, event, thing)
    return f"announced {event} of subscription {subscription['id']}"


def _reached(world: World, moment: int | None) -> bool:
    return moment is not None and moment <= world.at
