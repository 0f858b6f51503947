"""The history goes to HTTP endpoints: each is a way of its own (`ways`), with a position in every account's history.

Endpoints are spoken to in two places only, the stream's second function and a job: whoever keeps us waiting keeps
neither the bus nor a customer's mail waiting. One that answers 410 wants nothing any more: it is stopped, and somebody
is told; every account's place in it stays, so that it goes on from there once an operator says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chalicelib import log, ways
from chalicelib.domain.capabilities import EVENTS
from chalicelib.domain.moments import from_rfc3339, rfc3339
from chalicelib.effects.effect import OutOfTime
from chalicelib.gateways.endpoint_settings import EndpointsWrong
from chalicelib.gateways.events import Endpoint, Gone
from chalicelib.sharing import Reach
from chalicelib.store import job_notes, keys, positions
from chalicelib.store.positions import UNSENT_EVENTS, Position
from chalicelib.store.table import Key
from chalicelib.sweeping import Outcome, Report, each_due
from chalicelib.ways import Way
from chalicelib.wiring import World

NOTES = "endpoints"


def deliver(
    world: World,
    account_id: str,
    out_of_time: OutOfTime = lambda: False,
    *,
    names: Sequence[str] | None = None,
) -> int:
    """Sends what the account's history holds beyond its position at each endpoint. How many entries went out.

    Raises the table's errors only."""
    asked = [*world.endpoints] if names is None else names
    found = positions.of_account(world.table, account_id, asked)
    return sum(_deliver(world, at, out_of_time) for at in found.values() if at.lags)


def _deliver(world: World, at: Position, out_of_time: OutOfTime) -> int:
    endpoint = usable(world, at.way)
    if endpoint is None or stopped(world, at.way) is not None:
        return 0
    if not ways.is_open(world, at.way, UNSENT_EVENTS, at):
        return 0
    if out_of_time():
        ways.hold(world, UNSENT_EVENTS, at, world.clock.now(), "no time was left")
        return 0
    way = Way(at.way, UNSENT_EVENTS, endpoint.send, endpoint.since)
    try:
        return ways.go(world, way, at, positions.missing(world.table, at), out_of_time)
    except Gone as gone:
        _stop(world, at.way, endpoint, gone)
        return 0


def usable(world: World, name: str) -> Endpoint | None:
    """None where the settings say nothing that could be used, which is said each time."""
    try:
        return world.endpoints.get(name)
    except EndpointsWrong as error:
        log.problem("endpoint_unusable", error, endpoint=name)
        return None


def why_unusable(world: World, name: str) -> str | None:
    try:
        world.endpoints.get(name)
    except EndpointsWrong as error:
        return str(error)
    return None


# -- what the schedule calls


def send_again(
    world: World, out_of_time: OutOfTime = lambda: False, reach: Reach | None = None
) -> Report:
    """Accounts for which something waits, at whichever endpoint."""
    if not world.endpoints or not world.gate.is_on(EVENTS):
        return Report()
    for name in world.endpoints:
        if (stop := stopped(world, name)) is not None:
            log.event("endpoint_stopped", endpoint=name, since=rfc3339(stop.at))
    return each_due(
        world,
        UNSENT_EVENTS,
        out_of_time,
        lambda due: _try_again(world, due.key, out_of_time),
        reach,
    )


def _try_again(world: World, key: Key, out_of_time: OutOfTime) -> Outcome:
    account_id, way = keys.account_of(key), positions.way_of(key)
    if ways.rests_until(world, way) is not None:
        return "to be tried again"
    try:
        deliver(world, account_id, out_of_time, names=(way,))
        at = positions.position(world.table, account_id, way)
        if at is not None and at.lags and way in open_endpoints(world):
            return "to be tried again"
        if at is not None:
            # Up to date; or its endpoint is stopped or gone from the settings, and nothing is tried until it is back.
            positions.settle(world.table, at)
    except Exception as error:  # noqa: BLE001 - isolated: it stays due, and the next account goes on
        log.problem("delivering_failed", error, account=account_id, endpoint=way)
        return "to be tried again"
    return "done"


def owe(world: World, account_id: str) -> None:
    """Puts what is behind at an endpoint where the job finds it. Sends nothing."""
    names = open_endpoints(world)
    for at in positions.of_account(world.table, account_id, names).values():
        if at.lags:
            ways.hold(world, UNSENT_EVENTS, at, world.clock.now(), "caught up")


# -- one that wants nothing any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    at: datetime
    reason: str


def stopped(world: World, name: str) -> Stopped | None:
    """That it was stopped, unless it has moved to another address since."""
    row, endpoint = job_notes.find(world.table, NOTES, name), usable(world, name)
    if row is None or endpoint is None or row["doc"]["address"] != endpoint.address:
        return None
    return Stopped(at=from_rfc3339(row["doc"]["at"]), reason=row["doc"]["reason"])


def open_endpoints(world: World) -> list[str]:
    return [
        name
        for name in world.endpoints
        if usable(world, name) is not None and stopped(world, name) is None
    ]


def _stop(world: World, name: str, endpoint: Endpoint, gone: Gone) -> None:
    now = world.clock.now()
    job_notes.keep(
        world.table,
        NOTES,
        name,
        {"at": rfc3339(now), "reason": str(gone), "address": endpoint.address},
    )
    log.problem("endpoint_stopped", gone, endpoint=name)


def resume(world: World, name: str) -> None:
    """It is spoken to again. What waited meanwhile is found by the catch-up."""
    job_notes.keep(
        world.table, NOTES, name, {"at": rfc3339(world.clock.now()), "reason": "", "address": ""}
    )
