"""What the app was told of what happened at Stripe, by the deliveries that are still owed and the events it parked.

What was heard must be known at once, not only after the night's walk has asked for everything again.
"""

from __future__ import annotations

import json

from chalicelib.store import keys
from tests.simulation.world import Resident, Simulated


def everything_about(world: Simulated, resident: Resident, thing: str | None = None) -> bool:
    """Whether nothing about this customer (or this one thing of theirs) is on its way, lost, or parked."""
    about = {thing or resident.customer}
    return not _is_owed(world, about) and not _is_parked(world, resident)


def _is_owed(world: Simulated, about: set[str]) -> bool:
    """Also what Stripe has given up on: nobody has heard it."""
    stripe = world.emulator._world
    for delivery in stripe.all("_delivery"):
        told = json.loads(stripe.get("event", delivery["event"])["_object"])
        if about & {told["id"], told.get("customer")}:
            return True
    return False


def _is_parked(world: Simulated, resident: Resident) -> bool:
    partitions = (keys.parked_of(resident.customer), keys.parked_of(None))
    return any(world.table.query(pk, keys.PARKED, limit=1).rows for pk in partitions)
