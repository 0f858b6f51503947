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
    there_and_back(life, 5)
    settle(life)
    heard = heard_in_turn(monkeypatch)

    report = catch_up(life.world)

    assert report.counts["applied"] >= len(heard) == 10
    assert heard == sorted(heard)


def test_the_first_run_finds_the_oldest_event_of_thirty_days(life, monkeypatch):
    monkeypatch.setattr("chalicelib.gateways.stripe_lists.PAGE", 2)
    there_and_back(life, 3, apart=HOUR)
    life.control("portal_cancel", subscription=life.sub)
    settle(life, 20 * DAY)

    catch_up(life.world)

    assert life.status(ACME, life.sub) == "pending_cancellation"
    assert catching_up.position(life.world).since == life.now - SETTLED


def test_a_month_without_a_missed_event_is_one_question(life):
    asked = questions(life)

    assert catch_up(life.world).why_stopped is None

    assert len(asked) == 1


def test_in_a_full_month_the_oldest_page_is_found_by_halving_it(life, monkeypatch):
    """Paging to the end of it would be a question for every other event."""
    settle(life, 20 * DAY)
    there_and_back(life, 20)
    settle(life, 4 * DAY)
    heard = heard_in_turn(monkeypatch)
    monkeypatch.setattr("chalicelib.gateways.stripe_lists.PAGE", 2)
    asked = questions(life)

    catch_up(life.world)

    assert heard == sorted(heard)
    assert len(heard) == 40
    found = next(n for n, params in enumerate(asked) if "ending_before" in params)
    assert found < 20


def test_more_in_one_second_than_a_page_holds_is_heard_too(life, monkeypatch):
    there_and_back(life, 4, apart=timedelta(0))
    settle(life)
    heard = heard_in_turn(monkeypatch)
    monkeypatch.setattr("chalicelib.gateways.stripe_lists.PAGE", 3)

    assert catch_up(life.world).why_stopped is None

    assert len(heard) == 8


def test_what_is_taken_while_it_is_looked_for_is_not_looked_for_for_ever(life, monkeypatch):
    """Stripe delivers it after all: where there was more than a page, there is nothing any more."""
    there_and_back(life, 4)
    settle(life)
    monkeypatch.setattr("chalicelib.gateways.stripe_lists.PAGE", 3)
    asked = questions(life, but_once={"created": {"lt": 1}})

    assert str(catch_up(life.world)) == ""

    assert len(asked) < 20
    assert catching_up.position(life.world).since == life.now - SETTLED


def there_and_back(life, times, apart=MINUTE):
    for _ in range(times):
        for turn in ("portal_cancel", "portal_resume"):
            life.control(turn, subscription=life.sub)
            settle(life, apart)


def heard_in_turn(monkeypatch):
    """When each change of a subscription was made of which is heard from now on."""
    heard = []

    def hear(_world, event):
        if event.type == "customer.subscription.updated":
            heard.append(event.created)
        return "applied"

    monkeypatch.setattr(hearing, "hear", hear)
    return heard


def questions(life, but_once=None):
    """What the list is asked for from now on. After the first it answers `but_once` instead, if that is given."""
    stripe = life.world.stripe.inner
    asked, ask = [], stripe._untaken

    def asking(params):
        asked.append(params)
        return ask(but_once if but_once and len(asked) > 1 else params)

    stripe._untaken = asking
    return asked


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
    there_and_back(life, 2, apart=HOUR)
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
