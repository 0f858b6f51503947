"""The one walk over all accounts: by the directory, page by page, with a checkpoint after each.

A walk that is killed, doubled or out of time goes on where its checkpoint is. Whatever it does to an account may
therefore be done twice, and must not mind. An account that fails holds up nobody: it is written down with the
checkpoint that passes it, tried again later, and given up in the end; only then, and only for that, has the walk failed.
An account that is created while it walks may be missed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from chalicelib import log
from chalicelib.domain.moments import rfc3339
from chalicelib.effects.effect import OutOfTime
from chalicelib.store import directory, keys, walks
from chalicelib.store.rows import position
from chalicelib.store.table import Action, Contended, Due, DuePage
from chalicelib.store.walks import FailedVisit, Status, Walk
from chalicelib.sweeping import Outcome, Report, backoff, each_due
from chalicelib.wiring import World

AT_ONCE = 50
"""Two rows of each: as many as one request takes. And their failures fit into one transaction."""
MOST_TRIES = 16
"""Of one account: nearly three days with the backoff."""

TO_BE_TRIED = "to be tried again"

Visit = Callable[[str], str]
"""What is done to one account, by its id, and what came of it, in a word to be counted. It may raise."""
Choose = Callable[[Sequence[str]], Sequence[str]]
"""Which accounts of a page are to be visited, where one request can tell."""


@dataclass(slots=True)
class Walked:
    """How far the walk is, and what this run of it did: outcome → how many accounts."""

    walk: Walk
    counts: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        told = [f"{count} {outcome}" for outcome, count in self.counts.items() if count]
        if self.walk.status == "failed" and told:
            told.append(f"{self.walk.given_up} given up")
        return ", ".join([*told, *(["not finished"] if self.walk.status == "running" else [])])


def begin(world: World, job: str, run: str, *, note: Mapping[str, str] | None = None) -> Walk:
    """Begins a walk under this name; one that was begun already is left as it is."""
    now = world.clock.now()
    walk = Walk(job=job, run=run, began_at=now, note=note or {})
    return walks.begin(world.table, walk, now, world.settings.due_shards)


def go_on(
    world: World,
    walk: Walk,
    visit: Visit,
    out_of_time: OutOfTime = lambda: False,
    *,
    choose: Choose = lambda ids: ids,
    most_tries: int = MOST_TRIES,
) -> Walked:
    """Goes on from the walk's checkpoint until it is finished, waits for a next try, or is out of time.

    Another run that walks at the same time does no harm: whoever sees that its checkpoint was moved leaves the rest to
    the other. Raises the table's errors only.
    """
    walked = Walked(walks.load(world.table, walk.job, walk.run) or walk)
    step = _Step(world, walked, visit, out_of_time, choose, most_tries)
    while walked.walk.status == "running" and not out_of_time():
        if not (step.page() if _has_pages(world, walked.walk) else step.tries_again()):
            break
    return walked


def periodically(
    world: World,
    job: str,
    every: timedelta,
    visit: Visit,
    out_of_time: OutOfTime = lambda: False,
    *,
    choose: Choose = lambda ids: ids,
    most_tries: int = MOST_TRIES,
) -> Walked | None:
    """The job's unfinished walk goes on; if there is none, a new one begins `every` so often. None when it is not time
    for one."""
    now = world.clock.now()
    newest = next(iter(walks.latest(world.table, job, 1)), None)
    if newest is None or (newest.status != "running" and newest.began_at + every <= now):
        newest = begin(world, job, _next_run(newest, now))
    elif newest.status != "running":
        return None
    return go_on(world, newest, visit, out_of_time, choose=choose, most_tries=most_tries)


def again(world: World, job: str, visit: Visit) -> Walked:
    """As `periodically`, without waiting for the time: the unfinished walk is finished, or else a new one made."""
    walked = periodically(world, job, timedelta(0), visit)
    assert walked is not None
    return walked


def go_on_with_due(
    world: World,
    job: str,
    visit: Visit,
    out_of_time: OutOfTime = lambda: False,
    *,
    most_tries: int = MOST_TRIES,
) -> Report:
    """Every walk of the job that has something to do by now, one after the other."""

    def carry(due: Due) -> Outcome:
        walk = walks.load(world.table, *walks.named(due.key))
        if walk is None or walk.status != "running":
            return "called off"
        try:
            done = go_on(world, walk, visit, out_of_time, most_tries=most_tries).walk
        except Exception as error:  # noqa: BLE001 - isolated: it stays due as it is, and the next walk goes on
            log.problem("walk_failed", error, job=walk.job, run=walk.run)
            return "to be tried again"
        return "left" if done.status == "running" else "done"

    return each_due(world, walks.due_kind(job), out_of_time, carry)


def _next_run(newest: Walk | None, now: datetime) -> str:
    """Named by its moment; two within the same second are told apart."""
    run = rfc3339(now)
    if newest is None or not newest.run.startswith(run):
        return run
    return f"{run}~{int(newest.run.removeprefix(run).removeprefix('~') or 1) + 1:04d}"


def _has_pages(world: World, walk: Walk) -> bool:
    return walk.shard < world.settings.due_shards


@dataclass(slots=True)
class _Step:
    world: World
    walked: Walked
    visit: Visit
    out_of_time: OutOfTime
    choose: Choose
    most_tries: int

    def page(self) -> bool:
        """The next page with accounts on it. False when this run has to stop."""
        at = self.walked.walk
        while _has_pages(self.world, at):
            page = self.world.table.directory(
                f"{directory.ACCOUNTS}#{at.shard}", limit=AT_ONCE, after=at.after
            )
            if page.due:
                return self._visit_all(at, page)
            # A page without accounts is not worth a checkpoint.
            at = _behind(at, page.after)
        return self._move(at, {}, [])

    def _visit_all(self, at: Walk, page: DuePage) -> bool:
        ids = [keys.account_of(due.key) for due in page.due]
        wanted = {*self.choose(ids)}
        behind = _behind(at, page.after)
        counts: Counter[str] = Counter()
        failed: list[FailedVisit] = []
        for n, id in enumerate(ids):
            if self.out_of_time():
                if n == 0:
                    return False
                last = page.due[n - 1]
                behind = _behind(at, position(last.due_at, last.key.pk, last.key.sk))
                break
            if id in wanted:
                outcome = self._visit(id, attempts=1)
                if isinstance(outcome, FailedVisit):
                    failed.append(outcome)
                else:
                    counts[outcome] += 1
        self.walked.counts[TO_BE_TRIED] += len(failed)
        also = [walks.fails(at, one) for one in failed]
        return self._move(replace(behind, failing=at.failing + len(failed)), counts, also)

    def tries_again(self) -> bool:
        """The accounts that failed and are due again. False when this run has to stop, or none is due."""
        now, soonest, tried = self.world.clock.now(), None, False
        for one in list(walks.failing(self.world.table, self.walked.walk)):
            if self.out_of_time():
                return False
            if one.next_at is not None and one.next_at > now:
                soonest = min(soonest or one.next_at, one.next_at)
                continue
            tried = True
            if not self._try_again(one):
                return False
        if not tried and self.walked.walk.waits_until != soonest:
            self._save(replace(self.walked.walk, waits_until=soonest), [])
        return tried

    def _try_again(self, one: FailedVisit) -> bool:
        walk = self.walked.walk
        outcome = self._visit(one.account_id, one.attempts + 1)
        if not isinstance(outcome, FailedVisit):
            fewer = replace(walk, failing=walk.failing - 1)
            return self._move(fewer, {outcome: 1}, [walks.succeeds(walk, one.account_id)])
        if outcome.attempts < self.most_tries:
            return self._move(walk, {}, [walks.fails(walk, outcome)])
        fewer = replace(walk, failing=walk.failing - 1, given_up=walk.given_up + 1)
        return self._move(fewer, {}, walks.gives_up(walk, outcome))

    def _visit(self, account_id: str, attempts: int) -> str | FailedVisit:
        try:
            return self.visit(account_id)
        except Exception as error:  # noqa: BLE001 - isolated: written down with its next try, and the walk goes on
            job, now = self.walked.walk.job, self.world.clock.now()
            log.problem("visit_failed", error, job=job, account=account_id, attempts=attempts)
            return FailedVisit(
                account_id=account_id,
                attempts=attempts,
                reason=type(error).__name__,
                failed_at=now,
                next_at=now + backoff(attempts),
            )

    def _move(self, to: Walk, counts: Mapping[str, int], also: Sequence[Action]) -> bool:
        """Saves how far it is, and what came of it. False when another run moved it: then it has nothing to add."""
        self.walked.counts.update(counts)
        now = self.world.clock.now()
        to = replace(to, counts=dict(Counter(to.counts) + Counter(counts)), waits_until=None)
        if not _has_pages(self.world, to) and not to.failing:
            status: Status = "failed" if to.given_up else "complete"
            to = replace(to, status=status, ended_at=now)
        return self._save(to, also)

    def _save(self, to: Walk, also: Sequence[Action]) -> bool:
        due_at, shards = to.waits_until or self.world.clock.now(), self.world.settings.due_shards
        try:
            moved = walks.move(self.world.table, self.walked.walk, to, due_at, shards, also)
        except Contended:
            moved = None
        if moved is None:
            return False
        self.walked.walk = moved
        if moved.status != "running":
            _say(moved)
        return True


def _behind(at: Walk, after: str | None) -> Walk:
    """Where to go on: in this shard, or at the beginning of the next."""
    return replace(at, shard=at.shard if after else at.shard + 1, after=after)


def _say(walk: Walk) -> None:
    log.event(
        "walk_ended",
        job=walk.job,
        run=walk.run,
        status=walk.status,
        given_up=walk.given_up,
        counts=dict(walk.counts),
    )
