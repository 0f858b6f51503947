"""One account's history leaves along one way: in order, at least once, and no entry holds up the later ones for ever.

The bus is a way, and so is every HTTP endpoint. Each has a position of its own, so that what goes wrong on one neither
delays nor repeats anything on another. Three things may go wrong. The way itself is out of reach: then it rests for a
moment, and nobody's tries are counted meanwhile. An event does not get through: it is tried again, further and further
apart, and its account's later ones wait. An event never will: it is set aside for an operator, with the reason, and the
later ones go on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib import log
from chalicelib.domain import news
from chalicelib.domain.capabilities import EVENTS, SwitchedOff
from chalicelib.domain.moments import from_rfc3339, rfc3339
from chalicelib.domain.news import DomainEvent, HistoryEntry
from chalicelib.effects.effect import OutOfTime
from chalicelib.gateways.events import EventRefused, Gone, OutOfReach
from chalicelib.store import aside, job_notes, outbox, positions
from chalicelib.store.positions import Position
from chalicelib.store.table import Put, StoreError
from chalicelib.sweeping import backoff
from chalicelib.wiring import World

MOST_TRIES = 16
"""Of one event: nearly three days with the backoff. Then it is set aside, if others got through meanwhile."""
TRIES_LEFT_AFTER_AN_OUTAGE = 8
"""Nobody got through meanwhile, so it was not this event: it is tried for two more days, and so on."""
GIVEN_UP_AFTER = timedelta(days=28)
"""Then it is set aside even if nobody gets through: perhaps there is nobody else."""
REST = timedelta(minutes=1)
CHUNK = 25
NOTES = "ways"
"""Where it is noted when each way last took an event."""
NOTED_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Way:
    name: str
    due_kind: str
    """Under which accounts wait in the due index for their next try."""
    say: Callable[[DomainEvent], None]
    """Raises EventRefused, OutOfReach, Gone, SwitchedOff; anything else means: this one did not get through."""
    since: datetime | None = None
    """What happened before is not said."""


def is_open(world: World, way: str, kind: str, at: Position) -> bool:
    """Whether anything of this account may leave along it now. What may not is put where the schedule finds it, without
    a try being counted; so nobody walks over it again and again meanwhile."""
    now = world.clock.now()
    if not world.gate.is_on(EVENTS):
        hold(world, kind, at, now, "switched off")
        return False
    if at.waits_until is not None and now < at.waits_until:
        return False
    if (until := rests_until(world, way)) is not None:
        hold(world, kind, at, until, "out of reach")
        return False
    return True


def hold(world: World, kind: str, at: Position, until: datetime, reason: str) -> None:
    if at.waits_until is None:
        positions.wait(world.table, at, kind, until, world.settings.due_shards, reason=reason)


def rests_until(world: World, way: str) -> datetime | None:
    """Set where this process found it out of reach a moment ago: the next account would fare no better."""
    if way not in world.rests:
        return None
    since, until = world.rests[way]
    # A clock that was set back would have it rest for ever.
    return until if since <= world.clock.now() < until else None


def events_of(account_id: str, entry: HistoryEntry) -> tuple[DomainEvent, ...]:
    """Raises EventRefused for an entry nobody can read: trying again would not help."""
    try:
        outbox.notices_of(entry)
        return news.events(account_id, entry)
    except Exception as error:
        raise EventRefused(log.reason(error)) from error


def say(way: Way, account_id: str, entry: HistoryEntry) -> int:
    """How many events it said: an entry may be ours alone."""
    if way.since is not None and entry.at < way.since:
        return 0
    events = events_of(account_id, entry)
    for event in events:
        way.say(event)
    return len(events)


def go(
    world: World,
    way: Way,
    at: Position,
    entries: Sequence[HistoryEntry],
    out_of_time: OutOfTime = lambda: False,
) -> int:
    """Sends these entries, oldest first, and moves the position on behind them. How many are out.

    Raises Gone, when everything that did leave is noted, and the table's errors."""
    out = 0
    for start in range(0, len(entries), CHUNK):
        went = _go(world, way, at, entries[start : start + CHUNK], out_of_time)
        out += went.count
        if went.at is None:
            break
        at = went.at
    return out


