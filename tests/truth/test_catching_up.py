"""What the webhook missed is heard later, from Stripe's own list: never lost, never twice, in order."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib import catching_up, hearing
from chalicelib.catching_up import HORIZON, SETTLED, catch_up
from chalicelib.gateways.stripe import StripeUnavailable
from chalicelib.store.table import StoreError
from tests.support.faults import Crash, FaultyTable, every_fault, faulty
from tests.support.life import Life

ACME = "acme"
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
LISTS = ("untaken_events_after", "first_untaken_events")
READS = (*LISTS, "subscription", "subscriptions_of", "invoice")


@pytest.fixture
def life():
    """A subscriber; from now on no webhook arrives."""
    return deaf()


def deaf():
    life = Life()
    life.customer_id = life.account(ACME)
    life.sub = life.subscribe(ACME)
    life.control("drop_webhooks")
    return life


def settle(life, by=SETTLED + MINUTE):
    """Time passes without any job of ours."""
    life.sleep(life.now + by)


def test_a_cancellation_whose_webhook_was_lost_is_heard(life):
    life.control("portal_cancel", subscription=life.sub)
    settle(life)
    assert life.status(ACME, life.sub) == "active"

    report = catch_up(life.world)

    assert report.counts["applied"] == 1
    assert life.status(ACME, life.sub) == "pending_cancellation"


def test_what_is_still_being_delivered_is_left_to_the_webhook(life):
    life.control("portal_cancel", subscription=life.sub)
    settle(life, SETTLED)
    assert str(catch_up(life.world)) == ""

    settle(life, timedelta(seconds=1))
    assert catch_up(life.world).counts["applied"] == 1


def test_a_second_run_has_nothing_to_do_though_stripe_still_lists_them(life):
    life.control("portal_cancel", subscription=life.sub)
    settle(life)
    catch_up(life.world)

    assert str(catch_up(life.world)) == ""


def test_events_are_heard_oldest_first_over_many_pages(life, monkeypatch):
    monkeypatch.setattr("chalicelib.gateways.stripe_lists.PAGE", 3)
    for _ in range(5):
        life.control("portal_cancel", subscription=life.sub)
        settle(life, MINUTE)
        life.control("portal_resume", subscription=life.sub)
        settle(life, MINUTE)
    settle(life)
    heard = []
    monkeypatch.setattr(
        hearing, "hear", lambda _world, event: heard.append(event.created) or "applied"
    )

    report = catch_up(life.world)

    assert len(heard) == report.counts["applied"] >= 10
    assert heard == sorted(heard)


def test_the_first_run_finds_the_oldest_event_of_thirty_days(life, monkeypatch):
    monkeypatch.setattr("chalicelib.gateways.stripe_lists.PAGE", 2)
    for _ in range(3):
        life.control("portal_cancel", subscription=life.sub)
        settle(life, HOUR)
        life.control("portal_resume", subscription=life.sub)
        settle(life, HOUR)
    life.control("portal_cancel", subscription=life.sub)
    settle(life, 20 * DAY)

    catch_up(life.world)

    assert life.status(ACME, life.sub) == "pending_cancellation"
    assert catching_up.position(life.world).since == life.now - SETTLED


def test_stripe_having_forgotten_the_place_it_goes_on_by_time(life):
    life.control("portal_cancel", subscription=life.sub)
    settle(life)
    catch_up(life.world)
    settle(life, 29 * DAY)
    catch_up(life.world)
    life.control("resume_webhooks")
    life.subscribe(ACME, "smarter-contact:calling:month")
    life.control("drop_webhooks")
    settle(life, 2 * DAY)
    (calling,) = [id for id in life.membership(ACME, "id") if id != life.sub]
    life.control("portal_cancel", subscription=calling)
    settle(life)

    report = catch_up(life.world)

    assert report.why_stopped is None
    assert life.status(ACME, calling) == "pending_cancellation"
    assert catching_up.position(life.world).gap is None


@pytest.mark.parametrize(("late_by", "is_alarmed"), [(-MINUTE, False), (MINUTE, True)])
def test_whoever_comes_after_thirty_days_is_told_that_events_are_forgotten(
    life, logged, late_by, is_alarmed
):
    catch_up(life.world)
    since = catching_up.position(life.world).since
    life.wait(since + HORIZON + late_by)

    catch_up(life.world)

    gap = catching_up.position(life.world).gap
    assert ("events_forgotten" in dict(logged)) == is_alarmed
    assert (gap is not None) == is_alarmed
    if is_alarmed:
        assert (gap.since, gap.until) == (since, since + MINUTE)


def test_an_event_of_an_account_not_here_yet_is_parked_and_heard_when_it_is(life):
    customer = life.stripe("POST", "/v1/customers", "email=b%40example.com")["id"]
    life.stripe("POST", "/v1/payment_methods/pm_card_visa/attach", f"customer={customer}")
    methods = life.stripe("GET", f"/v1/customers/{customer}/payment_methods")["data"]
    price = life.stripe("GET", "/v1/prices?lookup_keys[0]=smarter-contact:messaging:month")
    life.stripe(
        "POST",
        "/v1/subscriptions",
        f"customer={customer}&items[0][price]={price['data'][0]['id']}"
        f"&default_payment_method={methods[0]['id']}",
    )
    settle(life)

    assert catch_up(life.world).counts["parked"] >= 1

    put = {"stripe_customer_id": customer, "policy": "smarter-contact", "currency": "usd"}
    assert life.operator("PUT", "/v1/admin/accounts/late", put).status == 201
    assert life.membership("late", "status") == ["active"]


def test_an_event_that_trips_over_a_bug_is_parked_and_holds_up_nobody(life, monkeypatch):
    life.control("portal_cancel", subscription=life.sub)
    settle(life)
    life.control("portal_resume", subscription=life.sub)
    settle(life)
    real = hearing.hear
    tripped = []

    def hear(world, event):
        if not tripped:
            tripped.append(event.id)
            raise KeyError("a bug of ours")
        return real(world, event)

    monkeypatch.setattr(hearing, "hear", hear)

    report = catch_up(life.world)

    assert report.counts["parked"] == 1
    assert report.counts["applied"] >= 1
    parked = life.operator("GET", "/v1/admin/parked-events").body["data"]
    assert [(one["id"], one["reason"]) for one in parked] == [(tripped[0], "failed:KeyError")]


def test_out_of_time_it_stops_in_the_middle_of_a_page_and_the_next_run_goes_on(life, monkeypatch):
    missed(life)
    heard, real = [], hearing.hear
    monkeypatch.setattr(hearing, "hear", lambda w, e: heard.append(e.id) or real(w, e))

    first = catch_up(life.world, lambda: bool(heard))
    assert (first.why_stopped, len(heard)) == ("out of time", 1)

    second = catch_up(life.world)
    assert second.why_stopped is None
    assert len(heard) == len(set(heard)) > 2
    life.run_jobs()
    assert told(life) == CHANGES


def test_stripe_being_away_stops_it_without_losing_its_place(life):
    life.control("portal_cancel", subscription=life.sub)
    settle(life)
    life.faults.order({"target": "stripe", "kind": "error", "count": 3})

    assert "stopped" in str(catch_up(life.world))
    assert catching_up.position(life.world) is None
    assert catch_up(life.world).counts["applied"] == 1


def through(life, plan):
    stripe = faulty(
        life.world.stripe,
        plan,
        names=READS,
        reads=READS,
        unavailable=lambda: StripeUnavailable("as planned"),
    )
    return replace(
        life.world, table=FaultyTable(life.world.table, plan), stripe=stripe, customers={}
    )


CHANGES = ["subscription.cancellation_scheduled", "subscription.resumed"] * 2


def told(life):
    changes = ("subscription.cancellation_scheduled", "subscription.resumed")
    return [e["type"] for e in life.events() if e["type"] in changes]


def missed(life):
    """Four changes, a day after the list was last read."""
    catch_up(life.world)
    settle(life, DAY)
    life.control("portal_cancel", subscription=life.sub)
    settle(life, HOUR)
    life.control("portal_resume", subscription=life.sub)
    settle(life, HOUR)
    life.control("portal_cancel", subscription=life.sub)
    settle(life, HOUR)
    life.control("portal_resume", subscription=life.sub)
    settle(life, HOUR)
    return life


def test_broken_anywhere_the_next_run_hears_everything():
    """Among others: that the place is saved only after what was read is applied."""
    for plan in every_fault(lambda plan: catch_up(through(missed(deaf()), plan))):
        life = missed(deaf())
        with suppress(Crash, StoreError):
            catch_up(through(life, plan))
        assert plan.struck, plan

        for _ in range(2):
            settle(life, 6 * MINUTE)
            catch_up(life.world)
            life.run_jobs()

        where = f"{plan} at {plan.calls[min(plan.faults)].name}"
        assert told(life) == CHANGES, where


def test_two_runs_at_once_hear_each_event_once(life):
    missed(life)
    other = []

    class MeanwhileAnother:
        def __getattr__(self, name):
            return getattr(life.world.stripe, name)

        def first_untaken_events(self, *args):
            found = life.world.stripe.first_untaken_events(*args)
            if not other:
                other.append(catch_up(life.world))
            return found

    report = catch_up(replace(life.world, stripe=MeanwhileAnother()))

    assert other[0].why_stopped is None
    assert "stopped" in report.why_stopped
    life.run_jobs()
    assert told(life) == CHANGES
