"""Whom an act is about, and what of theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from tests.simulation.stripes_truth import at_stripe
from tests.simulation.world import Resident, Simulated

Doing = Callable[[Simulated, Resident, Random], None]


RETURN = "https://app.example.com/back"


PLANS: Mapping[str, tuple[str, ...]] = {
    "smarter-contact": ("messaging", "calling"),
    "1msg": ("channel",),
    "goto": ("webinar", "connect"),
    "1smtg": ("standard",),
    "nexorone": ("service",),
}


def some_plan(world: Simulated, resident: Resident, random: Random) -> str:
    """Mostly one that lives; sometimes one that does not, or that never was."""
    mine, living = at_stripe(world, resident), living_plans(world, resident)
    if living and random.random() < 0.9:
        return random.choice(living)
    return random.choice([*(s["id"] for s in mine), "sub_nobody"])


def living_plans(world: Simulated, resident: Resident) -> list[str]:
    alive = ("active", "trialing", "past_due")
    return [s["id"] for s in at_stripe(world, resident) if s["status"] in alive]


def whoever(world: Simulated, resident: Resident, can: Callable[[Resident], bool]) -> Resident:
    """Them, or else somebody else for whom the act makes sense: what is rare should not be wasted."""
    return next(
        (one for one in (resident, *world.residents) if one.customer and can(one)), resident
    )


def numbers_of(resident: Resident) -> list[str]:
    account = int(resident.id.removeprefix("acct"))
    return [f"+1415555{account:01}{n:03}" for n in range(resident.numbers)]
