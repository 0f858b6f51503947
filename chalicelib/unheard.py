"""Stripe's events that could not be applied yet: which of them wait, why, and where each lies.

It reads and changes nothing. The due index says where to look, and may lag; each row says what is so.
"""

from __future__ import annotations

from typing import Any

from chalicelib.domain.moments import rfc3339
from chalicelib.store import directory, keys, parked
from chalicelib.store.table import Key
from chalicelib.wiring import World

Shown = dict[str, Any]


def parked_shown(
    world: World, *, limit: int, after: str | None = None
) -> tuple[list[Shown], str | None]:
    """A page of those that wait, soonest next try first, and where the next one begins."""
    found, more = directory.deadlines(
        world.table,
        [parked.KIND],
        directory.LAST,
        world.settings.due_shards,
        cases=False,
        limit=limit,
        after=after,
    )
    rows = world.table.get_many([key for _, key in found])
    shown = [_parked(at, parked.from_row(rows[key])) for at, key in found if key in rows]
    return shown, more


def _parked(next_try_at: str, event: parked.ParkedEvent) -> Shown:
    return {
        "id": event.event_id,
        "type": event.type,
        "created": rfc3339(event.created),
        "customer": event.customer_id,
        "reason": event.reason,
        "parked_at": rfc3339(event.parked_at),
        "attempts": event.attempts,
        "next_try_at": next_try_at,
    }


def find_parked(world: World, event_id: str) -> Key | None:
    """Where it waits: an event knows its shard, not whose it is."""
    kind = keys.due_kind(parked.KIND, event_id, world.settings.due_shards)
    after: str | None = None
    while True:
        page = world.table.due(kind, directory.LAST, after=after)
        for due in page.due:
            if due.key.sk == keys.PARKED + event_id:
                return due.key
        if (after := page.after) is None:
            return None
