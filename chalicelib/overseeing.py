"""What operators look at over all accounts: what is due next, how far each job is, and how far announced work is told.

It reads and changes nothing. The due index says where to look, and may lag; each row says what is so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from chalicelib import maintaining
from chalicelib.domain.account import Account
from chalicelib.domain.capabilities import ON, of_step
from chalicelib.domain.cases import DECISION, EVIDENCE, FIRST_REPLY, NEXT_STEP, Case, waiting_for
from chalicelib.domain.maintenance import Window
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.step_keys import key_of
from chalicelib.domain.steps import KINDS, REMINDER, step_of
from chalicelib.recounting import Shown, step_shown
from chalicelib.store import (
    accounts,
    directory,
    findings,
    keys,
    walks,
)
from chalicelib.store.records import from_doc, to_doc
from chalicelib.store.table import Key, Row
from chalicelib.store.walks import Walk
from chalicelib.sweeping import LONGEST_BACKOFF
from chalicelib.wiring import World

OF_CASES = (FIRST_REPLY, DECISION, NEXT_STEP, EVIDENCE)
"""What people have to do by then, beside the steps, which nobody has to."""
END_OF_TIME = datetime.fromisoformat("9999-12-31T00:00:00+00:00")
FEW = 20
MOST_COUNTED = 100
"""Of a kind and shard: a backlog beyond that is told as "at least"."""


# -- what is due next


def deadlines_shown(
    world: World, *, until: datetime | None, kind: str | None, limit: int, after: str | None
) -> tuple[list[Shown], str | None]:
    """A page of what has to happen, over all accounts. A page may be short, even empty, while more follows: what
    is tried again later than `until` was due before it."""
    found, more = directory.deadlines(
        world.table,
        [one for one in KINDS if kind in (None, one)],
        rfc3339(last_try(until)),
        world.settings.due_shards,
        cases=kind in (None, *OF_CASES),
        limit=limit,
        after=after,
    )
    places = [key for _, key in found]
    stored = world.table.get_many(places)
    owners = {keys.account(keys.account_of(key)) for key in places}
    known = {
        key.pk: accounts.loaded_from(row).account
        for key, row in world.table.get_many(sorted(owners, key=lambda key: key.pk)).items()
    }
    shown = [
        one
        for key in places
        if key in stored and key.pk in known
        if (one := _deadline(world, known[key.pk], key, stored[key])) is not None
        if until is None or one["due_at"] <= rfc3339(until)
        if kind in (None, one["kind"])
    ]
    return sorted(shown, key=lambda one: str(one["due_at"])), more


def last_try(until: datetime | None) -> datetime:
    """Where in the index the last of what was due by then may stand."""
    return min(until or END_OF_TIME, END_OF_TIME) + LONGEST_BACKOFF


def _deadline(world: World, account: Account, key: Key, row: Row) -> Shown | None:
    now = world.clock.now()
    if key.sk.startswith(keys.CASE):
        return _case_deadline(account, from_doc(Case, row["doc"]), now)
    step_id = key.sk.removeprefix(keys.STEP)
    due = account.steps.get(step_id)
    if due is None:
        return None
    shown = step_shown(world, account, step_of(step_id, due), row)
    return {"account_id": account.id, **shown}


def _case_deadline(account: Account, case: Case, now: datetime) -> Shown | None:
    """M1-10: what somebody owes this customer, and whether it is late."""
    due, about = min(((at, about) for about, at in waiting_for(case)), default=(None, ""))
    if due is None:
        return None
    return {
        "account_id": account.id,
        "kind": about,
        "case_id": case.id,
        "case_kind": case.kind,
        "due_at": rfc3339(due),
        "overdue": due <= now,
    }


# -- the jobs


def switched(world: World, kinds: Sequence[str]) -> Shown:
    """Which kinds of step a job leaves undone, and how each is switched. Nothing while all are on."""
    modes = {
        kind: world.gate.mode(of_step(kind)) for kind in kinds if kind in KINDS and kind != REMINDER
    }
    return {kind: mode for kind, mode in modes.items() if mode != ON}


def backlog(world: World, due_kinds: Sequence[str]) -> Shown:
    """What waits for a job's next run: how much, and since when."""
    until = rfc3339(world.clock.now())
    pages = [
        world.table.due(f"{kind}#{shard}", until, limit=MOST_COUNTED)
        for kind in due_kinds
        for shard in range(world.settings.due_shards)
    ]
    return {
        "count": sum(len(page.due) for page in pages),
        "at_least": any(page.after for page in pages),
        "oldest_due_at": min((due.due_at for page in pages for due in page.due), default=None),
    }


