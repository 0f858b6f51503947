"""Plays a seed: every act, every check, the calm at the end; and finds the shortest history that still fails."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.simulation import acts
from tests.simulation.checks.the_end import end
from tests.simulation.checks.watching import Watching
from tests.simulation.only_the_seed import only_the_seed
from tests.simulation.plain_answers import plain_answers
from tests.simulation.plan import Plan
from tests.simulation.reading import Whole
from tests.simulation.world import Simulated


@dataclass(frozen=True)
class Violation:
    plan: Plan
    after: int
    """The act after which it was seen; -1 in the calm at the end."""
    said: str
    trail: tuple[str, ...] = field(repr=False)

    @property
    def kind(self) -> str:
        """What went wrong, without the names and dates of this world."""
        return re.sub(r"\d[\w:-]*|sub_\w+|acct\d", "…", self.said)[:60]


@dataclass(frozen=True)
class Played:
    violation: Violation | None
    account_years: float
    acts: int
    faults: int
    trail: tuple[str, ...] = field(repr=False)


def play(plan: Plan, table: Whole | None = None) -> Played:
    """On a table in memory, unless another is handed in; it must be empty."""
    with plain_answers(), only_the_seed(plan.seed):
        return _played(plan, table)


def _played(plan: Plan, table: Whole | None) -> Played:
    world = Simulated(plan, table)
    watching = Watching(world)
    world.chance.calm = False
    after, violation = -1, None
    try:
        for act in plan.acts:
            after = act.n
            acts.perform(world, act)
            watching.look()
        after = -1
        end(world, watching)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is what this world found
        where = traceback.extract_tb(error.__traceback__)[-1]
        said = (
            f"{type(error).__name__}: {error} ({where.filename.rsplit('/', 1)[-1]}:{where.lineno})"
        )
        violation = Violation(plan, after, said, tuple(world.trail))
    years = (world.now - plan.start).days / 365 * len(world.residents)
    trail = tuple(world.trail)
    return Played(violation, years, len(plan.acts), world.chance.struck, trail)


def shortest(
    found: Violation, fails: Callable[[Plan], Violation | None] | None = None
) -> Violation:
    """Leaves acts out, large pieces first, as long as the same kind of thing goes wrong."""
    fails = fails or (lambda plan: play(plan).violation)
    kept = [act.n for act in found.plan.acts if found.after == -1 or act.n <= found.after]
    size = max(1, len(kept) // 2)
    while True:
        start, smaller = 0, False
        while start < len(kept):
            fewer = kept[:start] + kept[start + size :]
            again = fails(found.plan.only(set(fewer)))
            if again is not None and again.kind == found.kind:
                kept, found, smaller = fewer, again, True
            else:
                start += size
        if size == 1 and not smaller:
            return found
        size = max(1, size // 2)
