"""Every webhook is lost, for three days and for forty; then one run makes us equal with Stripe."""

import pytest

from chalicelib import catching_up, reconciling
from chalicelib.handlers.jobs import JOBS
from tests.truth.worlds import begun, eventful, known


def told(days, *, deaf):
    life = begun()
    life.sleep(life.now + 26 * (catching_up.HORIZON / 30))
    if deaf:
        life.control("drop_webhooks")
    eventful(life, days)
    return life


@pytest.fixture(scope="module")
def expected():
    return {days: known(told(days, deaf=False)) for days in (3, 40)}


def test_three_days_without_a_webhook_are_made_up_for_by_one_run(expected):
    life = told(3, deaf=True)
    assert known(life) != expected[3]

    catching_up.catch_up(life.world)

    assert known(life) == expected[3]


def test_forty_days_without_a_webhook_are_made_up_for_by_reconciling(expected):
    life = told(40, deaf=True)
    assert known(life) != expected[40]

    JOBS[reconciling.JOB].run(life.world)

    assert known(life) == expected[40]


def test_and_reconciling_again_finds_nothing(expected):
    life = told(40, deaf=True)
    JOBS[reconciling.JOB].run(life.world)
    life.wait(life.now + reconciling.EVERY)

    assert JOBS[reconciling.JOB].run(life.world).did == ""
