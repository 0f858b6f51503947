"""The first 300 worlds that `make simulate` plays, and the player itself.

What a seed plays is another world as soon as there is one act or fault more; so what was found has a test of its own,
where the story is told.
"""

from contextlib import nullcontext

import pytest

from tests.simulation import main
from tests.simulation.plan import plan
from tests.simulation.play import Violation, play, shortest
from tests.support.logged import unlogged


@pytest.mark.parametrize("tens", range(30))
@unlogged()
def test_everything_holds_in_every_world(tens):
    for seed in range(10 * tens, 10 * tens + 10):
        found = play(plan(seed)).violation
        assert found is None, f"lapse-sim --seed {seed}: {found and found.said}"


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
