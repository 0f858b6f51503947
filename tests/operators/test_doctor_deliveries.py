"""`lapse doctor` tells our own endpoint from another's of the same Stripe account: Stripe only counts, and we remember."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from chalicelib import listening
from chalicelib.gateways.stripe import API_VERSION
from chalicelib.hearing import HEARD
from infra.cli import doctor
from tests.operators.patients import answers_of_webhook, examined, healthy
from tests.support.life import Life

OTHER = "https://bookkeeping.example.com/hooks"
AT_AWS = [check.name for check in doctor.CHECKS if check.at_aws and check.name != "heard"]
MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


@pytest.fixture
def life():
    return Life()


@pytest.fixture(autouse=True)
def webhook(monkeypatch):
    return answers_of_webhook(monkeypatch)


def another(life, *events, url=OTHER):
    made, _ = life.world.stripe.create_endpoint(
        url, events=events or list(HEARD), api_version=API_VERSION
    )
    return made


def waiting(life, monkeypatch, pending, *, ago=MINUTE):
    """The newest event of Stripe's, which so many endpoints have not taken."""
    one = {
        "id": "evt_1",
        "type": "invoice.paid",
        "created": int((life.now - ago).timestamp()),
        "pending_webhooks": pending,
    }
    monkeypatch.setattr(type(life.world.stripe.inner), "events_lately", lambda _: [one])


def unwell(life, capsys, one):
    found = examined(capsys, replace(one, now=life.now), without_aws=False, skip=AT_AWS)[1]
    return [(each["level"], each["check"]) for each in found]


def took_one(life, at):
    """A process of ours took an event of Stripe's then, and noted it."""
    then = SimpleNamespace(now=lambda: at)
    listens = replace(life.world.settings, silence_hours=24)
    listening.heard(replace(life.world, settings=listens, marks={}, clock=then))


# -- as Stripe sees it


@pytest.mark.parametrize(("pending", "level"), [(1, "warn"), (2, "fail")])
def test_of_two_endpoints_only_all_of_them_are_ours_for_certain(
    life, capsys, monkeypatch, pending, level
):
    one = healthy(life)
    another(life)
    waiting(life, monkeypatch, pending)

    _, found, _ = examined(capsys, one)

    assert [(each["level"], each["check"]) for each in found] == [(level, "deliveries")]


def test_one_that_is_sent_other_things_does_not_count(life, capsys, monkeypatch):
    one = healthy(life)
    another(life, "payout.paid")
    waiting(life, monkeypatch, 1)

    _, (found,), _ = examined(capsys, one)

    assert (found["level"], "was not taken" in found["says"]) == ("fail", True)


def test_one_that_is_disabled_does_not_count_and_one_that_is_sent_everything_does(
    life, capsys, monkeypatch
):
    one = healthy(life)
    made = another(life, "*")
    waiting(life, monkeypatch, 1)
    both = examined(capsys, one)[1]

    life.stripe("POST", f"/v1/webhook_endpoints/{made}", "disabled=true")
    alone = examined(capsys, one)[1]

    assert [each["level"] for each in (*both, *alone)] == ["warn", "fail"]
    assert "1 of the 2 endpoints" in both[0]["says"]


# -- as we see it


@pytest.fixture
def one(life):
    """Set up yesterday, and another endpoint of the same Stripe account beside it."""
    made = healthy(life, silence_hours=24)
    world = life.emulator._world
    # It was there long before ours.
    world.change(world.get("webhook_endpoint", another(life)), created=0)
    life.wait(life.now + timedelta(days=1))
    return made


def test_the_others_failure_is_no_failure_of_ours(life, capsys, monkeypatch, one):
    took_one(life, life.now - MINUTE)
    waiting(life, monkeypatch, 1)

    assert unwell(life, capsys, one) == [("warn", "deliveries")]


def test_our_own_is_told_though_the_other_took_it(life, capsys, monkeypatch, one):
    took_one(life, life.now - timedelta(hours=2))
    waiting(life, monkeypatch, 1)

    assert unwell(life, capsys, one) == [("warn", "deliveries"), ("fail", "heard")]


def test_one_that_never_took_anything_is_told(life, capsys, monkeypatch, one):
    waiting(life, monkeypatch, 1)

    assert unwell(life, capsys, one) == [("warn", "deliveries"), ("fail", "heard")]


@pytest.mark.parametrize(
    ("before", "level"), [(listening.EVERY - SECOND, []), (listening.EVERY, [("fail", "heard")])]
)
def test_a_process_that_noted_it_half_an_hour_ago_may_have_taken_the_newest(
    life, capsys, monkeypatch, one, before, level
):
    took_one(life, life.now - MINUTE - before)
    waiting(life, monkeypatch, 0)

    assert unwell(life, capsys, one) == level


def test_what_was_told_before_our_endpoint_was_there_was_not_for_us(life, capsys, monkeypatch, one):
    waiting(life, monkeypatch, 0, ago=timedelta(days=1, seconds=1))

    assert unwell(life, capsys, one) == []


def test_where_silence_is_not_listened_for_nobody_knows(life, capsys, monkeypatch, one):
    waiting(life, monkeypatch, 0)
    deaf = replace(one, settings=replace(one.settings, silence_hours=None))

    assert unwell(life, capsys, deaf) == []
