"""What was set aside is sent again, for an operator who mended the reason: out of order, under the ids it always had."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from chalicelib import delivering, log, publishing, ways
from chalicelib.domain.capabilities import SwitchedOff
from chalicelib.store import aside
from chalicelib.store.aside import Aside
from chalicelib.store.positions import BUS, UNSENT_EVENTS
from chalicelib.ways import Way
from chalicelib.wiring import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which of what was set aside; all of it where nothing is said."""

    id: str | None = None
    account_id: str | None = None
    since: datetime | None = None
    """What happened then or later."""
    way: str | None = None


@dataclass(frozen=True, slots=True)
class Replayed:
    aside: Aside
    error: str | None
    """Why it still cannot leave; then it stays aside."""


def found(world: World, wanted: Wanted) -> Iterator[Aside]:
    every = (
        aside.everything(world.table, world.settings.due_shards)
        if wanted.account_id is None
        else aside.of_account(world.table, wanted.account_id)
    )
    return (one for one in every if _is_wanted(one, wanted))


def _is_wanted(one: Aside, wanted: Wanted) -> bool:
    return (
        wanted.id in (None, one.id)
        and (wanted.since is None or one.said_at >= wanted.since)
        and wanted.way in (None, one.way)
    )


def replay(world: World, one: Aside) -> Replayed:
    """Sends it, and forgets that it was aside. If we stop in between it is sent once more, which nobody has to mind.

    Raises SwitchedOff and the table's errors."""
    entry = aside.entry(world.table, one)
    way = _way(world, one.way)
    if way is None:
        return Replayed(one, f"no endpoint called {one.way} is set up here")
    try:
        if entry is not None:
            if one.way == BUS:
                # Whoever could not read it could not tell the customer either.
                publishing.note(world, one.account_id, entry)
            ways.say(way, one.account_id, entry)
    except SwitchedOff:
        raise
    except Exception as error:  # noqa: BLE001 - it stays aside, and the rest goes on
        log.problem("entry_still_aside", error, entry=one.fact_id, way=one.way)
        return Replayed(one, log.reason(error))
    aside.forget(world.table, one)
    log.event("entry_replayed", account=one.account_id, entry=one.fact_id, way=one.way)
    return Replayed(one, None)


def _way(world: World, name: str) -> Way | None:
    if name == BUS:
        return publishing.to_bus(world)
    endpoint = delivering.usable(world, name)
    return Way(name, UNSENT_EVENTS, endpoint.send) if endpoint is not None else None
