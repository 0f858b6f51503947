"""A sample of the worlds that `make simulate` plays, the seeds that once found something, and the player itself."""

from contextlib import nullcontext

import pytest

from tests.simulation import main
from tests.simulation.plan import plan
from tests.simulation.play import Violation, play, shortest

ONCE_FOUND = (
    12,  # a message that could neither be sent nor was ever credited, after a switch of plans
    172,  # a cancellation of what had ended at Stripe: 500
    107,  # a reminder that stayed due for as long as a case held the purge
)


@pytest.mark.parametrize("tens", range(4))
def test_everything_holds_in_every_world(tens):
    for seed in range(10 * tens, 10 * tens + 10):
        found = play(plan(seed)).violation
        assert found is None, f"lapse-sim --seed {seed}: {found and found.said}"


@pytest.mark.parametrize("seed", ONCE_FOUND)
def test_what_was_once_found_stays_mended(seed):
    found = play(plan(seed)).violation

    assert found is None, found and found.said


def test_a_seed_is_one_world_exactly():
    once, again = play(plan(7)), play(plan(7))

    assert once.trail == again.trail
    assert (once.faults, once.account_years) == (again.faults, again.account_years)


def test_a_world_is_the_same_through_the_objects_of_the_sdk(monkeypatch):
    """Stripe's answers are taken as they came, because it is faster: nothing may depend on it."""
    plainly = play(plan(5))
    monkeypatch.setattr("tests.simulation.play.plain_answers", nullcontext)

    assert play(plan(5)).trail == plainly.trail


def test_worlds_differ_and_things_do_go_wrong_in_them():
    played = [play(plan(seed)) for seed in range(4)]

    assert len({one.trail for one in played}) == 4
    assert sum(one.faults for one in played) > 20


def test_the_shortest_history_keeps_only_what_it_takes():
    """Of forty-odd acts, two make it fail: those two are left."""

    def fails(some):
        kept = {act.n for act in some.acts}
        return Violation(some, -1, "it broke", ()) if {5, 30} <= kept else None

    short = shortest(Violation(plan(3), -1, "it broke", ()), fails)

    assert [act.n for act in short.plan.acts] == [5, 30]
    assert main.replay(3, short.plan) == "lapse-sim --seed 3 --keep 5,30"
