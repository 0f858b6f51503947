"""A step that is held or waived while its call was at the carrier: somebody still has to ask what became of it."""

from datetime import timedelta

import pytest

from tests.operators.desk import ACME, DAY, NUMBER, PURGE, RELEASE, Desk

MINUTES = timedelta(minutes=10)
TEN_DLC = "10dlc-1"
LAPSE = RELEASE + timedelta(days=16)


@pytest.fixture
def desk():
    desk = Desk()
    assert desk.life.registration(ACME, TEN_DLC).status == 200
    return desk.leave()


def fails_at_the_carrier(desk, kind, at):
    desk.life.move(at - timedelta(seconds=1))
    desk.life.faults.order({"target": "carrier", "kind": kind, "count": 1})
    desk.life.move(at)


def states(desk):
    return [one["status"] for one in desk.life.membership(ACME)["numbers"]]


@pytest.mark.parametrize("what", ["hold", "waive"])
def test_a_number_released_unheard_is_known_to_be_gone_though_its_release_was_called_off(
    desk, what
):
    fails_at_the_carrier(desk, "answer_lost", RELEASE)
    assert desk.act(what, "numbers_released").status == 200

    desk.life.move(RELEASE + MINUTES)

    assert states(desk) == []
    assert desk.life.at_carrier()[NUMBER] == "released"
    assert "call_settled" not in desk.kinds("future")


@pytest.mark.parametrize("what", ["hold", "waive"])
def test_a_number_that_is_still_there_is_kept_once_its_release_was_called_off(desk, what):
    fails_at_the_carrier(desk, "error", RELEASE)
    assert desk.act(what, "numbers_released").status == 200

    desk.life.move(RELEASE + 3 * MINUTES)

    assert states(desk) == ["active"]
    assert desk.life.at_carrier()[NUMBER] == "active"
    assert desk.life.releases(NUMBER) == []


def test_a_number_that_was_kept_is_released_when_its_release_is_no_longer_held(desk):
    fails_at_the_carrier(desk, "error", RELEASE)
    desk.act("hold", "numbers_released")
    desk.life.move(RELEASE + 3 * MINUTES)

    assert desk.act("retry", "numbers_released").status == 200
    desk.life.run_jobs()

    assert len(desk.life.releases(NUMBER)) == 1
    assert states(desk) == []


def test_a_registration_that_lapsed_unheard_is_known_to_have_lapsed_though_that_was_held(desk):
    fails_at_the_carrier(desk, "answer_lost", LAPSE)
    assert desk.act("hold", "registrations_lapse").status == 200

    desk.life.move(LAPSE + MINUTES)

    assert desk.life.at_carrier()[TEN_DLC] == "lapsed"
    (one,) = desk.life.membership(ACME)["registrations"]
    assert one["status"] == "lapsed"


def test_nothing_is_purged_while_a_registration_that_an_operator_held_is_at_the_carrier(desk):
    """The purge forgets the ends by which the day of the lapse is counted: it would never have come, and the registration
    would have stayed at the carrier, and here, for ever."""
    desk.life.move(RELEASE)
    desk.act("hold", "registrations_lapse")
    desk.life.move(PURGE)

    assert desk.step("data_purged")["last_error"] == "registrations_not_lapsed"
    assert desk.life.at_carrier()[TEN_DLC] == "active"

    desk.act("retry", "registrations_lapse")
    desk.life.move(PURGE + DAY)

    assert desk.life.at_carrier()[TEN_DLC] == "lapsed"
    assert desk.life.membership(ACME)["registrations"] == []
    assert len(desk.told("step.data_purged")) == 1


def test_asking_what_became_of_a_call_is_not_held(desk):
    fails_at_the_carrier(desk, "answer_lost", RELEASE)
    desk.act("hold", "numbers_released")

    refused = desk.act("hold", "call_settled")

    assert refused.status == 409
    assert refused.body["code"] == "blocked"
    assert "asks the carrier what became of a call" in refused.body["detail"]
    assert "call_settled" in desk.kinds("future")


def test_nobody_asks_while_the_release_that_called_will_call_again(desk):
    """It called on the very instant of its date, which is no later one."""
    fails_at_the_carrier(desk, "answer_lost", RELEASE)

    assert "call_settled" not in desk.kinds("future")
    assert desk.step("numbers_released")["due_at"] == "2026-03-14T12:00:00Z"
