"""What somebody did in Stripe's portal is not heard of yet, and the customer presses a button of ours: the answer is
what Stripe has, never what we remember.

Found by the simulation (seed 1435): cancelled, resumed in the portal, and cancelled again before that was heard, it was
answered `pending_cancellation` from memory, and billed.
"""

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.gateways.stripe import Stripe, StripeRefused
from tests.support.life import Life, Reply, consenting
from tests.support.smarter_contact import (
    ACME,
    END,
    MESSAGING,
    ONE,
    RELEASE,
    SECOND,
    TEN_DLC,
    leaving,
    subscribed,
)

HOUR = timedelta(hours=1)
BACK = "https://app.example.com/membership"


def press(life: Life, subscription: str, shown: dict[str, Any]) -> Reply:
    path = f"/v1/subscriptions/{subscription}/cancellation"
    return life.customer(ACME, "POST", path, consenting(shown))


def marked(life: Life, subscription: str) -> bool:
    at_stripe = life.stripe("GET", f"/v1/subscriptions/{subscription}")
    return bool(at_stripe["cancel_at"] or at_stripe["cancel_at_period_end"])


def unheard(life: Life, *controls: str, subscription: str) -> None:
    """Each an hour after the one before, as a customer who changes their mind; no webhook ever tells of it."""
    life.control("drop_webhooks")
    for action in controls:
        life.clock.move_to(life.now + HOUR)
        life.control(action, subscription=subscription)
    life.clock.move_to(life.now + HOUR)


def test_who_resumed_in_the_portal_and_cancels_again_is_not_billed_again():
    """SC-2: "Your subscription will not renew, and no further charges will be made to your credit card." """
    life, messaging = leaving()
    unheard(life, "portal_resume", subscription=messaging)

    pressed = press(life, messaging, life.preview(ACME, messaging).body)

    assert (pressed.status, pressed.body["status"]) == (200, "pending_cancellation")
    assert marked(life, messaging)
    life.move(RELEASE)
    assert len(life.stripe("GET", "/v1/charges?limit=100")["data"]) == 1


def test_who_resumes_in_the_portal_between_looking_and_pressing_is_not_billed_again():
    """SC-2, as it was found: what was shown is of a cancellation that is no more."""
    life, messaging = leaving()
    shown = life.preview(ACME, messaging).body
    unheard(life, "portal_resume", subscription=messaging)

    stale = press(life, messaging, shown)
    pressed = press(life, messaging, stale.body["preview"])

    assert (stale.status, stale.code) == (409, "preview_stale")
    assert pressed.status == 200
    assert pressed.body["evidence_id"] == stale.body["preview"]["preview_id"]
    assert marked(life, messaging)
    life.move(RELEASE)
    assert len(life.stripe("GET", "/v1/charges?limit=100")["data"]) == 1


def test_a_cancellation_that_stands_is_answered_with_the_first_consent():
    """The other side: nothing happened in the portal, and another preview gets the original answer."""
    life, messaging = leaving()
    first = life.operator("GET", f"/v1/admin/accounts/{ACME}/timeline").body["past"]

    again = press(life, messaging, life.preview(ACME, messaging).body)

    assert (again.status, again.body["status"]) == (200, "pending_cancellation")
    assert again.body["evidence_id"]
    assert life.operator("GET", f"/v1/admin/accounts/{ACME}/timeline").body["past"] == first


def test_while_stripe_does_not_answer_nothing_is_called_cancelled():
    """SC-2 is "proved against Stripe's own object, not assumed"."""
    life, messaging = leaving()
    shown = life.preview(ACME, messaging).body
    unheard(life, "portal_resume", subscription=messaging)
    life.faults.order({"target": "stripe", "kind": "error", "count": 3})

    away = press(life, messaging, shown)
    back = press(life, messaging, shown)

    assert (away.status, away.code) == (503, "stripe_unavailable")
    assert (back.status, back.code) == (409, "preview_stale")


def test_who_cancelled_in_the_portal_and_resumes_here_keeps_the_plan_and_what_it_needs():
    """SC-4: "You can resume your subscription at any time before the billing period ends"."""
    life, (messaging,) = subscribed(MESSAGING)
    life.number(ACME, ONE)
    life.registration(ACME, TEN_DLC)
    unheard(life, "portal_cancel", subscription=messaging)

    resumed = life.resume(ACME, messaging)

    assert (resumed.status, resumed.body) == (200, {"status": "active"})
    assert not marked(life, messaging)
    life.move(RELEASE + SECOND)
    assert life.status(ACME, messaging) == "active"
    assert life.at_carrier() == {ONE: "active", TEN_DLC: "active"}


