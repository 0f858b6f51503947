"""What stands at Stripe of a resident: the truth against which everything of ours is held."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from tests.simulation.world import Resident, Simulated


def at_stripe(world: Simulated, resident: Resident) -> list[dict[str, Any]]:
    return list(world.emulator._world.where("subscription", "customer", resident.customer))


def plan_name(world: Simulated, resident: Resident, subscription: dict[str, Any]) -> str | None:
    price = subscription["items"]["data"][0]["price"]
    known = (
        world.emulator._world.find("price", price if isinstance(price, str) else price["id"]) or {}
    )
    _, _, rest = (known.get("lookup_key") or "").partition(":")
    return rest.partition(":")[0] or None


def plan_says(
    world: Simulated, resident: Resident, subscription: dict[str, Any], what: str
) -> bool:
    plan = world.clean.policies.get(resident.policy).plans.get(
        plan_name(world, resident, subscription) or ""
    )
    return bool(plan and getattr(plan, what))


def channels_of(
    world: Simulated, resident: Resident, subscription: dict[str, Any]
) -> tuple[str, ...]:
    plans = world.clean.policies.get(resident.policy).plans
    plan = plans.get(plan_name(world, resident, subscription) or "")
    return plan.message_channels if plan else ()


def was_there(world: Simulated, subscription: dict[str, Any], date: datetime) -> bool:
    """Ended at once by somebody, it goes on as far as it was paid for."""
    ended = subscription["ended_at"]
    goes_on = not ended or date < max(instant(ended), paid_until(world, subscription))
    return instant(subscription["start_date"]) <= date and goes_on


def is_paid(world: Simulated, subscription: dict[str, Any], now: datetime) -> bool:
    """Certainly: it lives, nothing went back, and a paid invoice reaches beyond now."""
    return (
        subscription["status"] in ("active", "trialing")
        and not went_back(world, subscription)
        and paid_until(world, subscription) > now
    )


def paid_until(world: Simulated, subscription: dict[str, Any]) -> datetime:
    ends = [
        line["period"]["end"]
        for invoice in invoices_of(world, subscription)
        if invoice["status"] == "paid"
        for line in invoice["lines"]["data"]
        if line["amount"] >= 0
    ]
    return instant(max(ends, default=0))


def ever_paid(world: Simulated, subscription: dict[str, Any]) -> bool:
    return any(invoice["status"] == "paid" for invoice in invoices_of(world, subscription))


def went_back(world: Simulated, subscription: dict[str, Any]) -> bool:
    stripe = world.emulator._world
    charges = [
        c
        for i in invoices_of(world, subscription)
        for c in stripe.where("charge", "_invoice", i["id"])
    ]
    return any(c["amount_refunded"] or c["disputed"] for c in charges)


def is_owed(world: Simulated, subscription_id: str) -> bool:
    """Stripe gives up on what is not paid, whatever was planned."""
    invoices = world.emulator._world.where("invoice", "_subscription", subscription_id)
    return any(invoice["status"] not in ("paid", "draft") for invoice in invoices)


def is_open_at_stripe(world: Simulated, dispute_id: str, at: datetime) -> bool:
    """Whether it had been opened by then, and nobody has decided it yet."""
    dispute = world.emulator._world.get("dispute", dispute_id)
    return instant(dispute["created"]) <= at and dispute["status"] not in ("won", "lost")


def invoices_of(world: Simulated, subscription: dict[str, Any]) -> list[dict[str, Any]]:
    return list(world.emulator._world.where("invoice", "_subscription", subscription["id"]))


def instant(unix: int) -> datetime:
    return datetime.fromtimestamp(unix, UTC)


def unix_of(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())
