"""The history goes out: domain events to the event bus, mail to customers. At least once, in order, nothing lost.

Whatever says that an account has news (a stream, a retry, the catch-up) is only a hint: what is not published is read
from the table. Events of one account leave in the order of its history (`ways`). Mail does not wait for them: what a
customer is to be told is noted first, and each notice is sent under its own key, with tries of its own. Nothing here
ever changes an account, and no failure here reaches whoever changed it. HTTP endpoints are `delivering`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from chalicelib import log, mailing, walking, ways
from chalicelib.domain import notices
from chalicelib.domain.capabilities import EVENTS
from chalicelib.domain.news import DomainEvent, HistoryEntry
from chalicelib.effects.effect import OutOfTime
from chalicelib.sharing import Reach
from chalicelib.store import keys, outbox, positions
from chalicelib.store.positions import BUS, NOTICES, STUCK, Position
from chalicelib.store.table import Key
from chalicelib.sweeping import Outcome, Report, each_due
from chalicelib.visiting import Walked
from chalicelib.ways import Way
from chalicelib.wiring import World

CLAIM = timedelta(minutes=10)
"""Longer than a publisher lives: whoever notes a notice sends it at once, and nobody else before then."""
CATCH_UP, CATCH_UP_EVERY = "catch_up_publishing", timedelta(hours=6)


def publish(world: World, account_id: str, out_of_time: OutOfTime = lambda: False) -> int:
    """Publishes what the account's history holds beyond its position. How many entries went out.

    Raises the table's errors only.
    """
    at = positions.of_account(world.table, account_id, (BUS, NOTICES))
    if not at or not at[BUS].lags:
        return 0
    bus, noted = at[BUS], _further(at[BUS], at[NOTICES])
    if not ways.is_open(world, BUS, STUCK, bus):
        # Noted up to here, so that the next one who comes does not look at all of it again.
        entries = positions.missing(world.table, noted) if noted.lags else []
        _note_all(world, account_id, noted, entries)
        if entries:
            positions.advance(world.table, at[NOTICES], entries[-1])
        return 0
    entries = positions.missing(world.table, bus)
    _note_all(world, account_id, noted, entries)
    return ways.go(world, to_bus(world), bus, entries, out_of_time)


def to_bus(world: World) -> Way:
    def say(event: DomainEvent) -> None:
        if world.events is not None:
            world.events.publish(event)

    return Way(BUS, STUCK, say)


def _further(bus: Position, noted: Position) -> Position:
    """How far notices are noted. They are noted before their events leave, so what has left is noted as well; only
    while the bus waits do they have a place of their own."""
    return noted if (noted.version or 0) > (bus.version or 0) else bus


def _note_all(
    world: World, account_id: str, noted: Position, entries: Sequence[HistoryEntry]
) -> None:
    for entry in entries:
        if entry.version > (noted.version or 0):
            note(world, account_id, entry)


def note(world: World, account_id: str, entry: HistoryEntry) -> None:
    """Keeps what the customer is to be told of it, once, and sends it. Events that are stuck do not hold it up."""
    until, shards = world.clock.now() + CLAIM, world.settings.due_shards
    for n, notice in enumerate(_notices(account_id, entry)):
        key = outbox.keep(world.table, account_id, entry, n, notice, until, shards)
        if key is not None:
            mailing.send_isolated(world, key)


def _notices(account_id: str, entry: HistoryEntry) -> list[notices.Notice]:
    try:
        return outbox.notices_of(entry)
    except Exception as error:  # noqa: BLE001 - isolated: its entry is set aside in its turn, with the reason
        log.problem("notice_unreadable", error, account=account_id, entry=entry.id)
        return []


# -- what the schedule calls


def retry_stuck(
    world: World, out_of_time: OutOfTime = lambda: False, reach: Reach | None = None
) -> Report:
    """Accounts whose publishing had to wait."""
    if not world.gate.is_on(EVENTS):
        return Report()
    return each_due(
        world, STUCK, out_of_time, lambda due: _try_again(world, due.key, out_of_time), reach
    )


def _try_again(world: World, key: Key, out_of_time: OutOfTime) -> Outcome:
    if ways.rests_until(world, BUS) is not None:
        return "to be tried again"
    account_id = keys.account_of(key)
    publish_isolated(world, account_id, out_of_time)
    at = positions.position(world.table, account_id)
    if at is not None and at.lags:
        return "to be tried again"
    if at is not None:
        positions.settle(world.table, at)
    return "done"


def publish_isolated(
    world: World, account_id: str, out_of_time: OutOfTime = lambda: False
) -> Outcome:
    """As `publish`; a failure is logged, and the next account does not wait for this one."""
    try:
        publish(world, account_id, out_of_time)
    except Exception as error:  # noqa: BLE001 - isolated: what is not published stays beyond the position
        log.problem("publishing_failed", error, account=account_id)
        return "to be tried again"
    return "done"


def catch_up(
    world: World,
    out_of_time: OutOfTime = lambda: False,
    reach: Reach | None = None,
    *,
    every: timedelta = timedelta(0),
) -> Walked | str:
    """Every account whose history is further than one of its positions: nothing is lost when no publisher ran for
    days.

    It reads two rows of each account (and one for each endpoint), and the entries that are missing. What is behind at
    an endpoint is put where the job that speaks to endpoints finds it.
    """
    from chalicelib import delivering

    names = (BUS, *delivering.open_endpoints(world))

    def visit(account_id: str) -> str:
        publish(world, account_id, out_of_time)
        delivering.owe(world, account_id)
        return "done"

    def lagging(account_ids: Sequence[str]) -> list[str]:
        found = positions.of_accounts(world.table, account_ids, names)
        return [id for id, at in found.items() if any(one.lags for one in at.values())]

    walked = walking.periodically(world, CATCH_UP, every, visit, out_of_time, reach, choose=lagging)
    return walked or ""


def catch_up_with_all(world: World) -> None:
    """A walk over everybody that begins now: one that is under way may have passed some already, so it is finished
    first."""
    now = world.clock.now()
    walked = catch_up(world)
    if isinstance(walked, Walked) and walked.walk.began_at < now:
        catch_up(world)


def catch_up_now_and_then(
    world: World, out_of_time: OutOfTime, reach: Reach | None = None
) -> Walked | str:
    """Begins to catch up every six hours, and goes on with what is not finished."""
    return catch_up(world, out_of_time, reach, every=CATCH_UP_EVERY)