def waiting(world: World, due_kinds: Sequence[str], *, limit: int) -> list[Shown]:
    """The first of what a job would take up now."""
    until, shards = rfc3339(world.clock.now()), world.settings.due_shards
    found, _ = directory.deadlines(
        world.table, due_kinds, until, shards, cases=False, limit=limit, after=None
    )
    return [_waits(at, key) for at, key in found]


def _waits(at: str, key: Key) -> Shown:
    if not key.sk.startswith(keys.STEP):
        return {"what": key.sk, "owner": key.pk, "due_at": at}
    account_id, step_id = keys.account_of(key), key.sk.removeprefix(keys.STEP)
    named = {"account_id": account_id, "step": step_id, "key": key_of(account_id, step_id)}
    return {**named, "due_at": at}


def walks_shown(world: World, job: str, *, limit: int) -> list[Shown]:
    """The job's newest walks over all accounts: how far each is, and whom it could not visit."""
    return [_walk(world, walk, limit) for walk in walks.latest(world.table, job, limit)]


def walk_shown(world: World, named: Walk) -> Shown | None:
    walk = walks.load(world.table, named.job, named.run)
    return None if walk is None else _walk(world, walk, FEW)


def _walk(world: World, walk: Walk, limit: int) -> Shown:
    if walk.status == "running":
        walk = walks.added_up(walk, walks.parts(world.table, walk))
    fails = walk.failing or walk.given_up
    return {
        "run": walk.run,
        "status": walk.status,
        "began_at": rfc3339(walk.began_at),
        "ended_at": walk.ended_at and rfc3339(walk.ended_at),
        "shards_done": walk.shard,
        "shards": world.settings.due_shards,
        "counts": dict(walk.counts),
        "failing": walk.failing,
        "given_up": walk.given_up,
        "note": dict(walk.note),
        "not_visited": [
            {
                "account_id": one.account_id,
                "attempts": one.attempts,
                "reason": one.reason,
                "next_try_at": one.next_at and rfc3339(one.next_at),
            }
            for one in (walks.not_visited(world.table, walk, limit) if fails else ())
        ],
    }


def findings_shown(world: World, job: str, *, limit: int) -> list[Shown]:
    """What a job found and could not put right, each with what to do."""
    found, _ = findings.listed(world.table, job, limit=limit)
    return [to_doc(one) for one in found]


# -- announced work


def window_shown(world: World, window: Window) -> dict[str, Any]:
    """Announced work, and how far telling of it has come."""
    return {
        "id": window.id,
        "revision": window.revision,
        "starts_at": rfc3339(window.starts_at),
        "ends_at": rfc3339(window.ends_at),
        "kind": window.kind,
        "reason": window.reason,
        "policies": list(window.policies),
        "withdrawn": window.withdrawn,
        "announced_at": rfc3339(window.announced_at),
        "announced_by": window.announced_by,
        "changed_at": rfc3339(window.changed_at),
        "changed_by": window.changed_by,
        "days": {
            name: [day.isoformat() for day in maintaining.days_of(world, window, name)]
            for name in window.policies
        },
        "warnings": [asdict(one) for one in maintaining.cautions(world, window)],
        "telling": walk_shown(world, maintaining.walk_of(window)),
    }
