"""Whether those who get our events by HTTP get them: whose setting cannot be used, who wants nothing any more, who is behind."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from chalicelib import delivering
from chalicelib.domain.moments import rfc3339
from chalicelib.store import directory, keys, positions
from chalicelib.store.positions import UNSENT_EVENTS, Position
from chalicelib.sweeping import LONGEST_BACKOFF
from chalicelib.wiring import World
from infra.cli.findings import Finding, fail, ok, warn
from infra.cli.patient import Patient

BEHIND = timedelta(hours=1)
LOOKED_AT = 200
"""Accounts that wait: enough to tell whom for and since when, however many there are."""


def reached(patient: Patient) -> Iterator[Finding]:
    if not patient.settings.event_endpoints:
        yield ok("nobody gets our events by HTTP")
        return
    world = patient.world()
    waiting = list(_waiting(world))
    for name in world.endpoints:
        yield _told(world, name, [at for at in waiting if at.way == name])


def _told(world: World, name: str, waiting: list[Position]) -> Finding:
    if (why := delivering.why_unusable(world, name)) is not None:
        return fail(f"{name} gets nothing: {why}", "put EventEndpoints right, and deploy")
    if (stop := delivering.stopped(world, name)) is not None:
        return fail(
            f"{name} has got nothing since {rfc3339(stop.at)}: it answered {stop.reason}",
            f"ask whose it is, then `lapse events resume {name} --apply`",
        )
    since = min((at.fails_since for at in waiting if at.fails_since), default=None)
    if since is None or world.clock.now() - since < BEHIND:
        return ok(f"{name} gets our events")
    return warn(
        f"{name} has taken nothing of {_count(waiting)} since {rfc3339(since)} at the latest",
        "see what it answers in the log of send_again; it is tried on by itself, and nothing is lost",
    )


def _count(waiting: list[Position]) -> str:
    many = "or more " if len(waiting) >= LOOKED_AT else ""
    return "one account" if len(waiting) == 1 else f"{len(waiting)} {many}accounts"


def _waiting(world: World) -> Iterator[Position]:
    """Whose next event could not leave, at whichever endpoint, those first that are tried again first."""
    latest = rfc3339(world.clock.now() + 2 * LONGEST_BACKOFF)
    found, _ = directory.deadlines(
        world.table,
        (UNSENT_EVENTS,),
        latest,
        world.settings.due_shards,
        cases=False,
        limit=LOOKED_AT,
        after=None,
    )
    for key in (key for _, key in found):
        account_id, way = keys.account_of(key), positions.way_of(key)
        at = positions.position(world.table, account_id, way)
        if at is not None and at.lags:
            yield at
