"""Whose something is, and how what was found is told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from chalicelib.domain.moments import rfc3339
from tests.simulation.world import Resident, Simulated


def resident_of(world: Simulated, account_id: str) -> Resident:
    return next(one for one in world.residents if one.id == account_id)


def owner_of(world: Simulated, name: str) -> Resident:
    if name.startswith("+1415555"):
        return world.residents[int(name[8])]
    return resident_of(world, name.partition("-")[0])


def listed(things: Iterable[object]) -> str:
    """For people: moments as they stand everywhere else, and no brackets."""
    told = [rfc3339(one) if isinstance(one, datetime) else str(one) for one in things]
    return " and ".join(sorted(told)) or "nothing"
