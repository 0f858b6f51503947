"""The check of number fees itself, in the one second in which order decides and Stripe's dates do not tell it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib import sweeping
from chalicelib.domain import steps
from chalicelib.effects import charge_number_fees
from tests.simulation.checks.the_end import everything_agrees
from tests.simulation.checks.watching import Watching
from tests.simulation.plan import plan
from tests.simulation.world import Simulated
from tests.support.life import START
from tests.support.smarter_contact import CALLING, END, MESSAGING, SECOND

ONE, TWO = "+14155550000", "+14155550001"
DAY = timedelta(days=1)


def subscribed() -> tuple[Simulated, Watching, str]:
    """A number bought as the plan began: its first fee is due in the second in which the plan renews."""
    world = Simulated(replace(plan(1), start=START, policies=("smarter-contact",)))
    world.chance.calm = True
    watching = Watching(world)
    (resident,) = world.residents
    resident.customer = world.account("acct0")
    messaging = world.subscribe("acct0", MESSAGING)
    world.number("acct0", ONE)
    watching.look()
    return world, watching, messaging


def at_the_end(world: Simulated, watching: Watching) -> None:
    watching.look()
    everything_agrees(world, watching)


def test_charged_while_the_plan_renewed_and_ended_in_that_very_second_it_was_owed():
    """Seed 1426."""
    world, watching, messaging = subscribed()
    world.move(END)
    watching.look()
    world.control("cancel_now", subscription=messaging)
    world.move(END + SECOND)

    assert len(world.entries("acct0", "number_fee")) == 1
    at_the_end(world, watching)


def test_charged_after_the_plan_had_ended_in_that_very_second_it_is_found(monkeypatch):
    """Invariant 3: as if Stripe were not asked."""
    world, watching, messaging = subscribed()
    world.control("drop_webhooks")
    world.sleep(END)
    world.control("cancel_now", subscription=messaging)
    fees = replace(sweeping.HOW[steps.NUMBER_FEE], asks_stripe=lambda _task: False)
    monkeypatch.setattr(sweeping, "HOW", {**sweeping.HOW, steps.NUMBER_FEE: fees})
    world.move(END + SECOND)

    with pytest.raises(AssertionError, match=r"no plan (needed|on that)"):
        at_the_end(world, watching)


@pytest.mark.parametrize("back_after", [0, 1])
def test_passed_over_at_the_end_before_the_customer_returned_it_was_not_owed(back_after):
    """Seed 879: a job that had slept went over all dates in the second of the end, and in the same one they came back."""
    world, watching, messaging = subscribed()
    world.number("acct0", TWO, bought_at=START - 20 * DAY)
    world.control("portal_cancel", subscription=messaging)
    world.sleep(END)
    world.run_jobs()
    world.move(END + back_after * SECOND)
    world.subscribe("acct0", MESSAGING)
    world.move(END + 2 * SECOND)

    assert [fee["cause"] for fee in world.entries("acct0", "number_fee")] == [
        f"number_fee:{TWO}:2026-02-11T12:00:00Z"
    ]
    at_the_end(world, watching)


def test_a_date_that_is_passed_over_while_another_plan_goes_on_is_found(monkeypatch):
    """The other side of it: whoever came back in that second does not excuse what the other plan owed."""
    world, watching, messaging = subscribed()
    world.subscribe("acct0", CALLING)
    world.control("portal_cancel", subscription=messaging)
    monkeypatch.setattr(charge_number_fees, "numbers_needed_at", lambda *_: False)
    world.move(END)
    world.run_jobs()
    world.subscribe("acct0", MESSAGING)
    world.move(END + SECOND)

    with pytest.raises(AssertionError, match=r"3: charged was .*, and owed"):
        at_the_end(world, watching)
