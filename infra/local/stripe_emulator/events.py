"""Events: what happened, frozen as it was, and the list of the last thirty days.

An event's object is stored as text when it happens. It is shaped for a version only when shown,
because a webhook endpoint of another version gets another shape of the same moment.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from . import webhooks
from .calendar import DAY
from .errors import StripeError, missing
from .event_shape import changes, wants
from .listing import page, within
from .versions import DEFAULT_VERSION
from .world import World

Json = dict[str, Any]

KEPT_SECONDS = 30 * DAY


def emit(world: World, kind: str, thing: Json, before: Json | None = None) -> None:
    """Records that something happened to an object; `before` holds the members that changed."""
    tells = kind.endswith(".updated") or kind == "charge.refunded"
    previous = changes(before, thing) if before is not None and tells else None
    event = world.add(
        {
            "id": world.new_id("evt"),
            "object": "event",
            "account": None,
            "api_version": DEFAULT_VERSION,
            "created": world.at,
            "livemode": False,
            "pending_webhooks": 0,
            "request": dict(world.request),
            "type": kind,
            "_object": msgspec.json.encode(thing).decode(),
            "_previous": previous,
        }
    )
    webhooks.enqueue(world, event)


def changed(world: World, kind: str, thing: Json, **values: Any) -> Json:
    """Changes an object and, if anything really changed, says so by an event."""
    before = world.change(thing, **values)
    if before:
        emit(world, kind, thing, before)
    return before


def retrieve(world: World, _params: Json, identity: str) -> Json:
    return _remembered(world, identity)


def _remembered(world: World, identity: str, param: str = "id") -> Json:
    """After thirty days an event is gone for everybody, also as the place where a list goes on."""
    status = 404 if param == "id" else 400
    event = world.get("event", identity, param, status)
    if event["created"] < world.at - KEPT_SECONDS:
        raise missing("event", identity, param, status)
    return event


def search(world: World, params: Json) -> Json:
    types = params.get("types")
    for name in ("starting_after", "ending_before"):
        if params.get(name) is not None:
            _remembered(world, params[name], name)
    if types is not None and "type" in params:
        raise StripeError("You may pass either `type` or `types`, but not both.", param="types")
    if types is not None and len(types) > 20:
        raise StripeError("You may pass at most 20 types.", param="types")
    wanted = types or ([params["type"]] if "type" in params else ["*"])
    found = (
        event
        for event in _recent(world)
        # Cheapest first: nearly all were delivered.
        if _delivered(event, params.get("delivery_success"))
        and within(event["created"], params.get("created"))
        and wants(wanted, event["type"])
    )
    return page(world, "event", "/v1/events", found, params)


def _recent(world: World) -> Iterator[Json]:
    for event in world.newest("event"):
        if event["created"] < world.at - KEPT_SECONDS:
            return
        yield event


def _delivered(event: Json, success: bool | None) -> bool:
    return success is None or (event["pending_webhooks"] == 0) == success
