"""The check of number fees itself, in the one second in which order decides and Stripe's dates do not tell it."""

from dataclasses import replace

import pytest

from chalicelib import sweeping
from chalicelib.domain import steps
from tests.simulation import checks
from tests.simulation.plan import plan
from tests.simulation.world import Simulated
from tests.support.life import START
from tests.support.smarter_contact import END, MESSAGING, SECOND

ONE = "+14155550000"


def subscribed() -> tuple[Simulated, checks.Watching, str]:
    """A number bought as the plan began: its first fee is due in the second in which the plan renews."""
    world = Simulated(replace(plan(1), start=START, policies=("smarter-contact",)))
    world.chance.calm = True
    watching = checks.Watching(world)
    (resident,) = world.residents
    resident.customer = world.account("acct0")
    messaging = world.subscribe("acct0", MESSAGING)
    world.number("acct0", ONE)
    watching.look()
    return world, watching, messaging


def at_the_end(world: Simulated, watching: checks.Watching) -> None:
    watching.look()
    checks._everything_agrees(world, watching)


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
    fees = replace(sweeping.HOW[steps.NUMBER_FEE], asks_stripe=lambda _account, _step: False)
    monkeypatch.setattr(sweeping, "HOW", {**sweeping.HOW, steps.NUMBER_FEE: fees})
    world.move(END + SECOND)

    with pytest.raises(AssertionError, match=r"3: .* was charged, and there was no plan on that"):
        at_the_end(world, watching)
