"""Not one fault but a bad hour: many calls go wrong, run after run, and then the world is well again.

Fifteen such hours for each kind of sweep, each with a seed of its own. Whatever happened in them, the end is that
of an hour in which nothing went wrong, and it is reached soon after.
"""

from contextlib import suppress
from datetime import timedelta
from random import Random

from chalicelib.domain.moments import rfc3339
from chalicelib.store.table import StoreError
from chalicelib.sweeping import TICK
from tests.crashes.again import from_here
from tests.crashes.test_sweeps import prepared, stories, told_cleanly
from tests.support.endings import differences, ending
from tests.support.faults import Crash, Plan
from tests.support.invariants import check_all
from tests.support.stage import SHARDS

SEEDS = 15
TICKS = 12
SOON = timedelta(hours=2)


class BadHour(Plan):
    """One call in four goes wrong, in any of the ways in which it can."""

    def __init__(self, seed):
        super().__init__()
        self.chance = Random(seed)

    def perform(self, call, do, *more):
        if self.chance.random() < 0.25:
            self.faults[len(self.calls)] = self.chance.choice(call.faults)
        return super().perform(call, do, *more)


@stories
def test_after_a_bad_hour_everything_is_as_after_a_good_one(story):
    stage, witness = prepared(story)
    right = told_cleanly(story.kind)

    @from_here
    def a_bad_hour(seed):
        for tick in range(TICKS):
            with suppress(Crash, StoreError):
                story.sweep(stage.through(BadHour(seed * 1000 + tick)))
            check_all(stage.world, stage.table, stage.carrier, witness)
            stage.move(stage.now + TICK)

        _within_two_ticks_of_each_next_try(stage, witness, story.kind)
        assert not differences(ending(stage), right), seed

    for seed in range(SEEDS):
        a_bad_hour(seed)


def _within_two_ticks_of_each_next_try(stage, witness, kind):
    """Invariant 11. The next try is what the index says; it may have moved on by as much as the failures were many.
    Only of this kind: what follows from a step may come due long past its date."""
    soon = stage.now + SOON
    while stage.now < soon:
        stage.tick()
        check_all(stage.world, stage.table, stage.carrier, witness)
        late = rfc3339(stage.now - 2 * TICK)
        for shard in range(SHARDS):
            overdue = stage.table.due(f"{kind}#{shard}", late).due
            assert not overdue, (stage.now, overdue)
