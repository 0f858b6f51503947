"""Cancelling and resuming, broken at every call in every way: pressed again, it is done, once."""

from datetime import timedelta

from chalicelib import wiring
from tests.crashes.pressing import each_fault, resuming
from tests.support.goto import ACME
from tests.support.life import Life, consenting

WRONG_IN_BETWEEN = timedelta(minutes=1)


def subscribed():
    life = Life()
    life.account(ACME)
    return life, life.subscribe(ACME)


def leaving():
    life, plan = subscribed()
    assert life.cancel(ACME, plan).status == 200
    return life, plan


def charges(life):
    return life.stripe("GET", "/v1/charges?limit=100")["data"]


def confirmations(life):
    return [m for m in life.outbox.view()["mail"] if "confirmed" in m["subject"]]


def test_the_same_press_broken_anywhere_and_made_again_is_one_cancellation_with_one_confirmation():
    """SC-1, SC-2: "Your subscription will not renew, and no further charges will be made to your credit card." """
    shown = {}

    def pressing_what_was_shown(life, plan, world):
        body = life.preview(ACME, plan).body
        shown[id(life)] = consenting(body)
        wiring.use(world)
        life.customer(ACME, "POST", f"/v1/subscriptions/{plan}/cancellation", shown[id(life)])

    def then(life, plan, where):
        life.move(life.now + WRONG_IN_BETWEEN)

        again = life.customer(
            ACME, "POST", f"/v1/subscriptions/{plan}/cancellation", shown[id(life)]
        )

        assert (again.status, again.body["status"]) == (200, "pending_cancellation"), where
        assert life.status(ACME, plan) == "pending_cancellation", where
        life.move(life.now + timedelta(hours=7))
        assert len(confirmations(life)) == 1, where
        end = life.access_ends_at(ACME, plan)
        life.move(end + timedelta(days=40))
        assert len(charges(life)) == 1, where

    each_fault(subscribed, pressing_what_was_shown, then)


def test_a_resume_broken_anywhere_and_pressed_again_is_a_resume():
    """SC-4: "You can resume your subscription at any time before the billing period ends" """

    def then(life, plan, where):
        again = life.resume(ACME, plan)

        assert (again.status, again.body) == (200, {"status": "active"}), where
        assert life.status(ACME, plan) == "active", where
        life.move(life.now + timedelta(days=40))
        assert life.status(ACME, plan) == "active", where
        assert len(charges(life)) == 2, where

    each_fault(leaving, resuming, then)
