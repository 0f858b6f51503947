"""What a subscription's status becomes, and the ends it can come to. Charges nothing."""

from __future__ import annotations

from typing import Any

from .events import changed, emit
from .world import World

Json = dict[str, Any]

ENDED = ("canceled", "incomplete_expired")
RENEWING = ("active", "trialing", "past_due", "unpaid")


def update(world: World, subscription: Json, **values: Any) -> None:
    """Changes it and says so, once the world has been told that it exists."""
    if subscription["_announced"]:
        changed(world, "customer.subscription.updated", subscription, **values)
    else:
        world.change(subscription, **values)


def end(
    world: World,
    subscription: Json,
    *,
    reason: str = "cancellation_requested",
    details: Json | None = None,
    scheduled: bool = False,
) -> None:
    """Ends it now. A scheduled end keeps `canceled_at`, which is when it was asked for."""
    asked_at = subscription["canceled_at"] if scheduled else None
    known = subscription["cancellation_details"]
    world.change(
        subscription,
        status="canceled",
        canceled_at=asked_at or world.at,
        ended_at=world.at,
        cancellation_details={**known, **(details or {}), "reason": reason},
        pause_collection=None,
        schedule=None,
        status_details=None,
    )
    _stop_collecting(world, subscription)
    emit(world, "customer.subscription.deleted", subscription)
    if schedule := _schedule_of(world, subscription):
        changed(
            world,
            "subscription_schedule.canceled",
            schedule,
            status="canceled",
            canceled_at=world.at,
            current_phase=None,
        )


def expire(world: World, subscription: Json) -> None:
    """23 hours without a first payment: it never began."""
    update(world, subscription, status="incomplete_expired", ended_at=world.at)


def activate(world: World, subscription: Json) -> None:
    """A payment arrived: whatever was owed no longer stands in the way."""
    if subscription["status"] in ("incomplete", "past_due", "unpaid"):
        trial_end = subscription["trial_end"]
        trialing = trial_end is not None and trial_end > world.at
        update(world, subscription, status="trialing" if trialing else "active")


def fall_behind(world: World, subscription: Json) -> None:
    if subscription["status"] in ("active", "trialing"):
        update(world, subscription, status="past_due")


def paused_since(world: World, why: str) -> Json:
    """`status_details` of a subscription that stands still from now on."""
    return {
        "paused": {
            "subscription": {"type": why},
            "transitioned_at": world.at,
            "type": "subscription",
        }
    }


def _stop_collecting(world: World, subscription: Json) -> None:
    """Stripe no longer tries to collect what is open once the subscription is over."""
    for invoice in world.where("invoice", "_subscription", subscription["id"]):
        if invoice["status"] in ("draft", "open"):
            changed(
                world,
                "invoice.updated",
                invoice,
                auto_advance=False,
                next_payment_attempt=None,
                automatically_finalizes_at=None,
            )


def _schedule_of(world: World, subscription: Json) -> Json | None:
    for schedule in world.all("subscription_schedule"):
        if schedule["subscription"] == subscription["id"] and schedule["status"] == "active":
            return schedule
    return None
