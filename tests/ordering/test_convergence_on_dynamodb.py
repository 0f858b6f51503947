"""The same against a real server: transactions, conflicts and eight threads over HTTP, through PynamoDB."""

import pytest

from tests.ordering.truths import Slowly, burst, shuffled, tell, wrong
from tests.support.stage import Stage
from tests.support.stores import clear

SUBSCRIPTIONS = 60
MILLISECONDS = 30


@pytest.fixture
def table(ministack_table):
    yield ministack_table
    clear(ministack_table)


@pytest.mark.parametrize("ties", [False, True], ids=["distinct", "ties"])
def test_a_burst_of_eight_at_once_is_right(table, ties):
    stage = Stage(table, delay=Slowly(MILLISECONDS))
    told = tell(stage, SUBSCRIPTIONS, ties=ties)

    answers = burst(stage, told)

    assert set(answers.statuses) == {200}
    assert set(answers.outcomes) <= {"applied", "duplicate"}
    assert wrong(stage, told) == []


def test_ties_shuffled_and_doubled_are_right(table):
    stage = Stage(table)
    told = tell(stage, SUBSCRIPTIONS // 2, ties=True)

    answers = shuffled(stage, told)

    assert set(answers.statuses) == {200}
    assert wrong(stage, told) == []
