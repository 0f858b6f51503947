"""Checkpoints of walks over all accounts: where each is, what came of it so far, and which accounts are tried again.

A checkpoint moves on its own version, together with the failures of what it moves past: so of two runs at once one moves
it, and an account that failed cannot fall out between two rows. While a walk has something to do, its checkpoint lies
in the due index.

What one run cannot do in its time is divided into parts, one for each shard of the directory that is left: each has a
checkpoint of its own, which is a walk's in every way, over that shard alone. The walk ends when they all have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from chalicelib.domain.moments import rfc3339
from chalicelib.store import keys
from chalicelib.store.records import from_doc, to_doc
from chalicelib.store.table import MAX_ACTIONS, Action, Delete, If, Key, Put, Refused, Row, Table

Status = Literal["running", "complete", "failed"]
TIDY_AFTER = timedelta(days=90)
"""How long an ended walk can be looked at."""
_WALK = "walk:"
MOST_PARTS = MAX_ACTIONS - 1
"""As many as begin in one transaction with the walk's own checkpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """One walk over all accounts. `failed` means that it ended, and that some account could not be visited."""

    job: str
    run: str
    """Runs sort by their names, so a name begins with a moment."""
    began_at: datetime
    status: Status = "running"
    ended_at: datetime | None = None
    shard: int = 0
    after: str | None = None
    """Where in its shard of the directory it goes on."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Outcome → how many accounts."""
    failing: int = 0
    """Accounts that are tried again."""
    waits_until: datetime | None = None
    """Nothing is left but those that failed, and then the first of them is tried again."""
    parts: int = 0
    """How many shards, from the one where it stood, are walked over in parts. What came of those is added up here when all
    have ended; until then the place-mark stays where it was, so that a version that knows no parts goes on from there."""
    part: int | None = None
    """The one shard that this is the part for. None: it is the whole walk."""
    taken_until: datetime | None = None
    """A run is at work on this part: no other begins before then, though the run should have died."""
    given_up: int = 0
    note: Mapping[str, str] = field(default_factory=dict)
    """What it is about, for whoever looks."""
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedVisit:
    account_id: str
    attempts: int
    reason: str
    """The error's name: its words may hold what is nobody's business."""
    failed_at: datetime
    next_at: datetime | None = None
    """None once it is given up."""


def due_kind(job: str) -> str:
    """The kind under which the job's unfinished walks lie in the due index."""
    return f"{_WALK}{job}"


def job_of(due_kind: str) -> str:
    return due_kind.removeprefix(_WALK)


def beginning(walk: Walk, due_at: datetime, shards: int) -> Put:
    """The walk's first checkpoint, for whoever begins it in a transaction of their own."""
    return Put(_row(walk, due_at, shards), If(absent=True))


def begin(table: Table, walk: Walk, due_at: datetime, shards: int) -> Walk:
    """Begins it, or finds it begun."""
    try:
        table.transact([beginning(walk, due_at, shards)])
    except Refused:
        return load(table, walk.job, walk.run) or walk
    return walk


def load(table: Table, job: str, run: str) -> Walk | None:
    row = table.get(keys.walk(job, run))
    return _walk(row) if row else None


def part(table: Table, job: str, run: str, shard: int) -> Walk | None:
    row = table.get(keys.walk_part(job, run, shard))
    return _walk(row) if row else None


def parts(table: Table, walk: Walk) -> list[Walk]:
    """All parts of a walk that was divided, ended ones too."""
    prefix = keys.parts_of_walk(walk.run)
    return [_walk(row) for row in _rows(table, walk, prefix)] if walk.parts else []


def added_up(walk: Walk, of_it: Sequence[Walk]) -> Walk:
    """The walk as it stands with its parts: how many shards are done, what came of them, and who could not be visited."""
    return replace(
        walk,
        shard=walk.shard + sum(one.shard != one.part for one in of_it),
        after=None if of_it else walk.after,
        counts=dict(sum((Counter(one.counts) for one in of_it), Counter(walk.counts))),
        failing=walk.failing + sum(one.failing for one in of_it),
        given_up=walk.given_up + sum(one.given_up for one in of_it),
    )


def has_pages(walk: Walk, shards: int) -> bool:
    """Whether there are accounts that neither it nor a part of it comes to from where they stand."""
    return walk.shard + walk.parts < (shards if walk.part is None else walk.part + 1)


