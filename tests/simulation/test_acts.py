"""What people do in a world, in the order in which they do it: a check of the carrier's record is worth what that order is."""

from dataclasses import replace
from datetime import timedelta
from functools import cache

import pytest

from chalicelib.domain.account import Account
from chalicelib.domain.steps import NUMBERS_RELEASED, REGISTRATIONS_LAPSE
from chalicelib.sweeping import sweep
from tests.simulation import acts
from tests.simulation.checks.carrier import calls_are_found_out, carrier_agrees
from tests.simulation.checks.watching import MONTH
from tests.simulation.plan import Act, plan
from tests.simulation.reading import Reading
from tests.simulation.world import Simulated
from tests.support.invariants import Seen
from tests.support.life import Life


def test_what_is_put_is_at_the_carrier_before_and_never_comes_back_afterwards(monkeypatch):
    """Seeds 1207 and 1794: long after the end, what is put is given back by the next sweep (SC-8, SC-9: decision 0029),
    which may run before the SaaS has its answer. Rented in the world once more by then, it seemed to be kept."""
    world = Simulated(plan(1))
    world.chance.calm = True
    world.account("acct0", "smarter-contact")
    subscription = world.subscribe("acct0", "smarter-contact:messaging:month")
    assert world.cancel("acct0", subscription).status == 200
    world.move(world.access_ends_at("acct0", subscription) + MONTH)

    monkeypatch.setattr(world, "deliver", lambda: _sweeps_come_by(world))
    assert world.number("acct0", "+14155550000").status == 200
    assert world.registration("acct0", "acct0-brand1").status == 200

    carrier = world.carrier.view()
    assert carrier["numbers"]["+14155550000"]["status"] == "released"
    assert carrier["registrations"]["acct0-brand1"]["status"] == "lapsed"
    carrier_agrees(world, world.residents[0], _seen(world))


def test_what_is_gone_here_and_still_held_at_the_carrier_is_found():
    """Invariant 4, the check itself: a number that is rented and billed for ever, though we say that it is gone."""
    world = Simulated(plan(1))
    world.chance.calm = True
    world.account("acct0", "smarter-contact")
    world.subscribe("acct0", "smarter-contact:messaging:month")
    world.number("acct0", "+14155550000")
    world.customer("acct0", "DELETE", "/v1/numbers/+14155550000")

    world.carrier.rent_number("+14155550000", "PN14155550000")

    with pytest.raises(AssertionError, match=r"4: \+14155550000 is active at the carrier"):
        carrier_agrees(world, world.residents[0], _seen(world))


@pytest.mark.parametrize("kind", [NUMBERS_RELEASED, REGISTRATIONS_LAPSE])
@pytest.mark.parametrize("how", ["held", "waived"])
def test_who_holds_midway_does_so_while_the_call_is_under_way(kind, how):
    """In some of a few such acts the step is called off, and what it called for is at the carrier still."""
    assert [
        account
        for _, account in midway()
        if kind in getattr(account, how) and any(THINGS[kind] in it for it in account.in_flight)
    ]


def test_a_call_that_nobody_will_ask_after_is_found_at_once():
    """Invariant 11, the check itself: a number of which we say for ever that it is being released."""
    world, account = next(one for one in midway() if one[1].in_flight)

    calls_are_found_out(world, account)
    with pytest.raises(AssertionError, match=r"11: .* is at the carrier, and nobody will ask"):
        calls_are_found_out(world, replace(account, steps={}))


def test_a_step_that_comes_later_does_not_find_out_what_became_of_a_call():
    """The customer came back and left again since: the release of then is not the one that was cut short."""
    world, account = next(one for one in midway() if one[1].in_flight)
    due = dict.fromkeys(THINGS, world.now)
    later = dict.fromkeys(THINGS, world.now + timedelta(seconds=1))

    calls_are_found_out(world, replace(account, steps=due))
    with pytest.raises(AssertionError, match="nobody will ask"):
        calls_are_found_out(world, replace(account, steps=later))


THINGS = {NUMBERS_RELEASED: "number#", REGISTRATIONS_LAPSE: "registration#"}


@cache
def midway() -> list[tuple[Simulated, Account]]:
    """A few worlds in which nothing else goes wrong, each as its act left it."""
    worlds = []
    for seed in range(12):
        world = Simulated(replace(plan(1), faults={}, policies=("smarter-contact",)))
        world.chance.calm = False
        acts.perform(world, Act(0, "hold_midway", 0, seed))
        worlds.append((world, _seen(world).account))
    return worlds


def _seen(world: Simulated) -> Seen:
    reading = Reading(world.table)
    reading.catch_up()
    (seen,) = reading.accounts.values()
    return seen


def _sweeps_come_by(world: Life) -> None:
    sweep(world.world, NUMBERS_RELEASED)
    sweep(world.world, REGISTRATIONS_LAPSE)
