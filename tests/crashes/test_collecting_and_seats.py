"""Leaving the card alone, collecting again, and emptying the seats: broken at every call in every way."""

from datetime import timedelta

from chalicelib.domain import steps
from chalicelib.sweeping import sweep
from tests.crashes.pressing import each_fault
from tests.crashes.test_contracts import LATER
from tests.promises.smarter_contact.test_collecting import by_ours, overdue, owed, tries
from tests.support.goto import ACME, FIRST_END, SECOND, customer_of_goto, shown_subscription
from tests.support.life import Life


def leaving_in_debt() -> tuple[Life, str]:
    life, messaging = overdue()
    by_ours(life, messaging)
    return life, messaging


def staying_in_debt() -> tuple[Life, str]:
    life, messaging = leaving_in_debt()
    life.move(life.now + LATER)
    life.resume(ACME, messaging)
    return life, messaging


def with_seats() -> tuple[Life, str]:
    """It has ended, at Stripe as well, and nobody has emptied its seats yet."""
    life, webinar = customer_of_goto()
    for user in ("ann", "bob", "cyd"):
        life.customer(ACME, "PUT", f"/v1/subscriptions/{webinar}/seats/{user}")
    life.cancel(ACME, webinar)
    life.move(FIRST_END - SECOND)
    life.sleep(FIRST_END)
    return life, webinar


def test_a_stop_of_the_collection_broken_anywhere_leaves_the_card_alone():
    """SC-2: "no further charges will be made to your credit card"."""

    def then(life, _, where):
        life.move(life.now + timedelta(days=10))

        assert tries(life) == 1, where
        assert [invoice["auto_advance"] for invoice in owed(life)] == [False], where

    each_fault(leaving_in_debt, lambda _l, _s, world: sweep(world, steps.COLLECTION_STOPPED), then)


def test_a_collection_taken_up_again_broken_anywhere_is_taken_up():
    """SC-4: resumed, with all that belongs to it."""

    def then(life, _, where):
        life.move(life.now + LATER)

        assert [invoice["auto_advance"] for invoice in owed(life)] == [True], where

    each_fault(staying_in_debt, lambda _l, _s, world: sweep(world, steps.COLLECTION_RESUMED), then)


def test_seats_emptied_anywhere_in_between_are_empty_in_the_end():
    """GT-5: "Cela garantit que personne dans votre société n'utilise GoTo product(s)"."""

    def then(life, webinar, where):
        life.move(life.now + LATER)

        assert shown_subscription(life, webinar)["seats"] == [], where
        assert "seats_unassigned" not in life.upcoming(ACME), where
        past = life.operator("GET", f"/v1/admin/accounts/{ACME}/timeline").body["past"]
        assert [p["what"] for p in past].count("step.seats_unassigned") == 1, where

    each_fault(with_seats, lambda _l, _s, world: sweep(world, steps.SEATS_UNASSIGNED), then)
