"""Each sweep, broken at every call it makes in every way a call can break, and looked at afterwards.

Whatever went wrong, within two ticks of its next try everything is as if nothing had: nothing lost, nothing doubled.
"""

from functools import cache

import pytest

from tests.crashes.again import at_each, broken_anywhere
from tests.crashes.meanwhile import Meanwhile
from tests.crashes.stories import STORIES, Story
from tests.support.endings import differences, ending
from tests.support.faults import Plan
from tests.support.invariants import Witness, check_all
from tests.support.stage import Stage

TICKS_TO_RECOVER = 4
"""A claim runs out after two ticks, a first retry comes after one; and two more are allowed."""

stories = pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)


def prepared(story: Story) -> tuple[Stage, Witness]:
    stage, witness = Stage(), Witness()
    story.prepare(stage)
    check_all(stage.world, stage.table, stage.carrier, witness)
    return stage, witness


def recover(stage: Stage, witness: Witness) -> None:
    check_all(stage.world, stage.table, stage.carrier, witness)
    for _ in range(TICKS_TO_RECOVER):
        stage.tick()
        check_all(stage.world, stage.table, stage.carrier, witness)


def at_every_moment(story, happens, looked_at):
    """The same of one of the sweeps, from when it is prepared."""
    return at_every_moment_of(*prepared(story), story.sweep, happens, looked_at)


def at_every_moment_of(stage, witness, act, happens, looked_at):
    """Tells `act(world)` once for every moment at which `happens(stage)` may come in between; `looked_at(plan, stage,
    witness)` is called then. What it made of each."""

    def count():
        plan = Plan()
        act(stage.through(plan))
        return len(plan.calls)

    def at(moment):
        plan = Meanwhile(moment, lambda: happens(stage))
        act(stage.through(plan))
        assert plan.happened
        check_all(stage.world, stage.table, stage.carrier, witness)
        return looked_at(plan, stage, witness)

    return at_each(count, at)


@cache
def told_cleanly(kind: str):
    stage, witness = prepared(STORIES[kind])
    STORIES[kind].sweep(stage.world)
    recover(stage, witness)
    return ending(stage)


@stories
def test_a_sweep_broken_anywhere_ends_as_if_nothing_had_happened(story):
    stage, witness = prepared(story)
    right = told_cleanly(story.kind)

    def looked_at(where):
        recover(stage, witness)
        assert not differences(ending(stage), right), where

    broken_anywhere(lambda plan: story.sweep(stage.through(plan)), looked_at)
