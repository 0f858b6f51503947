"""A walk that has not come round in its time says so, at every turn, until it has."""

import json
from datetime import timedelta

import pytest

from chalicelib import walking
from tests.support.logged import logged
from tests.walking.walkers import DAY, JOB, Many

SECOND = timedelta(seconds=1)


def late(act):
    with logged(json.loads) as said:
        act()
    return [one["late_seconds"] for one in said if one["event"] == "walk_late"]


@pytest.mark.parametrize("visits", [0, 3])
def test_a_round_that_is_not_made_when_the_next_should_begin_says_so(visits):
    stage = Many()
    stage.run(visits)
    began = stage.newest().began_at

    stage.move(began + DAY)
    assert late(lambda: stage.run(0)) == []
    stage.move(began + DAY + SECOND)
    assert late(lambda: stage.run(0)) == [1]
    stage.move(began + 2 * DAY)
    assert late(lambda: stage.run(0)) == [86_400]

    stage.flow()
    stage.run()
    assert stage.newest().status == "complete"
    assert late(stage.run) == []


def test_who_takes_a_part_of_it_leaves_that_to_the_schedules_own_run():
    stage = Many()
    stage.divide()
    stage.move(stage.now + 2 * DAY)

    assert late(lambda: stage.take(0)) == []


def test_a_person_who_walks_by_hand_is_not_told_that_it_is_late():
    stage = Many()
    stage.divide()
    stage.move(stage.now + 2 * DAY)

    assert late(lambda: walking.again(stage.world, JOB, stage.visit)) == []
