"""Subscription items: what is subscribed to, each with its own period, and what a period costs."""

from __future__ import annotations

from typing import Any

from .calendar import next_boundary, previous_boundary
from .catalogue import plan_of, priced
from .errors import StripeError, required
from .payments import merged
from .world import World

Json = dict[str, Any]


def make(world: World, given: Json, subscription: str, start: int, end: int, param: str) -> Json:
    price = priced(world, given, param)
    if price["recurring"] is None:
        raise StripeError(
            f"The price specified is set to `type=one_time` but this field only accepts prices"
            f" with `type=recurring`: {price['id']}",
            param=f"{param}[price]",
        )
    return {
        "id": world.new_id("si", 14),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": world.at,
        "current_period_end": end,
        "current_period_start": start,
        "discounts": [],
        "metadata": given.get("metadata") or {},
        "plan": plan_of(price),
        "price": price,
        "quantity": given.get("quantity", 1),
        "subscription": subscription,
        "tax_rates": [],
    }


def holder(subscription: str, items: list[Json]) -> Json:
    return {
        "object": "list",
        "data": items,
        "has_more": False,
        "total_count": len(items),
        "url": f"/v1/subscription_items?subscription={subscription}",
    }


def with_items(subscription: Json, items: list[Json]) -> Json:
    return {**subscription["items"], "data": items, "total_count": len(items)}


def moved(subscription: Json, start: int, end: int) -> Json:
    """Every item in one and the same period."""
    return with_items(
        subscription,
        [
            {**item, "current_period_start": start, "current_period_end": end}
            for item in subscription["items"]["data"]
        ],
    )


def first_end(subscription: Json) -> int:
    return min(int(item["current_period_end"]) for item in subscription["items"]["data"])


def last_end(subscription: Json) -> int:
    return max(int(item["current_period_end"]) for item in subscription["items"]["data"])


def first_start(subscription: Json) -> int:
    return min(int(item["current_period_start"]) for item in subscription["items"]["data"])


def amended(world: World, item: Json, given: Json, param: str) -> Json:
    """The item with another price, quantity or metadata; its period stays."""
    values: Json = {}
    if "price" in given or "price_data" in given:
        price = priced(world, given, param)
        values.update(price=price, plan=plan_of(price))
    if "quantity" in given:
        values["quantity"] = given["quantity"]
    if "metadata" in given:
        values["metadata"] = merged(item["metadata"], given["metadata"])
    return {**item, **values}


def period_end(item: Json, anchor: int, after: int) -> int:
    """Where the item's period ends that contains `after`."""
    recurring = item["price"]["recurring"]
    return next_boundary(anchor, recurring["interval"], recurring["interval_count"], after)


def full_start(item: Json, anchor: int, end: int) -> int:
    """Where a whole period ending at `end` begins: by it a part of a period is measured."""
    recurring = item["price"]["recurring"]
    return previous_boundary(anchor, recurring["interval"], recurring["interval_count"], end)


def amount(item: Json) -> int:
    return int(item["price"]["unit_amount"]) * int(item["quantity"])


def share(whole: int, part_seconds: int, whole_seconds: int) -> int:
    """A part of an amount, rounded half up."""
    if part_seconds >= whole_seconds:
        return whole
    return (2 * whole * part_seconds + whole_seconds) // (2 * whole_seconds)


def retrieve(world: World, _params: Json, identity: str) -> Json:
    for subscription in world.all("subscription"):
        for item in subscription["items"]["data"]:
            if item["id"] == identity:
                return dict(item)
    return world.get("subscription_item", identity)


def search(world: World, params: Json) -> Json:
    if "subscription" not in params:
        raise required("subscription")
    subscription = world.get("subscription", params["subscription"], "subscription", 400)
    return {**subscription["items"], "url": "/v1/subscription_items"}
