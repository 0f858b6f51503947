"""Silence is told: no event for hours though subscriptions are live."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib import listening, wiring
from chalicelib.handlers.jobs import JOBS
from chalicelib.settings import SettingsError, from_environment
from chalicelib.store.table import Unavailable
from tests.support.life import Life

ACME = "acme"
HOUR = timedelta(hours=1)


@pytest.fixture
def life():
    life = Life()
    life.world = replace(life.world, settings=replace(life.world.settings, silence_hours=24))
    wiring.use(life.world)
    return life


def subscribed(life):
    life.account(ACME)
    life.sub = life.subscribe(ACME)
    return life


@pytest.mark.parametrize(
    ("after", "is_silent"), [(24 * HOUR - HOUR / 60, False), (24 * HOUR, True)]
)
def test_it_is_told_from_the_hour_on_that_was_set(life, logged, after, is_silent):
    subscribed(life)
    life.wait(life.now + after)

    said = JOBS[listening.JOB].run(life.world).did

    assert ("nothing heard from Stripe for 24 hours" in said) == is_silent
    assert ("stripe_silent" in dict(logged)) == is_silent


def test_an_event_ends_the_silence(life):
    subscribed(life)
    life.wait(life.now + 30 * HOUR)
    assert listening.watch(life.world)

    life.control("portal_cancel", subscription=life.sub)

    assert listening.watch(life.world) == ""


def test_nobody_live_nobody_is_missed(life):
    subscribed(life)
    life.control("cancel_now", subscription=life.sub)
    life.sleep(life.now + timedelta(days=60))

    assert listening.watch(life.world) == ""


def test_a_webhook_that_was_never_called_is_told_as_well(life):
    life.control("drop_webhooks")
    life.account(ACME)
    customer = life.operator("GET", f"/v1/admin/accounts?query={ACME}").body["data"][0]
    price = life.stripe("GET", "/v1/prices?lookup_keys[0]=smarter-contact:messaging:month")
    life.stripe(
        "POST",
        "/v1/subscriptions",
        f"customer={customer['stripe_customer_id']}&items[0][price]={price['data'][0]['id']}",
    )
    assert listening.watch(life.world) == ""
    life.sleep(life.now + HOUR)
    JOBS["hear_missed_events"].run(life.world)
    assert life.membership(ACME, "status") == ["active"]
    life.wait(life.now + 23 * HOUR)

    assert "24 hours" in listening.watch(life.world)


def test_a_process_notes_it_at_most_twice_an_hour(life, monkeypatch):
    subscribed(life)
    noted = listening.last_heard(life.world)
    life.wait(life.now + 29 * HOUR / 60)
    life.control("portal_cancel", subscription=life.sub)
    assert listening.last_heard(life.world) == noted

    life.wait(life.now + HOUR / 60)
    life.control("portal_resume", subscription=life.sub)
    assert listening.last_heard(life.world) == life.now


def test_a_note_that_cannot_be_written_is_no_reason_to_refuse_the_event(life, monkeypatch):
    subscribed(life)
    life.wait(life.now + HOUR)

    def unavailable(*_):
        raise Unavailable("as planned")

    monkeypatch.setattr("chalicelib.store.job_notes.keep", unavailable)
    life.control("portal_cancel", subscription=life.sub)

    assert life.status(ACME, life.sub) == "pending_cancellation"
    assert not list(life.emulator._world.all("_delivery"))


def test_what_was_refused_was_not_heard(life):
    assert life.api("POST", "/webhooks/stripe", b"{}").status == 400
    assert listening.last_heard(life.world) is None


def test_without_the_setting_nobody_listens():
    life = subscribed(Life())
    life.wait(life.now + 99 * HOUR)

    assert listening.watch(life.world) == ""
    assert listening.last_heard(life.world) is None


@pytest.mark.parametrize(("given", "hours"), [(None, 24), ("6", 6), ("0", None)])
def test_the_hours_are_a_setting(monkeypatch, given, hours):
    for name in ("TABLE", "STRIPE_API_KEY", "WEBHOOK_SECRETS", "TOKEN_ISSUER", "TOKEN_AUDIENCE",
                 "SERVICE_AUDIENCE"):  # fmt: skip
        monkeypatch.setenv(f"LAPSE_{name}", "x")
    if given is not None:
        monkeypatch.setenv("LAPSE_SILENCE_HOURS", given)

    assert from_environment().silence_hours == hours


def test_hours_that_are_no_number_are_refused_with_their_name(monkeypatch):
    for name in ("TABLE", "STRIPE_API_KEY", "WEBHOOK_SECRETS", "TOKEN_ISSUER", "TOKEN_AUDIENCE",
                 "SERVICE_AUDIENCE"):  # fmt: skip
        monkeypatch.setenv(f"LAPSE_{name}", "x")
    monkeypatch.setenv("LAPSE_SILENCE_HOURS", "a day")

    with pytest.raises(SettingsError, match="LAPSE_SILENCE_HOURS must be a whole number"):
        from_environment()
