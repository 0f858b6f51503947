"""SC-7: "You can reactivate your subscription anytime by visiting the Membership page and resubscribing." Also when the
customer is back on that page before Stripe's events are."""

import pytest

from chalicelib.domain.access import LOG_IN
from tests.support.life import Life


@pytest.fixture
def life():
    life = Life()
    life.account()
    return life


def pays_while_webhooks_wait(life):
    life.control("delay_webhooks")
    made = life.customer(
        "acme",
        "POST",
        "/v1/checkout-sessions",
        {
            "purpose": "plan",
            "price": "smarter-contact:messaging:month",
            "success_url": "https://app.example.com/ok",
            "cancel_url": "https://app.example.com/no",
        },
    )
    session = made.body["checkout_session_id"]
    life.control("pay_checkout", session=session, outcome="paid")
    return session


def returns(life, session):
    return life.customer("acme", "GET", f"/v1/membership?checkout_session_id={session}")


def test_the_return_page_hears_what_the_webhook_would_tell(life):
    session = pays_while_webhooks_wait(life)
    assert life.membership("acme")["subscriptions"] == []

    page = returns(life, session).body

    assert [s["status"] for s in page["subscriptions"]] == ["active"]
    assert life.features("acme")["send_sms"]


def test_the_late_events_change_nothing_and_nobody_is_told_twice(life):
    session = pays_while_webhooks_wait(life)
    before = returns(life, session).body["subscriptions"]

    life.control("resume_webhooks")

    assert life.membership("acme")["subscriptions"] == before
    started = [e for e in life.outbox.view()["events"] if e["type"] == "subscription.started"]
    assert len(started) == 1


def test_without_an_answer_from_stripe_the_page_shows_what_is_known(life):
    session = pays_while_webhooks_wait(life)
    life.faults.order({"target": "stripe", "kind": "error", "count": 30})

    page = returns(life, session)

    assert (page.status, page.body["subscriptions"]) == (200, [])
    assert life.features("acme") == {LOG_IN: True} | dict.fromkeys(
        ("dialer", "launch_campaigns", "send_rvm", "send_sms"), False
    )
