"""The carrier fake: honours keys, knows what is gone, remembers every call, fails on demand."""

from datetime import UTC, datetime

import pytest

from chalicelib.gateways.carriers import CarrierError, NotRecoverable
from infra.local.carrier import LocalCarrier
from infra.local.clock import MovableClock
from infra.local.faults import Faults

NUMBER = "+14155550100"


@pytest.fixture
def faults():
    return Faults()


@pytest.fixture
def clock(notebook):
    return MovableClock(notebook, datetime(2027, 1, 1, tzinfo=UTC))


@pytest.fixture
def carrier(notebook, clock, faults):
    carrier = LocalCarrier(notebook, clock, faults)
    carrier.rent_number(NUMBER, "PN1")
    carrier.register("reg1", "BN1")
    return carrier


def outcomes(carrier):
    return [call["outcome"] for call in carrier.view()["numbers"][NUMBER]["calls"]]


def test_what_was_rented_is_active_and_unasked(carrier):
    view = carrier.view()

    assert view["numbers"] == {NUMBER: {"status": "active", "provider_id": "PN1", "calls": []}}
    assert view["registrations"]["reg1"]["status"] == "active"


def test_releasing_is_written_down_with_its_key_and_moment(carrier):
    carrier.release_number(NUMBER, "PN1", key="k1")

    record = carrier.view()["numbers"][NUMBER]
    assert record["status"] == "released"
    assert record["calls"] == [
        {"at": "2027-01-01T00:00:00Z", "call": "release", "key": "k1", "outcome": "done"}
    ]
    assert not carrier.holds_number(NUMBER, "PN1")


def test_lapsing_a_registration(carrier):
    carrier.lapse_registration("reg1", "BN1", key="k1")

    assert carrier.view()["registrations"]["reg1"]["status"] == "lapsed"
    assert not carrier.holds_registration("reg1", "BN1")


def test_the_same_key_does_nothing_twice(carrier):
    carrier.release_number(NUMBER, "PN1", key="k1")
    carrier.release_number(NUMBER, "PN1", key="k1")

    assert outcomes(carrier) == ["done", "repeated"]


def test_what_is_gone_counts_as_done_under_another_key(carrier):
    carrier.release_number(NUMBER, "PN1", key="k1")
    carrier.release_number(NUMBER, "PN1", key="k2")

    assert outcomes(carrier) == ["done", "gone already"]


def test_a_number_nobody_rented_counts_as_released(carrier):
    carrier.release_number("+19995550100", "PN9", key="k1")

    assert "+19995550100" not in carrier.view()["numbers"]
    assert not carrier.holds_number("+19995550100", "PN9")


def test_a_number_rented_again_is_active_again(carrier):
    carrier.release_number(NUMBER, "PN1", key="k1")
    carrier.rent_number(NUMBER, "PN2")

    assert carrier.holds_number(NUMBER, "PN2")
    assert outcomes(carrier) == ["done"]


@pytest.mark.parametrize("kind", ["error", "timeout", "throttle"])
def test_a_call_that_fails_changes_nothing_and_is_written_down(carrier, faults, kind):
    faults.order({"target": "carrier", "kind": kind, "count": 1})

    with pytest.raises(CarrierError) as raised:
        carrier.release_number(NUMBER, "PN1", key="k1")

    assert raised.value.retryable
    assert carrier.holds_number(NUMBER, "PN1")
    assert outcomes(carrier) == [kind]


def test_a_call_whose_answer_is_lost_was_carried_out_once(carrier, faults):
    faults.order({"target": "carrier", "kind": "answer_lost", "count": 1})

    with pytest.raises(CarrierError):
        carrier.release_number(NUMBER, "PN1", key="k1")
    carrier.release_number(NUMBER, "PN1", key="k1")

    assert outcomes(carrier) == ["done", "repeated"]


def test_asking_what_it_holds_can_fail_too(carrier, faults):
    faults.order({"target": "carrier", "kind": "timeout", "count": 1})

    with pytest.raises(CarrierError):
        carrier.holds_number(NUMBER, "PN1")
    assert carrier.holds_number(NUMBER, "PN1")


def test_a_released_number_is_had_back_for_ten_days_and_not_a_second_longer(carrier, clock):
    carrier.release_number(NUMBER, "PN1", key="k1")
    assert carrier.view()["numbers"][NUMBER]["recoverable_until"] == "2027-01-11T00:00:00Z"

    clock.move_to(datetime(2027, 1, 10, 23, 59, 59, tzinfo=UTC))
    assert carrier.recover_number(NUMBER, "PN1", key="k2") == "PN1"
    record = carrier.view()["numbers"][NUMBER]
    assert (record["status"], record.get("recoverable_until")) == ("active", None)
    assert [call["call"] for call in record["calls"]] == ["release", "recover"]

    carrier.release_number(NUMBER, "PN1", key="k3")
    clock.move_to(datetime(2027, 1, 20, 23, 59, 59, tzinfo=UTC))
    with pytest.raises(NotRecoverable):
        carrier.recover_number(NUMBER, "PN1", key="k4")
    assert outcomes(carrier) == ["done", "done", "done", "not recoverable"]


def test_a_number_that_is_still_held_counts_as_recovered(carrier):
    assert carrier.recover_number(NUMBER, "PN1", key="k1") == "PN1"

    assert outcomes(carrier) == ["held already"]


def test_a_recovery_whose_answer_is_lost_was_carried_out_once(carrier, faults):
    carrier.release_number(NUMBER, "PN1", key="k1")
    faults.order({"target": "carrier", "kind": "answer_lost", "count": 1})

    with pytest.raises(CarrierError):
        carrier.recover_number(NUMBER, "PN1", key="k2")
    carrier.recover_number(NUMBER, "PN1", key="k2")

    assert outcomes(carrier) == ["done", "done", "repeated"]


def test_a_number_nobody_ever_released_cannot_be_recovered(carrier):
    with pytest.raises(NotRecoverable):
        carrier.recover_number("+19995550100", "PN9", key="k1")
