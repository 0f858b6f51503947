"""Visits the accounts along one place-mark: of a whole walk, or of the part of one that is a run's to do.

Page by page, with a checkpoint after each. An account that fails holds up nobody: it is written down with the checkpoint
that passes it, tried again later, and given up in the end; only then, and only for that, has the walk failed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from chalicelib import log
from chalicelib.effects.effect import OutOfTime
from chalicelib.store import directory, keys, walks
from chalicelib.store.rows import position
from chalicelib.store.table import Action, Contended, DuePage
from chalicelib.store.walks import FailedVisit, Status, Walk
from chalicelib.sweeping import backoff
from chalicelib.wiring import World

AT_ONCE = 50
"""Two rows of each: as many as one request takes. And their failures fit into one transaction."""

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


@dataclass(slots=True)
class Visiting:
    world: World
    walked: Walked
    visit: Visit
    out_of_time: OutOfTime
    choose: Choose
    most_tries: int

    def goes_on(self) -> None:
        """Until it has visited everybody, waits for a next try, is out of time, or sees that another run moved its
        place-mark: then the rest is the other's."""
        while self.walked.walk.status == "running" and not self.out_of_time():
            if not (self._page() if self.has_pages() else self._tries_again()):
                break

    def has_pages(self) -> bool:
        """Whether it has accounts to come to by itself: of a divided walk, the parts do."""
        return not self.walked.walk.parts and self._has_more(self.walked.walk)

    def _has_more(self, walk: Walk) -> bool:
        return walks.has_pages(walk, self.world.settings.due_shards)

    def _page(self) -> bool:
        """The next page with accounts on it. False when this run has to stop."""
        at = self.walked.walk
        while self._has_more(at):
            page = self.world.table.directory(
                f"{directory.ACCOUNTS}#{at.shard}", limit=AT_ONCE, after=at.after
            )
            if page.due:
                return self._visit_all(at, page)
            # A page without accounts is not worth a checkpoint.
            at = _behind(at, page.after)
        return self.moves(at, {}, [])

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
        return self.moves(replace(behind, failing=at.failing + len(failed)), counts, also)

    def _tries_again(self) -> bool:
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
        walk = self.walked.walk
        # A walk whose parts are at work is looked after at every turn.
        if not tried and not walk.parts and walk.waits_until != soonest:
            self.saves(replace(walk, waits_until=soonest), [])
        return tried

    def _try_again(self, one: FailedVisit) -> bool:
        walk = self.walked.walk
        outcome = self._visit(one.account_id, one.attempts + 1)
        if not isinstance(outcome, FailedVisit):
            fewer = replace(walk, failing=walk.failing - 1)
            return self.moves(fewer, {outcome: 1}, [walks.succeeds(walk, one.account_id)])
        if outcome.attempts < self.most_tries:
            return self.moves(walk, {}, [walks.fails(walk, outcome)])
        fewer = replace(walk, failing=walk.failing - 1, given_up=walk.given_up + 1)
        return self.moves(fewer, {}, walks.gives_up(walk, outcome))

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

    def adds_up(self, of_it: Sequence[Walk]) -> bool:
        """Ends a walk that was divided, when there is nothing left of it and of its parts: then this run tells of all
        that came of it."""
        walk = self.walked.walk
        left = self._has_more(walk) or walk.failing or any(one.status == "running" for one in of_it)
        if left or walk.status != "running":
            return False
        ended = _ended(walks.added_up(walk, of_it), self.world.clock.now())
        self.walked.counts = Counter(ended.counts)
        return self.saves(ended, [])

    def moves(self, to: Walk, counts: Mapping[str, int], also: Sequence[Action]) -> bool:
        """Saves how far it is, and what came of it. False when another run moved it: then it has nothing to add."""
        self.walked.counts.update(counts)
        to = replace(to, counts=dict(Counter(to.counts) + Counter(counts)), waits_until=None)
        left = self._has_more(to) or to.failing or to.parts
        return self.saves(to if left else _ended(to, self.world.clock.now()), also)

    def saves(self, to: Walk, also: Sequence[Action]) -> bool:
        due_at, shards = to.waits_until or self.world.clock.now(), self.world.settings.due_shards
        try:
            moved = walks.move(self.world.table, self.walked.walk, to, due_at, shards, also)
        except Contended:
            moved = None
        if moved is None:
            return False
        self.walked.walk = moved
        if moved.status != "running" and moved.part is None:
            _say(moved)
        return True


def _behind(at: Walk, after: str | None) -> Walk:
    """Where to go on: in this shard, or at the beginning of the next."""
    return replace(at, shard=at.shard if after else at.shard + 1, after=after)


def _ended(walk: Walk, now: datetime) -> Walk:
    status: Status = "failed" if walk.given_up else "complete"
    return replace(walk, status=status, ended_at=now, taken_until=None)


def _say(walk: Walk) -> None:
    log.event(
        "walk_ended",
        job=walk.job,
        run=walk.run,
        status=walk.status,
        given_up=walk.given_up,
        counts=dict(walk.counts),
    )
