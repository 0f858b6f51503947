"""A stage with many accounts, and visitors who note whom they met."""

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from math import inf

from chalicelib import sweeping, walking
from chalicelib.sharing import Reach, Share
from chalicelib.store import walks
from infra.local.share_queue import LocalShares
from tests.support.stage import SHARDS, Stage

JOB, RUN = "look_around", "2026-01-31T12:00:00Z"
DAY = timedelta(days=1)


class Walkers(Stage):
    def __init__(self, many=7, table=None):
        super().__init__(table)
        self.met: Counter[str] = Counter()
        self.ids = [f"acme-{n:03}" for n in range(many)]
        for id in self.ids:
            self.account(id, customer=None)

    def visit(self, account_id):
        self.met[account_id] += 1
        return "met"

    def go_on(self, visit=None, out_of_time=lambda: False, world=None, **how):
        here = world or self.world
        walk = walking.begin(here, JOB, RUN)
        return walking.go_on(here, walk, visit or self.visit, out_of_time, **how)

    def checkpoint(self):
        return walks.load(self.table, JOB, RUN)

    def due(self):
        return [
            due.due_at
            for shard in range(SHARDS)
            for due in self.table.due(f"{walks.due_kind(JOB)}#{shard}", "9999").due
        ]


class Failing(Walkers):
    def __init__(self, *broken, many=7, table=None):
        super().__init__(many, table)
        self.broken = {*broken}

    def visit(self, account_id):
        super().visit(account_id)
        if account_id in self.broken:
            raise RuntimeError("the secret number is 4111")
        return "met"


def after(visits):
    """Time is over when so many accounts were visited."""
    left = iter(range(visits))
    return lambda: next(left, None) is None


class Queue(LocalShares):
    """Where parts of the walk wait; whoever takes one is a fresh process. What was put is remembered."""

    def __init__(self, stage, world=None):
        super().__init__({walks.due_kind(JOB): Taker(stage)}, world or stage.process)
        self.given = []

    def put(self, shares, turn):
        self.given += shares
        super().put(shares, turn)


class Taker:
    name = JOB

    def __init__(self, stage):
        self.stage = stage

    def take(self, world, share):
        return Ran(str(self.stage.run(world=world, reach=Reach(share=share)) or ""))


@dataclass
class Ran:
    did: str


class Many(Failing):
    """More than one run visits in its time: the first visits so many, and others take the rest."""

    def __init__(self, *broken, many=12, table=None):
        super().__init__(*broken, many=many, table=table)
        self.queue = Queue(self)

    def run(self, visits=None, *, world=None, reach=None, visit=None, **how):
        """One run of the schedule, which has time for so many visits; or one that was given a share."""
        until = self.met.total() + visits if visits is not None else inf
        reach = reach or Reach(self.queue)
        return walking.periodically(
            world or self.process(),
            JOB,
            DAY,
            visit or self.visit,
            lambda: self.met.total() >= until,
            reach,
            **how,
        )

    def divide(self, visits=3):
        """A first run, whose time was over."""
        return self.run(visits)

    def take(self, shard, visits=None, **how):
        share = Share(walks.due_kind(JOB), shard, run=self.newest().run)
        return self.run(visits, reach=Reach(share=share), **how)

    def flow(self):
        return [did for _, did in self.queue.flow()]

    def newest(self):
        return walks.latest(self.table, JOB, 1)[0]

    def parts(self):
        return walks.parts(self.table, self.newest())

    def to_the_end(self, turns=6):
        """The schedule comes by, and the queue is emptied, until the round is made."""
        for _ in range(turns):
            self.move(self.now + sweeping.TICK)
            self.run()
            self.flow()
        return self.newest()