@dataclass(frozen=True, slots=True)
class _Went:
    count: int
    at: Position | None
    """Where to go on from; None when this account's way ends here for now."""


def _go(
    world: World,
    way: Way,
    at: Position,
    entries: Sequence[HistoryEntry],
    out_of_time: OutOfTime,
) -> _Went:
    out: list[HistoryEntry] = []
    beside: list[Put] = []
    said = 0
    stopped_by: Exception | None = None
    for entry in entries:
        if out_of_time():
            stopped_by = _NoTimeLeft()
            break
        try:
            said += say(way, at.account_id, entry)
        except Exception as error:  # noqa: BLE001 - isolated: it waits or is set aside, with its reason
            if not _is_hopeless(world, way, error, None if out else at):
                stopped_by = error
                break
            beside.append(_set_aside(world, way, at.account_id, entry, error))
        out.append(entry)
    if said:
        _note_success(world, way.name)
    after = positions.advance(world.table, at, out[-1], beside) if out else at
    if isinstance(stopped_by, Gone):
        raise stopped_by
    if stopped_by is None or after is None:
        return _Went(len(out), after)
    _stop(world, way, after, stopped_by)
    return _Went(len(out), None)


class _NoTimeLeft(Exception):
    pass


def _stop(world: World, way: Way, at: Position, error: Exception) -> None:
    """Why nothing more leaves along this way now, and when it is tried again."""
    now = world.clock.now()
    match error:
        case _NoTimeLeft():
            hold(world, way.due_kind, at, now, "no time was left")
        case SwitchedOff():
            hold(world, way.due_kind, at, now, "switched off")
        case _:
            asked_for = timedelta(0)
            if isinstance(error, OutOfReach):
                asked_for = error.asked_for
                world.rests[way.name] = now, now + max(REST, asked_for)
            _try_later(world, way, at, error, asked_for)


def _try_later(
    world: World, way: Way, at: Position, error: Exception, asked_for: timedelta
) -> None:
    now, attempts = world.clock.now(), at.attempts + 1
    since = at.fails_since or now
    log.problem(
        "publishing_stuck",
        error,
        account=at.account_id,
        way=way.name,
        attempts=attempts,
        waiting_seconds=int((now - since).total_seconds()),
    )
    positions.wait(
        world.table,
        at,
        way.due_kind,
        now + max(backoff(attempts), asked_for),
        world.settings.due_shards,
        reason=log.reason(error),
        attempts=attempts if attempts < MOST_TRIES else MOST_TRIES - TRIES_LEFT_AFTER_AN_OUTAGE,
        fails_since=since,
    )


# -- what never will get through


def _is_hopeless(world: World, way: Way, error: Exception, at: Position | None) -> bool:
    """`at` is where it failed before; None for an event that is tried for the first time."""
    if isinstance(error, EventRefused):
        return True
    if isinstance(error, Gone | SwitchedOff):
        return False
    if at is None or at.fails_since is None or at.attempts + 1 < MOST_TRIES:
        return False
    now = world.clock.now()
    took = _last_success(world, way.name)
    return (took is not None and took > at.fails_since) or now - at.fails_since >= GIVEN_UP_AFTER


def _set_aside(
    world: World, way: Way, account_id: str, entry: HistoryEntry, error: Exception
) -> Put:
    log.problem("entry_set_aside", error, account=account_id, entry=entry.id, way=way.name)
    now, shards = world.clock.now(), world.settings.due_shards
    return aside.put(account_id, way.name, entry, log.reason(error), now, shards)


def _note_success(world: World, way: str) -> None:
    """Roughly when it last took something: an event that failed since before that is at fault itself."""
    now, mark = world.clock.now(), f"took:{way}"
    noted = world.marks.get(mark)
    if noted is not None and timedelta(0) <= now - noted < NOTED_EVERY:
        return
    with suppress(StoreError):
        job_notes.keep(world.table, NOTES, f"took:{way}", {"at": rfc3339(now)})
        world.marks[mark] = now


def _last_success(world: World, way: str) -> datetime | None:
    row = job_notes.find(world.table, NOTES, f"took:{way}")
    return from_rfc3339(row["doc"]["at"]) if row else None
