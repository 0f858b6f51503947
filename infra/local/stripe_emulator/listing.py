"""Stripe's lists: newest first, a page at a time, forwards or backwards from an object's id."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .errors import StripeError
from .world import World

Json = dict[str, Any]


def page(world: World, kind: str, url: str, found: Iterable[Json], params: Json) -> Json:
    """`found` is newest first; only as much of it is read as the page needs."""
    limit = params.get("limit", 10)
    if not 1 <= limit <= 100:
        raise StripeError(
            "Invalid integer: limit must be between 1 and 100.",
            code="parameter_invalid_integer",
            param="limit",
        )
    if "starting_after" in params and "ending_before" in params:
        raise StripeError(
            "You may specify only one of: ending_before, starting_after.", param="ending_before"
        )
    if "ending_before" in params:
        data, more = _before(_cursor(world, kind, params, "ending_before"), found, limit)
    else:
        after = _cursor(world, kind, params, "starting_after")
        data, more = _after(after, found, limit)
    return {"object": "list", "data": data, "has_more": more, "url": url}


def within(moment: int, bounds: int | Json | None) -> bool:
    """Stripe's `created`: an exact second, or any of gt, gte, lt, lte."""
    if bounds is None:
        return True
    if isinstance(bounds, int):
        return moment == bounds
    return bool(
        moment > bounds.get("gt", moment - 1)
        and moment >= bounds.get("gte", moment)
        and moment < bounds.get("lt", moment + 1)
        and moment <= bounds.get("lte", moment)
    )


def matching(params: Json, *members: str) -> Any:
    """A test that an object has the values asked for in these parameters."""
    wanted = {member: params[member] for member in members if member in params}
    created = params.get("created")

    def fits(thing: Json) -> bool:
        same = all(thing.get(member) == value for member, value in wanted.items())
        return same and within(thing.get("created", 0), created)

    return fits


def _cursor(world: World, kind: str, params: Json, name: str) -> str | None:
    identity: str | None = params.get(name)
    if identity is not None:
        world.get(kind, identity, name, 400)
    return identity


def _after(cursor: str | None, found: Iterable[Json], limit: int) -> tuple[list[Json], bool]:
    data: list[Json] = []
    reached = cursor is None
    for thing in found:
        if reached and len(data) == limit:
            return data, True
        if reached:
            data.append(thing)
        reached = reached or thing["id"] == cursor
    return data, False


def _before(cursor: str | None, found: Iterable[Json], limit: int) -> tuple[list[Json], bool]:
    """The page that ends just before the cursor: the `limit` objects next newer than it."""
    newer: list[Json] = []
    for thing in found:
        if thing["id"] == cursor:
            break
        newer.append(thing)
    return newer[-limit:], len(newer) > limit
