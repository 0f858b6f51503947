"""Says so when Stripe has gone silent: a webhook that nobody calls any more looks like a quiet day.

Every process notes that it heard from Stripe, at most twice an hour; a job compares that with the clock. Silence counts
only while somebody has a live subscription.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib import log
from chalicelib.domain.ending import is_live
from chalicelib.domain.moments import rfc3339
from chalicelib.store import accounts, directory, job_notes, keys
from chalicelib.store.records import from_doc
from chalicelib.store.table import StoreError
from chalicelib.wiring import World

JOB = "listen_for_silence"
EVERY = timedelta(minutes=30)
PAGE = 100
MOST_LOOKED_AT = 1000
"""Accounts, in search of one that is live. Whoever has more accounts than that, all of them gone, is not alarmed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    at: datetime


def heard(world: World) -> None:
    """Stripe spoke to us. Never in the way of the event itself, which is safe by now."""
    now = world.clock.now()
    last = world.marks.get(JOB)
    if world.settings.silence_hours is None or (last is not None and now < last + EVERY):
        return
    try:
        job_notes.keep(world.table, JOB, job_notes.STATE, Heard(at=now))
    except StoreError as error:
        log.problem("hearing_not_noted", error)
        return
    world.marks[JOB] = now


def last_heard(world: World) -> datetime | None:
    row = job_notes.find(world.table, JOB)
    return from_doc(Heard, row["doc"]).at if row else None


def last_heard_shown(world: World) -> str | None:
    at = last_heard(world)
    return rfc3339(at) if at is not None else None


def watch(world: World, _out_of_time: object = None) -> str:
    """What is wrong, or nothing."""
    hours, now = world.settings.silence_hours, world.clock.now()
    if hours is None:
        return ""
    at = last_heard(world)
    if at is None:
        # Never yet: silence is counted from the first time somebody listened.
        job_notes.keep(world.table, JOB, job_notes.STATE, Heard(at=now))
        return ""
    if now < at + timedelta(hours=hours) or not _anybody_is_live(world, now):
        return ""
    silent = int((now - at) / timedelta(hours=1))
    log.event("stripe_silent", since=rfc3339(at), hours=silent)
    return f"nothing heard from Stripe for {silent} hours, though subscriptions are live"


def _anybody_is_live(world: World, now: datetime) -> bool:
    looked_at, shards = 0, world.settings.due_shards
    after: str | None = None
    while looked_at < MOST_LOOKED_AT:
        ids, after = directory.beginning_with(world.table, "", shards, limit=PAGE, after=after)
        rows = world.table.get_many([keys.account(id) for id in ids])
        found = [accounts.loaded_from(row).account for row in rows.values()]
        if any(is_live(one, s, now) for one in found for s in one.subscriptions.values()):
            return True
        looked_at += len(ids)
        if after is None:
            return False
    return False
