"""What Stripe answers to a request of ours is older than an event that arrives before we have written it down."""

from datetime import timedelta

import pytest

from chalicelib.lifecycle import confirm, must_load
from tests.support.life import Life


@pytest.fixture
def life():
    life = Life()
    life.account()
    life.sub = life.subscribe("acme")
    life.move(life.now + timedelta(hours=1))
    return life


class Overtaken:
    """Stripe, but something else happens between its answer and our hearing it."""

    def __init__(self, stripe, meanwhile):
        self.stripe = stripe
        self.meanwhile = meanwhile

    def __getattr__(self, name):
        found = getattr(self.stripe, name)
        if name not in ("turn_renewal_off", "turn_renewal_on"):
            return found

        def answer(*args, **named):
            said = found(*args, **named)
            self.meanwhile()
            return said

        return answer


def overtaken_by(life, meanwhile, seconds=1):
    def later():
        life.clock.move_to(life.now + timedelta(seconds=seconds))
        meanwhile()

    object.__setattr__(life.world, "stripe", Overtaken(life.world.stripe, later))


def at_stripe(life):
    thing = life.stripe("GET", f"/v1/subscriptions/{life.sub}")
    return bool(thing["cancel_at"] or thing["cancel_at_period_end"])


def ours(life):
    return must_load(life.world, "acme").account.subscriptions[life.sub].renewal_is_off


def test_who_resumes_in_the_portal_while_our_cancellation_is_answered_has_resumed(life):
    overtaken_by(life, lambda: life.control("portal_resume", subscription=life.sub))

    life.cancel("acme", life.sub)

    assert ours(life) is at_stripe(life) is False
    assert life.status("acme", life.sub) == "active"


def test_who_changed_their_mind_in_the_portal_in_that_very_second_has_resumed(life):
    """Invariant 10. By the second no event was news, and what Stripe was asked was what we knew: that it had spoken has
    to be seen by whoever still holds its answer from before (seeds 1185 and 1599)."""
    life.control("portal_cancel", subscription=life.sub)
    life.control("portal_resume", subscription=life.sub)
    overtaken_by(life, lambda: life.control("portal_resume", subscription=life.sub), seconds=0)

    life.cancel("acme", life.sub)

    assert ours(life) is at_stripe(life) is False
    assert life.status("acme", life.sub) == "active"


def test_who_cancels_in_the_portal_while_our_resuming_is_answered_has_cancelled(life):
    life.cancel("acme", life.sub)
    life.move(life.now + timedelta(hours=1))
    overtaken_by(life, lambda: life.control("portal_cancel", subscription=life.sub))

    life.resume("acme", life.sub)

    assert ours(life) is at_stripe(life) is True
    assert life.status("acme", life.sub) == "pending_cancellation"


def test_an_answer_given_for_the_second_time_is_not_believed(life):
    """Under the same key Stripe repeats what it answered first, whatever happened since."""
    loaded = must_load(life.world, "acme")
    how = {"key": "cancel:1", "feedback": "other", "comment": None}
    life.world.stripe.turn_renewal_off(life.sub, **how)
    life.clock.move_to(life.now + timedelta(minutes=1))
    life.control("portal_resume", subscription=life.sub)

    said = life.world.stripe.turn_renewal_off(life.sub, **how)

    assert said.subscription.cancel_at_period_end is False
    confirm(life.world, loaded, said, id="confirmed", by="stripe")
    assert ours(life) is at_stripe(life) is False


def test_an_answer_that_nothing_overtook_costs_no_second_call(life):
    asked = []
    stripe = life.world.stripe

    class Counting:
        def __getattr__(self, name):
            asked.append(name)
            return getattr(stripe, name)

    object.__setattr__(life.world, "stripe", Counting())
    life.cancel("acme", life.sub)

    # The second is the webhook's: Stripe's own event of it is of the same second as that answer.
    assert asked == ["turn_renewal_off", "subscription"]
    assert ours(life) is True
