"""Everything live is compared with Stripe: what differs is put right, what only a person can mend is said."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib import reconciling
from chalicelib.domain import drift
from chalicelib.gateways.stripe import StripeUnavailable
from chalicelib.handlers.jobs import JOBS
from chalicelib.lifecycle import must_load
from chalicelib.store import keys
from chalicelib.store.table import Put, StoreError, Update
from chalicelib.store.walks import latest
from tests.support.cases import cases
from tests.support.faults import Crash, FaultyTable, every_fault, faulty
from tests.support.life import Life
from tests.truth.worlds import CALLING, MESSAGING, subscribe_at_stripe, top_up

ACME = "acme"
DAY = timedelta(days=1)
READS = ("everything_of", "subscriptions_page", "newest_paid_invoice", "paid_checkouts_page",
         "subscription", "checkout", "refunds_page", "disputes_page", "refund", "refunds_of",
         "charge", "paid_by", "dispute")  # fmt: skip


@pytest.fixture
def life():
    return subscribed()


def subscribed():
    life = Life()
    life.customers = {ACME: life.account(ACME)}
    life.sub = life.subscribe(ACME)
    return life


def run(life):
    return JOBS[reconciling.JOB].run(life.world).did


def found(life):
    shown = life.operator("GET", f"/v1/admin/jobs/{reconciling.JOB}").body["findings"]
    return [(one["kind"], one["subject"]) for one in shown]


def job(life):
    return life.operator("GET", f"/v1/admin/jobs/{reconciling.JOB}").body


def test_all_equal_it_says_nothing_and_the_walk_says_how_many(life):
    assert run(life) == ""

    (walk,) = latest(life.world.table, reconciling.JOB, 1)
    assert (walk.status, walk.counts) == ("complete", {"equal": 1})
    assert job(life)["at_stripe"]["ended_at"] is not None


def test_it_runs_once_a_day(life):
    run(life)
    life.control("drop_webhooks")
    life.control("portal_cancel", subscription=life.sub)
    life.wait(life.now + DAY - timedelta(seconds=1))
    assert run(life) == ""

    life.wait(life.now + timedelta(seconds=1))
    assert run(life) == "1 repaired: subscription.cancellation_scheduled"
    assert life.status(ACME, life.sub) == "pending_cancellation"


def test_an_earlier_payment_is_found_when_a_later_invoice_has_taken_its_place(life):
    life.control("drop_webhooks")
    life.sleep("2026-03-31T12:30:00Z")
    assert run(life) == "1 repaired: payment_unheard, subscription.renewed"

    paid = must_load(life.world, ACME).account.subscriptions[life.sub].paid_until
    assert paid.isoformat() == "2026-03-31T12:00:00+00:00"


def test_a_subscription_nobody_told_us_of_is_adopted_by_its_account(life):
    life.control("drop_webhooks")
    calling = subscribe_at_stripe(life, ACME, CALLING)

    assert run(life) == "1 repaired: subscription_unknown_here at Stripe"
    assert life.status(ACME, calling) == "active"


def test_a_top_up_nobody_told_us_of_is_credited_once(life):
    life.control("drop_webhooks")
    top_up(life, ACME, 1234)

    assert "1 repaired: top_up_unheard" in run(life)
    life.wait(life.now + DAY)
    assert run(life) == ""
    assert life.balance(ACME) == 1234


def test_a_customer_nobody_knows_is_found_until_somebody_does(life):
    customer = life.stripe("POST", "/v1/customers", "email=b%40example.com")["id"]
    method = life.stripe("POST", "/v1/payment_methods/pm_card_visa/attach", f"customer={customer}")
    life.stripe(
        "POST",
        f"/v1/customers/{customer}",
        f"invoice_settings[default_payment_method]={method['id']}",
    )
    life.customers["b"] = customer
    subscribe_at_stripe(life, "b", MESSAGING)

    assert run(life) == "1 drifted: customer_unknown_here at Stripe"
    assert found(life) == [(drift.CUSTOMER_UNKNOWN_HERE, customer)]

    put = {"stripe_customer_id": customer, "policy": "smarter-contact", "currency": "usd"}
    life.operator("PUT", "/v1/admin/accounts/b", put)
    life.wait(life.now + DAY)
    run(life)
    assert found(life) == []


def test_two_live_subscriptions_of_one_plan_are_both_named(life):
    second = subscribe_at_stripe(life, ACME, MESSAGING)

    run(life)

    assert sorted(found(life)) == sorted((drift.TWO_OF_ONE_PLAN, id) for id in (life.sub, second))


def test_a_subscription_that_stripe_does_not_know(life):
    account = must_load(life.world, ACME).account
    ghost = replace(account.subscriptions[life.sub], id="sub_ghost")
    plant(life, subscriptions={**account.subscriptions, "sub_ghost": ghost})

    run(life)

    assert found(life) == [(drift.UNKNOWN_AT_STRIPE, "sub_ghost")]


def plant(life, **changes):
    """Writes into the account's row what no fact of ours would."""
    from chalicelib.store.records import to_doc

    key = keys.account(ACME)
    account = replace(must_load(life.world, ACME).account, **changes)
    life.world.table.write(Update(key, {"doc": to_doc(account)}))