def test_who_cancelled_anew_in_the_portal_and_resumes_here_has_the_new_mark_cleared():
    """SC-4: the portal sets another mark than we do; the one that is there is taken off."""
    life, messaging = leaving()
    unheard(life, "portal_resume", "portal_cancel", subscription=messaging)

    resumed = life.resume(ACME, messaging)

    assert (resumed.status, resumed.body) == (200, {"status": "active"})
    assert not marked(life, messaging)
    life.move(END)
    assert life.status(ACME, messaging) == "active"


def test_what_has_ended_at_stripe_unheard_is_not_called_resumed():
    """SC-4: "before the billing period ends": there is nothing left to resume, and it says so."""
    life, (messaging,) = subscribed(MESSAGING)
    unheard(life, "cancel_now", subscription=messaging)

    refused = life.resume(ACME, messaging)

    assert (refused.status, refused.code) == (409, "not_resumable")
    assert refused.body["action"]["href"] == "/v1/checkout-sessions"


def checkout(life: Life) -> Reply:
    body = {"purpose": "plan", "price": MESSAGING, "success_url": BACK, "cancel_url": BACK}
    return life.customer(ACME, "POST", "/v1/checkout-sessions", body)


def test_a_plan_that_was_paid_for_a_minute_ago_is_not_sold_again():
    """SC-2's other side: nobody is billed twice for one plan, though Stripe's events have not arrived."""
    life = Life()
    customer = life.account(ACME)
    life.control("delay_webhooks")
    life.control("pay_checkout", session=checkout(life).body["checkout_session_id"], outcome="paid")
    life.clock.move_to(life.now + HOUR)

    again = checkout(life)

    assert (again.status, again.code) == (409, "already_subscribed")
    assert len(life.charges(customer)) == 1
    assert life.status(ACME, *life.membership(ACME, "id")) == "active"


def test_a_plan_that_is_over_at_stripe_unheard_may_be_bought_again():
    """SC-7: "You can reactivate your subscription anytime"."""
    life = Life()
    customer = life.account(ACME)
    messaging = life.subscribe(ACME)
    life.control("drop_webhooks")
    life.control("fail_payment", customer=customer)
    life.sleep(END + timedelta(days=60))
    assert life.stripe("GET", f"/v1/subscriptions/{messaging}")["status"] == "canceled"

    assert checkout(life).status == 201


def test_the_way_to_the_portal_s_cancelling_is_open_to_who_resumed_there_unheard():
    """SC-2: told that it "is cancelled already", they would be billed again."""
    life, messaging = leaving()
    asks = {"flow": "subscription_cancel", "subscription_id": messaging, "return_url": BACK}
    refused = life.customer(ACME, "POST", "/v1/portal-sessions", asks)
    unheard(life, "portal_resume", subscription=messaging)

    opened = life.customer(ACME, "POST", "/v1/portal-sessions", asks)

    assert (refused.status, refused.code) == (409, "portal_unavailable")
    assert opened.status == 201


@pytest.fixture
def unknown_at_stripe(monkeypatch):
    """It shows us this subscription no more; neither does it cancel it."""

    def refuse(*_args: object, **_named: object) -> None:
        raise StripeRefused("resource_missing", "No such subscription.")

    def begin() -> None:
        for name in ("subscription", "turn_renewal_off"):
            monkeypatch.setattr(Stripe, name, refuse)

    return begin


def renewing() -> tuple[Life, str]:
    life, (messaging,) = subscribed()
    return life, messaging


@pytest.mark.parametrize("begins", [leaving, renewing])
def test_what_stripe_does_not_show_is_shown_as_we_know_it_and_pressing_leads_to_support(
    begins, unknown_at_stripe
):
    """NX-6: "contact the support team" when stuck. Nothing is called done that Stripe did not confirm."""
    life, messaging = begins()
    unknown_at_stripe()

    shown = life.preview(ACME, messaging)
    pressed = press(life, messaging, shown.body)
    resumed = life.resume(ACME, messaging)

    assert shown.status == 201
    assert (pressed.status, pressed.code) == (409, "blocked")
    assert pressed.body["blockers"][0]["action"]["href"] == "/membership#support"
    # It may well live: whoever subscribed again would be billed twice.
    assert (resumed.status, resumed.code) == (502, "stripe_refused")
