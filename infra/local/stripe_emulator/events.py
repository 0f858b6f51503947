"""Events: what happened, frozen as it was, and the list of the last thirty days.

An event's object is stored as text when it happens. It is shaped for a version only when shown,
because a webhook endpoint of another version gets another shape of the same moment.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from . import webhooks
from .calendar import DAY
from .errors import StripeError, missing
from .listing import page, within
from .versions import DEFAULT_VERSION, shaped, shaped_previous
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
            "_object": json.dumps(thing),
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


def changes(before: Json, now: Json) -> Json:
    """`previous_attributes`: of nested hashes only the members that differ."""
    previous = {}
    for name, old in before.items():
        new = now.get(name)
        if name.startswith("_") or old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict) and "object" not in old:
            previous[name] = {
                key: old.get(key) for key in old | new if old.get(key) != new.get(key)
            }
        elif isinstance(old, dict) and old.get("object") == "list":
            previous[name] = {"data": old["data"]}
        else:
            previous[name] = old
    return previous


def presented(event: Json, version: str) -> Json:
    """The event as that version shows it."""
    public = {name: value for name, value in event.items() if not name.startswith("_")}
    thing = json.loads(event["_object"])
    data: Json = {"object": shown(thing, version)}
    if event["_previous"] is not None:
        data["previous_attributes"] = shaped_previous(thing["object"], event["_previous"], version)
    public["data"] = data
    public["api_version"] = version
    return public


def shown(thing: Json, version: str) -> Json:
    public = shaped(thing, version)
    if thing["object"] == "invoice":
        lines = [
            {name: value for name, value in line.items() if not name.startswith("_")}
            for line in public["lines"]["data"]
        ]
        public["lines"] = {**public["lines"], "data": lines}
    return public


def retrieve(world: World, _params: Json, identity: str) -> Json:
    event = world.get("event", identity)
    if event["created"] < world.at - KEPT_SECONDS:
        raise missing("event", identity)
    return event


def search(world: World, params: Json) -> Json:
    types = params.get("types")
    if types is not None and "type" in params:
        raise StripeError("You may pass either `type` or `types`, but not both.", param="types")
    if types is not None and len(types) > 20:
        raise StripeError("You may pass at most 20 types.", param="types")
    wanted = types or ([params["type"]] if "type" in params else ["*"])
    found = (
        event
        for event in _recent(world)
        if any(matches(event["type"], pattern) for pattern in wanted)
        and within(event["created"], params.get("created"))
        and _delivered(event, params.get("delivery_success"))
    )
    return page(world, "event", "/v1/events", found, params)


def matches(kind: str, pattern: str) -> bool:
    return kind == pattern or (pattern.endswith("*") and kind.startswith(pattern[:-1]))


def _recent(world: World) -> Iterator[Json]:
    for event in world.newest("event"):
        if event["created"] < world.at - KEPT_SECONDS:
            return
        yield event


def _delivered(event: Json, success: bool | None) -> bool:
    return success is None or (event["pending_webhooks"] == 0) == success
