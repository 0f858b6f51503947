"""Five hundred subscriptions, four events each, delivered in the ways in which others end up wrong: all are right.

The five scenarios of the measurements, and one more in which Stripe's own object moves while we ask.
"""

from datetime import timedelta

import pytest

from tests.ordering.truths import (
    Slowly,
    burst,
    in_order,
    shuffled,
    shuffled_while_it_happens,
    tell,
    wrong,
)
from tests.support.invariants import check_all
from tests.support.stage import Stage

SUBSCRIPTIONS = 500
MILLISECONDS = 30
"""So long Stripe takes to answer."""


def all_are_right(stage, told, answers):
    assert set(answers.statuses) == {200}
    assert set(answers.outcomes) <= {"applied", "duplicate"}
    assert wrong(stage, told) == []
    check_all(stage.world, stage.table, stage.carrier)


def test_distinct_moments_shuffled_and_doubled():
    stage = Stage()
    told = tell(stage, SUBSCRIPTIONS, ties=False)

    answers = shuffled(stage, told)

    all_are_right(stage, told, answers)


def test_ties_shuffled_and_doubled():
    stage = Stage()
    told = tell(stage, SUBSCRIPTIONS, ties=True)

    answers = shuffled(stage, told)

    all_are_right(stage, told, answers)


def test_ties_in_order():
    stage = Stage()
    told = tell(stage, SUBSCRIPTIONS, ties=True)

    answers = in_order(stage, told)

    all_are_right(stage, told, answers)
    # Only those of the same second had to be asked about.
    assert 0 < stage.truth.asked < 4 * SUBSCRIPTIONS // 3


def test_distinct_moments_in_order_ask_stripe_nothing():
    stage = Stage()
    told = tell(stage, SUBSCRIPTIONS, ties=False)

    answers = in_order(stage, told)

    all_are_right(stage, told, answers)
    assert stage.truth.asked == 0


def test_a_burst_of_eight_at_once_of_distinct_moments():
    stage = Stage(delay=Slowly(MILLISECONDS))
    told = tell(stage, SUBSCRIPTIONS, ties=False)

    answers = burst(stage, told)

    all_are_right(stage, told, answers)


def test_a_burst_of_eight_at_once_with_ties():
    stage = Stage(delay=Slowly(MILLISECONDS))
    told = tell(stage, SUBSCRIPTIONS, ties=True)

    answers = burst(stage, told)

    all_are_right(stage, told, answers)


@pytest.mark.parametrize("seconds", [0, 3, 90])
def test_while_stripes_object_moves_and_its_clock_lags(seconds):
    """Asked, Stripe tells what is true now; its `Date` may lie behind the events that follow."""
    stage = Stage()
    stage.truth.lag = timedelta(seconds=seconds)
    told = tell(stage, SUBSCRIPTIONS, ties=True)

    answers = shuffled_while_it_happens(stage, told)

    all_are_right(stage, told, answers)


def test_what_stripe_said_when_it_was_asked_is_not_taken_back_by_an_event_from_before():
    """Not even until the last of them is heard: whoever looks meanwhile sees what Stripe has said, or later."""
    stage = Stage()
    stage.account()
    stage.subscribe()
    told = []
    for changed in (stage.cancel, stage.resume, stage.cancel, stage.resume, stage.cancel):
        stage.move(stage.now + timedelta(minutes=10))
        told.append(changed(hear=False))
    first, second, third, fourth, _fifth = told
    assert stage.deliver(second)[0] == 200
    assert not stage.load().subscriptions["sub_1"].renewal_is_off

    # The first is late, so Stripe is asked, and says what it is now.
    for late in (first, fourth, third):
        assert stage.deliver(late)[0] == 200
        assert stage.load().subscriptions["sub_1"].renewal_is_off
