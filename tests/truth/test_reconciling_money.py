"""Refunds and disputes whose events were lost are found in Stripe's own lists, however long ago it was (M1-7, M1-12)."""

from datetime import timedelta

import pytest

from chalicelib.domain import drift
from chalicelib.handlers.jobs import JOBS
from chalicelib.reconciling_lists import survey_lists
from tests.support.cases import cases, onemsg, refunds, topped_up
from tests.support.life import Life
from tests.truth.worlds import MESSAGING, subscribe_at_stripe, top_up

ACME = "acme"
DAY = timedelta(days=1)
RUN = JOBS["reconcile"]
REFUND, DISPUTE = drift.REFUND_UNHEARD, drift.DISPUTE_UNHEARD


@pytest.fixture
def life():
    life = Life()
    life.customers = {ACME: life.account(ACME)}
    life.sub = life.subscribe(ACME)
    top_up(life, ACME, 1000)
    return life


def run(life):
    """The next day's, and what it says of money: what Stripe renewed meanwhile is another matter."""
    life.wait(life.now + DAY)
    told = RUN.run(life.world).did.replace(" at Stripe", "").replace("; ", ", ").split(", ")
    return [one for one in told if REFUND in one or DISPUTE in one]


def the_top_up(life):
    return next(one["id"] for one in life.charges(life.customers[ACME]) if one["amount"] == 1000)


def refund(life, amount):
    made = f"charge={the_top_up(life)}&amount={amount}"
    return life.stripe("POST", "/v1/refunds", made)["id"]


def test_a_refund_made_at_stripe_comes_off_the_wallet_once(life):
    life.control("drop_webhooks")
    refund(life, 400)
    assert life.balance(ACME) == 1000

    assert run(life) == [f"1 repaired: {REFUND}"]
    assert run(life) == []

    assert life.balance(ACME) == 600
    assert [one["kind"] for one in life.entries(ACME)].count("refund") == 1


def test_and_comes_back_when_it_failed_weeks_later(life):
    life.control("drop_webhooks")
    made = refund(life, 400)
    run(life)
    life.wait(life.now + 32 * DAY)
    life.control("refund_fails", refund=made)

    assert run(life) == [f"1 repaired: {REFUND}"]
    assert run(life) == []
    assert life.balance(ACME) == 1000


@pytest.mark.parametrize(("days", "left"), [(90, 600), (91, 1000)])
def test_one_older_than_the_span_is_left_alone(life, days, left):
    life.control("drop_webhooks")
    refund(life, 400)
    life.wait(life.now + (days - 1) * DAY)

    run(life)
    assert life.balance(ACME) == left


def test_a_refund_of_a_plan_that_we_know_of_is_no_news(life):
    (paid,) = [one for one in life.charges(life.customers[ACME]) if one["amount"] != 1000]
    life.control("drop_webhooks")
    life.stripe("POST", "/v1/refunds", f"charge={paid['id']}")

    assert run(life) == [f"1 repaired: {REFUND}"]
    assert run(life) == []


def test_a_dispute_is_opened_here_and_closed_here(life):
    life.control("drop_webhooks")
    dispute = life.control("open_dispute", charge=the_top_up(life))["dispute"]

    assert run(life) == [f"1 repaired: {DISPUTE}"]
    assert run(life) == []
    assert len(cases(life, "dispute")) == 1

    life.wait(life.now + 100 * DAY)
    life.control("close_dispute", dispute=dispute, status="won")
    assert run(life) == [f"1 repaired: {DISPUTE}"]
    assert run(life) == []
    (case,) = cases(life, "dispute")
    assert case["state"] == "won"


def test_asked_without_being_told_to_it_says_so_and_changes_nothing(life):
    life.control("drop_webhooks")
    refund(life, 400)
    life.control("open_dispute", charge=the_top_up(life))

    counts = survey_lists(life.world).counts

    assert counts[f"drifted: {REFUND}"] == 1
    assert counts[f"drifted: {DISPUTE}"] == 1
    assert life.balance(ACME) == 1000
    assert cases(life) == []


def test_money_of_somebody_nobody_knows_is_nobodys_here(life):
    other = life.stripe("POST", "/v1/customers", "email=b%40example.com")["id"]
    method = life.stripe("POST", "/v1/payment_methods/pm_card_visa/attach", f"customer={other}")
    life.stripe(
        "POST",
        f"/v1/customers/{other}",
        f"invoice_settings[default_payment_method]={method['id']}",
    )
    life.customers["b"] = other
    subscribe_at_stripe(life, "b", MESSAGING)
    life.stripe("POST", "/v1/refunds", f"charge={life.charges(other)[0]['id']}")

    assert run(life) == []


def test_a_refund_that_its_own_case_knows_is_no_news():
    """And one that failed there without a word is."""
    life, _ = onemsg()
    topped_up(life, 1000)
    entry = life.entries(ACME, "top_up")[0]["id"]
    made = life.customer(ACME, "POST", "/v1/refund-requests", {"ledger_entry": entry})
    case = made.body["id"]
    decided = life.operator(
        "POST", f"/v1/cases/{case}/decision", {"approve": True, "reason": "Asked for in time."}
    )
    assert decided.status == 200, decided.body
    life.wait(life.now + DAY)
    life.run_jobs()
    assert life.balance(ACME) < 1000
    assert run(life) == []

    life.control("drop_webhooks")
    life.control("refund_fails", refund=refunds(life)[0]["id"])

    assert run(life) == [f"1 repaired: {REFUND}"]
    assert run(life) == []
    assert life.balance(ACME) == 1000
