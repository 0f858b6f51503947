"""What people do in a world, in the order in which they do it: a check of the carrier's record is worth what that order is."""

import pytest

from chalicelib.domain import steps
from chalicelib.sweeping import sweep
from tests.simulation import checks
from tests.simulation.plan import plan
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
    world.move(world.access_ends_at("acct0", subscription) + checks.MONTH)

    monkeypatch.setattr(world, "deliver", lambda: _sweeps_come_by(world))
    assert world.number("acct0", "+14155550000").status == 200
    assert world.registration("acct0", "acct0-brand1").status == 200

    carrier = world.carrier.view()
    assert carrier["numbers"]["+14155550000"]["status"] == "released"
    assert carrier["registrations"]["acct0-brand1"]["status"] == "lapsed"
    checks._carrier_agrees(world, world.residents[0], _seen(world))


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
        checks._carrier_agrees(world, world.residents[0], _seen(world))


def _seen(world: Simulated) -> Seen:
    reading = Reading(world.table)
    reading.catch_up()
    (seen,) = reading.accounts.values()
    return seen


def _sweeps_come_by(world: Life) -> None:
    sweep(world.world, steps.NUMBERS_RELEASED)
    sweep(world.world, steps.REGISTRATIONS_LAPSE)
