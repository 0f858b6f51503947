"""Hears what the webhook missed: events that Stripe could not deliver, read from its list, oldest first.

They go through the same `hear` as any other, so nothing is applied twice or out of order. How far the list was read is
saved only after what was read is applied or parked: a run that dies anywhere is taken up by the next. Stripe forgets
events after thirty days; whoever comes later than that is told so, and only the reconciliation can help.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from chalicelib import hearing, log
from chalicelib.domain.moments import rfc3339
from chalicelib.effects.effect import OutOfTime
from chalicelib.gateways.stripe import StripeRefused, StripeUnavailable
from chalicelib.gateways.stripe_lists import Listed, ListedEvent
from chalicelib.store import job_notes
from chalicelib.store.job_notes import Note
from chalicelib.store.records import to_doc
from chalicelib.store.table import StoreError
from chalicelib.wiring import World

JOB = "hear_missed_events"
HORIZON = timedelta(days=30)
"""So long Stripe keeps events."""
SETTLED = timedelta(minutes=10)
"""What is younger is still being delivered, and may not stand in the list yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Events between these moments were never heard, and Stripe has forgotten them."""

    since: datetime
    until: datetime
    found_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far Stripe's list was read."""

    since: datetime
    """Whatever was created before is applied, parked, or was delivered."""
    event_id: str | None = None
    """The newest event that was read: the list goes on after it."""
    finished_at: datetime | None = None
    """When the list was last read to its end."""
    gap: Gap | None = None


@dataclass(slots=True)
class Report:
    counts: Counter[str] = field(default_factory=Counter)
    why_stopped: str | None = None

    def __str__(self) -> str:
        said = [f"{count} {outcome}" for outcome, count in self.counts.items() if count]
        return ", ".join([*said, *([self.why_stopped] if self.why_stopped else [])])


def position(world: World) -> Position | None:
    note = job_notes.read(world.table, JOB)
    return note.as_(Position) if note.version else None


def position_shown(world: World) -> dict[str, Any] | None:
    at = position(world)
    return to_doc(at) if at is not None else None


def close_gap(world: World, looked_from: datetime) -> None:
    """Everything live was compared with Stripe, beginning at this moment: what was forgotten before is made up for."""
    note = job_notes.read(world.table, JOB)
    at = note.as_(Position) if note.version else None
    if at is not None and at.gap is not None and at.gap.found_at <= looked_from:
        with suppress(job_notes.Overtaken):
            job_notes.write(world.table, JOB, note, replace(at, gap=None))


def catch_up(world: World, out_of_time: OutOfTime = lambda: False) -> Report:
    """Applies or parks whatever Stripe could not deliver, up to ten minutes ago."""
    report = Report()
    try:
        _read_on(world, report, out_of_time)
    except (StripeUnavailable, StripeRefused, StoreError, job_notes.Overtaken) as error:
        # What was read so far is kept; the next run goes on from there.
        log.problem("catch_up_stopped", error)
        report.why_stopped = f"stopped: {error}"
    return report


def _read_on(world: World, report: Report, out_of_time: OutOfTime) -> None:
    note = job_notes.read(world.table, JOB)
    now = world.clock.now()
    until = now - SETTLED
    at = _begin(note, now)
    while not out_of_time():
        at, page, end = _page(world, at, until)
        at, all_heard = _heard(world, page, at, report, out_of_time)
        if all_heard and not page.more:
            at = replace(at, since=max(at.since, end))
        if at.since >= until and all_heard:
            job_notes.write(world.table, JOB, note, replace(at, since=until, finished_at=now))
            return
        if page.things:
            # A time without events needs no note: to look through it again costs one request.
            note = job_notes.write(world.table, JOB, note, at)
    job_notes.write(world.table, JOB, note, at)
    report.why_stopped = "out of time"


def _begin(note: Note, now: datetime) -> Position:
    if not note.version:
        return Position(since=now - HORIZON)
    at = note.as_(Position)
    oldest = now - HORIZON
    if at.since >= oldest:
        return at
    gap = Gap(since=at.gap.since if at.gap else at.since, until=oldest, found_at=now)
    log.event("events_forgotten", since=rfc3339(gap.since), until=rfc3339(gap.until))
    return replace(at, since=oldest, event_id=None, gap=gap)


def _page(
    world: World, at: Position, until: datetime
) -> tuple[Position, Listed[ListedEvent], datetime]:
    """The next page, and up to where nothing is left if the list says that there is no more."""
    if at.event_id is not None:
        try:
            return at, world.stripe.untaken_events_after(at.event_id, until), until
        except StripeRefused as refused:
            if refused.code != "resource_missing":
                raise
            at = replace(at, event_id=None)
    page, end = world.stripe.first_untaken_events(at.since, until)
    return at, page, end


def _heard(
    world: World,
    page: Listed[ListedEvent],
    at: Position,
    report: Report,
    out_of_time: OutOfTime,
) -> tuple[Position, bool]:
    """How far it came, and whether that is the whole page."""
    for n, one in enumerate(page.things):
        if n and out_of_time():
            return at, False
        report.counts[_hear(world, one)] += 1
        at = replace(at, since=max(at.since, one.created or at.since), event_id=one.id)
    return at, True


def _hear(world: World, one: ListedEvent) -> str:
    if one.event is None:
        # Nothing in it can be trusted, not even whose it is. The reconciliation looks at the object itself.
        log.event("missed_event_unreadable", event_id=one.id, type=one.type)
        return "unreadable"
    try:
        return hearing.hear(world, one.event)
    except StoreError:
        raise
    except Exception as error:  # noqa: BLE001 - isolated: parked with its reason, and the next ones go on
        log.problem("missed_event_failed", error, event_id=one.id, type=one.type)
        hearing.park(world, one.event, hearing.Unusable(f"failed:{type(error).__name__}"))
        return "parked"