def test_a_customer_on_two_accounts(life):
    customer = life.customers[ACME]
    key = keys.customer(customer)
    life.world.table.write(Put({"pk": key.pk, "sk": key.sk, "doc": {"account_id": "other"}}))

    run(life)

    assert (drift.CUSTOMER_ELSEWHERE, customer) in found(life)


def test_no_card_is_left_to_be_charged(life):
    customer = life.customers[ACME]
    methods = life.stripe("GET", f"/v1/customers/{customer}/payment_methods")["data"]
    for one in methods:
        life.stripe("POST", f"/v1/payment_methods/{one['id']}/detach")

    run(life)
    assert found(life) == [(drift.CANNOT_BE_CHARGED, life.sub)]
    assert "portal" in job(life)["findings"][0]["says"]

    life.control("portal_cancel", subscription=life.sub)
    life.wait(life.now + DAY)
    run(life)
    assert found(life) == []


def test_a_price_that_no_plan_has(life):
    product = life.stripe("POST", "/v1/products", "name=New")["id"]
    price = life.stripe(
        "POST",
        "/v1/prices",
        f"product={product}&currency=usd&unit_amount=100&recurring[interval]=month",
    )["id"]
    customer = life.customers[ACME]
    new = life.stripe("POST", "/v1/subscriptions", f"customer={customer}&items[0][price]={price}")[
        "id"
    ]

    run(life)

    assert found(life) == [(drift.UNKNOWN_PRICE, new)]


def test_an_account_that_cannot_be_looked_at_is_tried_again_and_counted(life, monkeypatch):
    real = reconciling.visit
    broken = [True]

    def visit(world, account_id, **more):
        if broken:
            raise StripeUnavailable("as planned")
        return real(world, account_id, **more)

    monkeypatch.setattr(reconciling, "visit", visit)
    assert "1 to be tried again" in run(life)

    broken.clear()
    life.wait(life.now + timedelta(minutes=5))
    run(life)
    (walk,) = latest(life.world.table, reconciling.JOB, 1)
    assert (walk.status, walk.counts) == ("complete", {"equal": 1})


def test_out_of_time_it_goes_on_where_it_was(life):
    said = JOBS[reconciling.JOB].run(life.world, lambda: True).did
    assert "not finished" in said

    run(life)
    (walk,) = latest(life.world.table, reconciling.JOB, 1)
    assert walk.status == "complete"


def deaf():
    life = subscribed()
    life.control("drop_webhooks")
    life.control("portal_cancel", subscription=life.sub)
    subscribe_at_stripe(life, ACME, CALLING)
    top_up(life, ACME, 500)
    (paid,) = [one for one in life.charges(life.customers[ACME]) if one["amount"] == 500]
    life.stripe("POST", "/v1/refunds", f"charge={paid['id']}&amount=100")
    life.control("open_dispute", charge=paid["id"])
    return life


@pytest.mark.slow
def test_broken_anywhere_the_next_runs_repair_all_of_it():
    def through(life, plan):
        stripe = faulty(
            life.world.stripe,
            plan,
            names=READS,
            reads=READS,
            unavailable=lambda: StripeUnavailable("as planned"),
        )
        table = FaultyTable(life.world.table, plan)
        return replace(life.world, table=table, stripe=stripe, customers={})

    def once(world):
        reconciling.reconcile(world)

    for plan in every_fault(lambda plan: once(through(deaf(), plan))):
        life = deaf()
        with suppress(Crash, StoreError):
            once(through(life, plan))
        assert plan.struck, plan

        for _ in range(2):
            life.wait(life.now + timedelta(minutes=15))
            once(life.world)

        where = f"{plan} at {plan.calls[min(plan.faults)].name}"
        assert sorted(life.membership(ACME, "status")) == ["active", "pending_cancellation"], where
        kinds = sorted(e["kind"] for e in life.entries(ACME))
        assert kinds == ["dispute_withdrawn", "refund", "top_up"], where
        assert len(cases(life, "dispute")) == 1, where
        (walk,) = latest(life.world.table, reconciling.JOB, 1)
        assert walk.status == "complete", where
