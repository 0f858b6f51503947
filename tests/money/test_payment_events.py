"""M1-5: the events of a payment for the wallet, in whatever order and number, and those that are none of ours."""

from itertools import permutations

import pytest

from chalicelib.domain.money import LARGEST
from chalicelib.store import wallet
from tests.support.life import Life
from tests.support.top_ups import (
    ACME,
    ONE_MSG,
    altered,
    events_of,
    held,
    living,
    paid_event,
    parked,
    pay,
    started,
    tell,
)


def test_any_order_and_number_of_its_events_credits_once():
    life, _ = living()
    session = started(life)
    life.control("drop_webhooks")
    pay(life, session, "async_pending")
    pay(life, session, "async_succeeded")
    happened = events_of(life, session)
    assert [e["type"] for e in happened] == [
        "checkout.session.completed",
        "checkout.session.async_payment_succeeded",
    ]

    for order in permutations([*happened, *happened]):
        outcomes = [tell(life, event) for event in order]
        assert set(outcomes) <= {"applied", "duplicate", "ignored"}

    assert held(life) == 5000
    assert len(life.entries(ACME)) == 1


def test_a_repeated_delivery_is_a_duplicate():
    life, _ = living()
    session = started(life)
    pay(life, session)
    (event,) = [e for e in events_of(life, session) if e["type"].endswith("completed")]

    assert [tell(life, event), tell(life, event)] == ["duplicate", "duplicate"]
    assert held(life) == 5000


def test_credited_is_what_stripe_says_was_paid():
    life, _ = living()
    event = paid_event(life)

    outcome = tell(life, altered(event, amount_total=4321, currency="jpy"))

    assert outcome == "applied"
    reply = life.customer(ACME, "GET", "/v1/wallet")
    assert reply.body["balance"] == {"amount": 0, "currency": "usd"}
    assert reply.body["other_balances"] == [{"amount": 4321, "currency": "jpy"}]


@pytest.mark.parametrize(
    "values",
    [
        {"metadata": {}},
        {"metadata": None},
        {"metadata": {"account_id": ACME}},
        {"metadata": {"purpose": "top_up"}},
        {"metadata": {"account_id": ACME, "purpose": "donation"}},
        {"mode": "subscription"},
        {"mode": "setup"},
        {"customer": None, "metadata": {}},
        {"customer": "cus_of_another_shop", "metadata": {"order": "42"}},
        {"payment_status": "unpaid"},
        {"payment_status": "no_payment_required"},
    ],
)
def test_a_session_that_is_not_ours_or_not_paid_is_ignored(values):
    life, _ = living()
    event = paid_event(life)

    assert tell(life, altered(event, **values)) == "ignored"
    assert held(life) == 0
    assert parked(life) == []


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"metadata": {"account_id": "bravo", "purpose": "top_up"}}, "other_account"),
        ({"customer": "cus_unknown"}, "unknown_customer"),
        ({"customer": None}, "no_customer"),
        ({"amount_total": None}, "unreadable"),
        ({"amount_total": 0}, "unreadable"),
        ({"amount_total": -5}, "unreadable"),
        ({"amount_total": 12.5}, "unreadable"),
        ({"currency": "USD"}, "unbookable"),
        ({"amount_total": LARGEST + 1}, "unbookable"),
    ],
)
def test_paid_money_nobody_can_be_credited_with_is_parked_for_a_person(values, reason):
    life, _ = living()
    life.account("bravo", ONE_MSG)
    event = paid_event(life)

    assert tell(life, altered(event, **values)) == "parked"
    assert held(life) == 0
    assert parked(life) == [("checkout.session.completed", reason)]


def test_another_account_s_customer_credits_nobody():
    """Invariant 9: nothing inside an event re-binds a customer."""
    life, _ = living()
    other = life.account("bravo", ONE_MSG)
    event = paid_event(life)

    assert tell(life, altered(event, customer=other)) == "parked"
    assert held(life) == 0
    assert wallet.load(life.world.table, "bravo").seq == 0


def test_a_payment_heard_before_the_account_is_credited_when_it_appears():
    life = Life()
    customer = life.stripe("POST", "/v1/customers", "email=a%40example.com")["id"]
    made = life.stripe(
        "POST",
        "/v1/checkout/sessions",
        f"mode=payment&customer={customer}&success_url=https%3A%2F%2Fapp.example.com"
        "&line_items[0][quantity]=1&line_items[0][price_data][currency]=usd"
        "&line_items[0][price_data][unit_amount]=900"
        "&line_items[0][price_data][product_data][name]=Balance"
        f"&metadata[account_id]={ACME}&metadata[purpose]=top_up",
    )
    pay(life, made["id"])
    waiting = parked(life)

    life.operator(
        "PUT",
        f"/v1/admin/accounts/{ACME}",
        {"stripe_customer_id": customer, "policy": ONE_MSG, "currency": "usd"},
    )

    assert waiting == [("checkout.session.completed", "unknown_customer")]
    assert held(life) == 900
    assert parked(life) == []


def test_a_parked_payment_is_asked_for_at_stripe_and_credited_once():
    life, _ = living()
    event = paid_event(life)
    assert tell(life, altered(event, amount_total=None)) == "parked"
    life.control("resume_webhooks")

    replayed = life.operator(
        "POST", "/v1/admin/parked-events/evt_altered/replay", {"reason": "the payment is there"}
    )

    assert replayed.status == 200
    assert held(life) == 5000
    assert tell(life, event) == "duplicate"
    assert held(life) == 5000
