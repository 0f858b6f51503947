"""Each sweep, broken at every call it makes in every way a call can break, and looked at afterwards.

Whatever went wrong, within two ticks of its next try everything is as if nothing had: nothing lost, nothing doubled.
"""

from functools import cache

import pytest

from tests.crashes.copies import broken_anywhere
from tests.crashes.meanwhile import Meanwhile, every_moment
from tests.crashes.stories import STORIES, Story
from tests.support.endings import differences, ending
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


def at_every_moment(story, happens):
    """Tells the story once for every moment at which `happens(stage)` may come in between; yields what came of it."""

    def alone(plan):
        stage, _ = prepared(story)
        story.sweep(stage.through(plan))

    for moment in every_moment(alone):
        stage, witness = prepared(story)
        plan = Meanwhile(moment, lambda stage=stage: happens(stage))
        story.sweep(stage.through(plan))
        assert plan.happened
        check_all(stage.world, stage.table, stage.carrier, witness)
        yield plan, stage, witness


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