def divided(walk: Walk, now: datetime, shards: int) -> tuple[Walk, list[Action]]:
    """The walk, of which others do what is left from here on, and the first checkpoints of those parts."""
    begin = walk.shard + walk.parts
    end = min(shards, begin + MOST_PARTS)
    of_it = [
        Walk(
            job=walk.job,
            run=walk.run,
            began_at=now,
            part=shard,
            shard=shard,
            after=walk.after if shard == walk.shard else None,
        )
        for shard in range(begin, end)
    ]
    divided = replace(walk, parts=walk.parts + len(of_it))
    return divided, [Put(_row(one, now, shards), If(absent=True)) for one in of_it]


def latest(table: Table, job: str, limit: int) -> list[Walk]:
    """The job's newest walks, newest first."""
    rows = table.query(keys.walks_of(job), keys.WALK, limit=limit, newest_first=True).rows
    return [_walk(row) for row in rows]


def named(key: Key) -> tuple[str, str]:
    """The job and the run whose checkpoint lies here."""
    return keys.job_of_walk(key), key.sk.removeprefix(keys.WALK)


def move(
    table: Table, before: Walk, after: Walk, due_at: datetime, shards: int, also: Sequence[Action]
) -> Walk | None:
    """Moves the checkpoint on, with what failed or succeeded on the way. None when another run has moved it."""
    moved = replace(after, version=before.version + 1)
    put = Put(_row(moved, due_at, shards), If(equals={"version": before.version}))
    try:
        table.transact([put, *also])
    except Refused:
        return None
    return moved


def failing(table: Table, walk: Walk) -> Iterator[FailedVisit]:
    """Every account that this walk, or this part, tries again, a page at a time."""
    for row in _rows(table, walk, keys.visits_of(keys.FAILED_VISIT, walk.run, walk.part)):
        yield from_doc(FailedVisit, row["doc"])


def not_visited(table: Table, walk: Walk, limit: int) -> list[FailedVisit]:
    """Some of those that fail, and of those that were given up."""
    pk = keys.walks_of(walk.job)
    found: list[FailedVisit] = []
    fail = [one.part for one in parts(table, walk) if one.failing or one.given_up]
    for prefix in (keys.GIVEN_UP_VISIT, keys.FAILED_VISIT):
        for part in (None, *fail):
            rows = table.query(pk, keys.visits_of(prefix, walk.run, part), limit=limit).rows
            found += [from_doc(FailedVisit, row["doc"]) for row in rows]
    return found[:limit]


def fails(walk: Walk, visit: FailedVisit) -> Put:
    """The account is tried again at `next_at`."""
    return _visit(walk, keys.FAILED_VISIT, visit)


def gives_up(walk: Walk, visit: FailedVisit) -> list[Action]:
    """The account is not tried again. It stays on record as long as the walk."""
    put = _visit(walk, keys.GIVEN_UP_VISIT, replace(visit, next_at=None))
    return [succeeds(walk, visit.account_id), put]


def succeeds(walk: Walk, account_id: str) -> Delete:
    return Delete(keys.visit(keys.FAILED_VISIT, walk.job, walk.run, account_id, walk.part))


def _rows(table: Table, walk: Walk, prefix: str) -> Iterator[Row]:
    after: str | None = None
    while True:
        page = table.query(keys.walks_of(walk.job), prefix, after=after)
        yield from page.rows
        if (after := page.after) is None:
            return


def _visit(walk: Walk, prefix: str, visit: FailedVisit) -> Put:
    key = keys.visit(prefix, walk.job, walk.run, visit.account_id, walk.part)
    tidy = int((visit.failed_at + TIDY_AFTER).timestamp())
    return Put({"pk": key.pk, "sk": key.sk, "expires_at": tidy, "doc": to_doc(visit)})


def _walk(row: Row) -> Walk:
    return from_doc(Walk, row["doc"])


def _row(walk: Walk, due_at: datetime, shards: int) -> Row:
    key = (
        keys.walk(walk.job, walk.run)
        if walk.part is None
        else keys.walk_part(walk.job, walk.run, walk.part)
    )
    row: Row = {
        "pk": key.pk,
        "sk": key.sk,
        "state": walk.status,
        "version": walk.version,
        "doc": to_doc(walk),
    }
    if walk.ended_at is None and walk.part is not None:
        # Found by way of its walk.
        return row
    if walk.ended_at is None:
        kind = keys.due_kind(due_kind(walk.job), walk.run, shards)
        return {**row, "due_kind": kind, "due_at": rfc3339(due_at)}
    return {**row, "expires_at": int((walk.ended_at + TIDY_AFTER).timestamp())}
