"""Webhook endpoints and the deliveries owed to them. Decides what is sent when; sends nothing.

The emulator's `deliver` does the sending, outside the lock, with what `claim` hands it.
A delivery that succeeded is forgotten; one that was dropped or given up stays, as a witness.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

import msgspec

from . import knobs
from .calendar import DAY, HOUR
from .errors import StripeError
from .event_shape import presented, wants
from .listing import page
from .versions import DEFAULT_VERSION
from .world import World

Json = dict[str, Any]

MINUTE = 60
# Waits after each failed attempt; the last is repeated until three days have passed.
BACKOFF_SECONDS = (5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 12 * HOUR)
RETRIED_SECONDS = 3 * DAY


@dataclass(frozen=True)
class Parcel:
    """One request about to be made. Extra copies are sent, but their fate changes nothing."""

    delivery: str
    url: str
    body: bytes
    headers: dict[str, str]
    extra: bool = False


def create(world: World, params: Json) -> Json:
    for name in ("url", "enabled_events"):
        if name not in params:
            raise StripeError(f"Missing required param: {name}.", param=name)
    endpoint = add(world, params, secret="whsec_" + world.new_id("s", 32)[2:])
    return {**endpoint, "secret": endpoint["_secret"]}


def add(world: World, params: Json, secret: str) -> Json:
    return world.add(
        {
            "id": world.new_id("we"),
            "object": "webhook_endpoint",
            "api_version": params.get("api_version"),
            "application": None,
            "created": world.at,
            "description": params.get("description"),
            "enabled_events": params["enabled_events"],
            "livemode": False,
            "metadata": params.get("metadata") or {},
            "status": "enabled",
            "url": params["url"],
            "_secret": secret,
        }
    )


def retrieve(world: World, _params: Json, identity: str) -> Json:
    return world.get("webhook_endpoint", identity)


def update(world: World, params: Json, identity: str) -> Json:
    endpoint = world.get("webhook_endpoint", identity)
    values: Json = {
        name: params[name]
        for name in ("url", "enabled_events", "description", "metadata")
        if name in params
    }
    if "disabled" in params:
        values["status"] = "disabled" if params["disabled"] else "enabled"
    world.change(endpoint, **values)
    return endpoint


def search(world: World, params: Json) -> Json:
    found = world.newest("webhook_endpoint")
    return page(world, "webhook_endpoint", "/v1/webhook_endpoints", found, params)


def delete(world: World, _params: Json, identity: str) -> Json:
    world.remove(world.get("webhook_endpoint", identity))
    for delivery in world.all("_delivery"):
        if delivery["endpoint"] == identity:
            _settle(world, delivery)
    return {"id": identity, "object": "webhook_endpoint", "deleted": True}


def enqueue(world: World, event: Json) -> None:
    """Owes the event to every endpoint that listens for it, as the webhook modes have it."""
    owed = [
        endpoint
        for endpoint in world.all("webhook_endpoint")
        if endpoint["status"] == "enabled" and wants(endpoint["enabled_events"], event["type"])
    ]
    if not owed:
        return
    state = "pending"
    if knobs.applies(world, "drop"):
        state = "dropped"
    elif knobs.applies(world, "delay"):
        state = "held"
    twice = knobs.applies(world, "duplicate")
    reordered = knobs.applies(world, "reorder")
    old = knobs.knobs(world)["old_version"]
    for endpoint in owed:
        world.add(
            {
                "object": "_delivery",
                "id": world.new_id("dlv"),
                "event": event["id"],
                "endpoint": endpoint["id"],
                "version": old or endpoint["api_version"] or DEFAULT_VERSION,
                "state": state,
                "first_at": world.at,
                "next_at": world.at,
                "attempts": 0,
                "twice": twice,
                "reordered": reordered,
            }
        )
    world.change(event, pending_webhooks=len(owed))


def due_at(delivery: Json) -> int | None:
    return delivery["next_at"] if delivery["state"] == "pending" else None


def release_held(world: World) -> int:
    held = [one for one in world.all("_delivery") if one["state"] == "held"]
    for delivery in held:
        world.change(delivery, state="pending", first_at=world.at, next_at=world.at)
    return len(held)


def missed_since(world: World, moment: int) -> int | None:
    """When the earliest event was created, from this moment on, that an endpoint has not taken."""
    found: int | None = None
    for delivery in world.newest("_delivery"):
        created: int = world.get("event", delivery["event"])["created"]
        if created < moment:
            # They are owed in the order in which things happened.
            break
        found = created
    return found


def claim(world: World, now: int) -> list[Parcel]:
    """Everything due now, taken off the list so that no second thread sends the same attempt."""
    found = [world.find(*key) for key in world.post.due(now)]
    due = _in_sending_order([delivery for delivery in found if delivery is not None])
    parcels = [_parcel(world, delivery, now) for delivery in due]
    extras = [_parcel(world, delivery, now, extra=True) for delivery in due if delivery["twice"]]
    return parcels + extras


def unclaim(world: World, parcels: list[Parcel]) -> None:
    """Puts back what was claimed but never sent, because the sender was interrupted."""
    for parcel in parcels:
        if (delivery := world.find("_delivery", parcel.delivery)) and not parcel.extra:
            world.touch(delivery)


def record(world: World, parcel: Parcel, status: int, now: int) -> None:
    delivery = world.find("_delivery", parcel.delivery)
    if delivery is None or parcel.extra:
        return
    if 200 <= status < 300:
        _settle(world, delivery)
        return
    wait = BACKOFF_SECONDS[min(delivery["attempts"], len(BACKOFF_SECONDS) - 1)]
    next_at = now + wait
    over = next_at > delivery["first_at"] + RETRIED_SECONDS
    world.change(
        delivery,
        attempts=delivery["attempts"] + 1,
        next_at=next_at,
        state="failed" if over else "pending",
    )
    world.touch(delivery)


def signature(secret: str, body: bytes, now: int) -> str:
    signed = hmac.new(secret.encode(), f"{now}.".encode() + body, hashlib.sha256)
    return f"t={now},v1={signed.hexdigest()}"


def _in_sending_order(due: list[Json]) -> list[Json]:
    """Those caught by `reorder_webhooks` go out newest first, in the places they had."""
    backwards = iter([delivery for delivery in reversed(due) if delivery["reordered"]])
    return [next(backwards) if delivery["reordered"] else delivery for delivery in due]


def _parcel(world: World, delivery: Json, now: int, *, extra: bool = False) -> Parcel:
    endpoint = world.get("webhook_endpoint", delivery["endpoint"])
    event = presented(world.get("event", delivery["event"]), delivery["version"])
    body = msgspec.json.encode(event)
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Stripe-Signature": signature(endpoint["_secret"], body, now),
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
    }
    return Parcel(delivery["id"], endpoint["url"], body, headers, extra)


def _settle(world: World, delivery: Json) -> None:
    event = world.get("event", delivery["event"])
    world.change(event, pending_webhooks=event["pending_webhooks"] - 1)
    world.remove(delivery)
