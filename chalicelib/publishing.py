"""The history goes out: domain events to other systems, mail to customers. At least once, in order, nothing lost.

Whatever says that an account has news (a stream, a retry, the catch-up) is only a hint: what is not published is read
from the table. Events of one account leave in the order of its history; one that cannot leave now holds up the later
ones of that account alone, one that never can is set aside. Mail does not wait for them: what a customer is to be told
is noted first, and each notice is sent under its own key, with tries of its own. Nothing here ever changes an account,
and no failure here reaches whoever changed it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from chalicelib import log, mailing, walking
from chalicelib.domain import news, notices
from chalicelib.domain.capabilities import EVENTS, SwitchedOff
from chalicelib.domain.news import HistoryEntry
from chalicelib.effects.effect import OutOfTime
from chalicelib.gateways.events import EventRefused
from chalicelib.sharing import Reach
from chalicelib.store import keys, outbox
from chalicelib.store.outbox import Position
from chalicelib.store.table import Key, Put
from chalicelib.sweeping import Outcome, Report, backoff, each_due
from chalicelib.walking import Walked
from chalicelib.wiring import World

CLAIM = timedelta(minutes=10)
"""Longer than a publisher lives: whoever notes a notice sends it at once, and nobody else before then."""
MOST_TRIES = 16
"""Of one event: nearly three days with the backoff. Then it is set aside, and the rest goes on."""
CHUNK = 25
CATCH_UP, CATCH_UP_EVERY = "catch_up_publishing", timedelta(hours=6)


def publish(world: World, account_id: str) -> int:
    """Publishes what the account's history holds beyond its position. How many entries went out.

    Raises the table's errors only.
    """
    at = outbox.position(world.table, account_id)
    if at is None or not at.lags:
        return 0
    entries, out = outbox.unpublished(world.table, at), 0
    for entry in entries:
        _note(world, account_id, entry)
    if not world.gate.is_on(EVENTS):
        # Held back where it is, without a try being counted: all of it leaves, in order, once it may.
        return 0
    if at.waits_until is not None and world.clock.now() < at.waits_until:
        return 0
    for start in range(0, len(entries), CHUNK):
        went = _publish_chunk(world, at, entries[start : start + CHUNK])
        out += went.count
        if went.at is None:
            break
        at = went.at
    return out


def _note(world: World, account_id: str, entry: HistoryEntry) -> None:
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


@dataclass(frozen=True, slots=True)
class _Went:
    count: int
    at: Position | None
    """Where to go on from; None when publishing this account ends here for now."""


def _publish_chunk(world: World, at: Position, entries: Sequence[HistoryEntry]) -> _Went:
    out: list[HistoryEntry] = []
    aside: list[Put] = []
    failure: Exception | None = None
    for entry in entries:
        try:
            _say(world, at.account_id, entry)
        except SwitchedOff:
            return _Went(len(out), None)
        except Exception as error:  # noqa: BLE001 - isolated: it waits or is set aside, with its reason
            if not _is_hopeless(error, at.attempts if not out else 0):
                failure = error
                break
            log.problem("entry_set_aside", error, account=at.account_id, entry=entry.id)
            aside.append(_aside(world, at.account_id, entry, error))
        out.append(entry)
    after = outbox.advance(world.table, at, out[-1], aside) if out else at
    if failure is not None and after is not None:
        _get_stuck(world, after, failure)
    return _Went(len(out), None if failure is not None else after)


def _say(world: World, account_id: str, entry: HistoryEntry) -> None:
    for event in _events(account_id, entry):
        if world.events is not None:
            world.events.publish(event)


def _events(account_id: str, entry: HistoryEntry) -> tuple[news.DomainEvent, ...]:
    """Raises EventRefused for an entry nobody can read: trying again would not help."""
    try:
        outbox.notices_of(entry)
        return news.events(account_id, entry)
    except Exception as error:
        raise EventRefused(_reason(error)) from error


def _is_hopeless(error: Exception, attempts: int) -> bool:
    return isinstance(error, EventRefused) or attempts + 1 >= MOST_TRIES


def _aside(world: World, account_id: str, entry: HistoryEntry, error: Exception) -> Put:
    return outbox.aside(account_id, entry, _reason(error), world.settings.due_shards)


def _get_stuck(world: World, at: Position, failure: Exception) -> None:
    attempts = at.attempts + 1
    log.problem("publishing_stuck", failure, account=at.account_id, attempts=attempts)
    again = world.clock.now() + backoff(attempts)
    outbox.stuck(world.table, at, _reason(failure), again, world.settings.due_shards)


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


# -- what the schedule calls


def retry_stuck(
    world: World, out_of_time: OutOfTime = lambda: False, reach: Reach | None = None
) -> Report:
    """Accounts whose publishing had to wait."""
    return each_due(world, outbox.STUCK, out_of_time, lambda due: _unstick(world, due.key), reach)


def _unstick(world: World, key: Key) -> Outcome:
    account_id = keys.account_of(key)
    publish_isolated(world, account_id)
    at = outbox.position(world.table, account_id)
    if at is not None and at.lags:
        return "to be tried again"
    outbox.unstick(world.table, account_id)
    return "done"


def publish_isolated(world: World, account_id: str) -> Outcome:
    """As `publish`; a failure is logged, and the next account does not wait for this one."""
    try:
        publish(world, account_id)
    except Exception as error:  # noqa: BLE001 - isolated: what is not published stays beyond the position
        log.problem("publishing_failed", error, account=account_id)
        return "to be tried again"
    return "done"


def catch_up(
    world: World, out_of_time: OutOfTime = lambda: False, *, every: timedelta = timedelta(0)
) -> Walked | str:
    """Every account whose history is further than its position: nothing is lost when no publisher ran for days.

    It reads two rows of each account, and the entries that are missing.
    """

    def visit(account_id: str) -> str:
        publish(world, account_id)
        return "done"

    def lagging(account_ids: Sequence[str]) -> list[str]:
        found = outbox.positions(world.table, account_ids).values()
        return [at.account_id for at in found if at.lags]

    return walking.periodically(world, CATCH_UP, every, visit, out_of_time, choose=lagging) or ""


def catch_up_now_and_then(world: World, out_of_time: OutOfTime) -> Walked | str:
    """Begins to catch up every six hours, and goes on with what is not finished."""
    return catch_up(world, out_of_time, every=CATCH_UP_EVERY)


# -- what was set aside


@dataclass(frozen=True, slots=True)
class PutBack:
    count: int
    still: tuple[str, ...] = field(default=())
    """Facts that could not be published this time either."""


def put_back_aside(world: World) -> PutBack:
    """Tries everything again that was set aside, for an operator who mended the reason. It comes out of order, under
    the id it always had."""
    done, still = 0, []
    for key in list(outbox.all_aside(world.table, world.settings.due_shards)):
        entry = outbox.entry_aside(world.table, key)
        try:
            if entry is not None:
                _note(world, keys.account_of(key), entry)
                _say(world, keys.account_of(key), entry)
        except Exception as error:  # noqa: BLE001 - it stays aside, and the rest goes on
            log.problem("entry_still_aside", error, entry=key.sk)
            still.append(key.sk.removeprefix(keys.ASIDE))
            continue
        outbox.put_back(world.table, key)
        done += 1
    return PutBack(done, tuple(still))
