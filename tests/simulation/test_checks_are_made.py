"""A check that nobody makes any more finds nothing, and nobody would notice."""

import sys

from tests.simulation import checks
from tests.simulation.plan import plan
from tests.simulation.play import play
from tests.support.logged import unlogged


@unlogged()
def test_each_of_the_fourteen_invariants_is_looked_at():
    """Not only listed: in one world in which everybody leaves, each of these checks is made."""
    made = set()
    sys.setprofile(lambda frame, event, _: made.add(frame.f_code) if event == "call" else None)
    try:
        play(plan(4))
    finally:
        sys.setprofile(None)

    assert list(checks.INVARIANTS) == list(range(1, 15))
    for number, looks in checks.INVARIANTS.items():
        assert looks, number
        assert [one.__qualname__ for one in looks if one.__code__ not in made] == [], number
