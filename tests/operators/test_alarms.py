"""A step that keeps failing, or that time alone will not mend, asks for a person: by a log event, and where they look."""

import json
import logging
from datetime import timedelta

import pytest

from chalicelib.gateways.carriers import CarrierError
from chalicelib.log import NAME
from chalicelib.sweeping import ALARM_AFTER
from tests.operators.desk import ACME, NUMBER, RELEASE, Desk

TWO, THREE = "+14155550101", "+14155550102"
MINUTES = timedelta(minutes=1)


@pytest.fixture
def alarms():
    """The log events by which a person is asked for."""
    seen = []

    class Collected(logging.Handler):
        def emit(self, record):
            said = json.loads(record.getMessage())
            if said["event"] == "step_needs_person":
                seen.append((record.levelname, said))

    handler = Collected()
    logger = logging.getLogger(NAME)
    logger.addHandler(handler)
    yield seen
    logger.removeHandler(handler)


def refusing(desk, error, *numbers):
    real = desk.life.carrier.release_number

    def release(e164, provider_id, *, key):
        if e164 in (numbers or (NUMBER,)):
            raise error
        real(e164, provider_id, key=key)

    desk.life.carrier.release_number = release


@pytest.fixture
def desk():
    return Desk().leave()


def test_a_carrier_that_is_down_for_a_while_disturbs_nobody(desk, alarms):
    refusing(desk, CarrierError("timeout"))

    desk.life.move(RELEASE + 40 * MINUTES)

    step = desk.step("numbers_released")
    assert step["attempts"] == ALARM_AFTER - 1
    assert step["needs_person"] is False
    assert alarms == []


def test_after_five_failures_a_person_is_asked_for(desk, alarms):
    refusing(desk, CarrierError("timeout"))

    desk.life.move(RELEASE + 80 * MINUTES)

    assert ALARM_AFTER == 5
    ((level, said),) = alarms
    assert level == "ERROR"
    assert (said["attempts"], said["step"]) == (5, "step#numbers_released")
    assert said["cause"] == "carrier:timeout"
    step = desk.step("numbers_released")
    assert (step["needs_person"], step["last_error"]) == (True, "carrier:timeout")


def test_what_time_alone_will_not_mend_is_told_at_the_first_failure(desk, alarms):
    refusing(desk, CarrierError("credentials_refused", retryable=False))

    desk.life.move(RELEASE)

    ((_, said),) = alarms
    assert (said["attempts"], said["cause"]) == (1, "carrier:credentials_refused")
    step = desk.step("numbers_released")
    assert (step["needs_person"], step["attempts"]) == (True, 1)
    (due,) = [
        one
        for one in desk.life.operator("GET", "/v1/admin/deadlines?kind=numbers_released").body[
            "data"
        ]
        if one["account_id"] == ACME
    ]
    assert due["needs_person"] is True


def test_it_is_tried_again_all_the_same_and_the_alarm_ends_when_it_is_done(desk, alarms):
    real = desk.life.carrier.release_number
    refusing(desk, CarrierError("not_permitted", retryable=False))
    desk.life.move(RELEASE + 5 * MINUTES)
    desk.life.carrier.release_number = real

    desk.life.move(RELEASE + 60 * MINUTES)

    assert desk.life.at_carrier()[NUMBER] == "released"
    assert "numbers_released" not in desk.kinds("failed") + desk.kinds("future")


def test_an_operator_who_mended_it_tries_again_and_the_mark_is_gone(desk, alarms):
    real = desk.life.carrier.release_number
    refusing(desk, CarrierError("not_permitted", retryable=False))
    desk.life.move(RELEASE)
    desk.life.carrier.release_number = real

    shown = desk.act("retry", "numbers_released").body

    assert (shown["attempts"], shown["needs_person"]) == (0, False)


def test_one_number_that_somebody_must_look_at_holds_up_no_other_and_is_what_is_told(desk, alarms):
    """Two fail: one may mend by itself, the other will not."""
    desk.life.number(ACME, TWO)
    desk.life.number(ACME, THREE)
    real = desk.life.carrier.release_number

    def release(e164, provider_id, *, key):
        if e164 == NUMBER:
            raise CarrierError("provider_id_of_another_number", retryable=False)
        if e164 == TWO:
            raise CarrierError("timeout")
        real(e164, provider_id, key=key)

    desk.life.carrier.release_number = release

    desk.life.move(RELEASE)

    assert desk.life.at_carrier() == {NUMBER: "active", TWO: "active", THREE: "released"}
    assert desk.step("numbers_released")["last_error"] == "carrier:provider_id_of_another_number"
    assert len(alarms) == 1


def test_a_carrier_that_is_not_set_up_is_told_at_once(desk, alarms):
    desk.life.world.carriers.inner.pop("local")

    desk.life.move(RELEASE)

    ((_, said),) = alarms
    assert said["cause"] == "carrier:no_carrier_local"
