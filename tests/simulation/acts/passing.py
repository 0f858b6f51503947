"""Time passes, to where something is due or just like that."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

from chalicelib.domain.moments import from_rfc3339, months_after, rfc3339
from tests.simulation.acts.choosing import Doing
from tests.simulation.world import Resident, Simulated


def jump(by: timedelta) -> Doing:
    def jump(world: Simulated, resident: Resident, random: Random) -> None:
        to = world.now + by * random.choice((0.5, 1, 1, 2))
        pass_time(world, to.replace(microsecond=0))

    return jump


def pass_time(world: Simulated, to: Any) -> None:
    if world.chance.strikes("outage"):
        world.trail.append(f"    (an outage until {rfc3339(to)})")
        world.outage(to)
    else:
        world.move(to)


jump_hours = jump(timedelta(hours=7))


def jump_seconds(world: Simulated, resident: Resident, random: Random) -> None:
    """To one second before, at, or after the next thing that is due."""
    due = world.watch.next_after(rfc3339(world.now))
    if due is not None:
        at = from_rfc3339(due) + timedelta(seconds=random.choice((-1, 0, 1)))
        if at > world.now:
            pass_time(world, at)


def jump_to_next(world: Simulated, resident: Resident, random: Random) -> None:
    world.travel.move_to_next()
    world.stream.flow()


def jump_months(world: Simulated, resident: Resident, random: Random) -> None:
    pass_time(world, months_after(world.now, random.choice((1, 2))))


def jump_year(world: Simulated, resident: Resident, random: Random) -> None:
    pass_time(world, months_after(world.now, 12))
