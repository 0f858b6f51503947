"""Stripe says no to a cancellation: mostly because the plan ended there, and the event that says so is late."""

import pytest

from tests.support.life import Life
from tests.support.smarter_contact import ACME, subscribed


def late(life: Life, messaging: str) -> None:
    """Ended at Stripe at once; nobody has told us yet. What was paid for is kept until its end (M1-15)."""
    life.control("delay_webhooks")
    life.control("cancel_now", subscription=messaging)


def test_cancelling_what_ended_at_stripe_answers_as_stripe_has_it():
    """Found by the simulation: it answered 500."""
    life, (messaging,) = subscribed()
    late(life, messaging)

    reply = life.cancel(ACME, messaging)

    assert (reply.status, reply.body["status"]) == (200, "pending_cancellation")
    assert reply.body["access_ends_at"] == "2026-02-28T12:00:00Z"
    assert life.status(ACME, messaging) == "pending_cancellation"


def test_a_refusal_for_another_reason_sends_the_customer_to_support(
    monkeypatch: pytest.MonkeyPatch,
):
    from chalicelib.gateways.stripe import Stripe, StripeRefused

    def refuse(*_args, **_named):
        raise StripeRefused("subscription_schedule", "It is managed by a schedule.")

    life, (messaging,) = subscribed()
    monkeypatch.setattr(Stripe, "turn_renewal_off", refuse)

    reply = life.cancel(ACME, messaging)

    assert (reply.status, reply.code) == (409, "blocked")
    (blocker,) = reply.body["blockers"]
    assert blocker["code"] == "not_cancelable_online"
    assert blocker["action"]["href"] == "/membership#support"
    assert life.status(ACME, messaging) == "active"
