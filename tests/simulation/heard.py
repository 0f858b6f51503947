"""What the app was told of what happened at Stripe, by the deliveries that are still owed and the events it parked.

What was heard must be known at once, not only after the night's walk has asked for everything again.
"""

from __future__ import annotations

from typing import Any

import msgspec

from chalicelib.store import keys
from tests.simulation.world import Resident, Simulated


def everything_about(world: Simulated, resident: Resident, thing: str | None = None) -> bool:
    """Whether nothing about this customer (or this one thing of theirs) is on its way, lost, or parked."""
    return not _is_owed(world, thing or resident.customer) and not _is_parked(world, resident)


def _is_owed(world: Simulated, about: str) -> bool:
    """Also what Stripe has given up on: nobody has heard it."""
    stripe = world.emulator._world
    for delivery in stripe.all("_delivery"):
        text = stripe.get("event", delivery["event"])["_object"]
        # Most are of somebody else, and need not be read to see that.
        if about in text and about in _of_whom(msgspec.json.decode(text)):
            return True
    return False


def _of_whom(told: dict[str, Any]) -> tuple[str, str | None]:
    return told["id"], told.get("customer")


def _is_parked(world: Simulated, resident: Resident) -> bool:
    partitions = (keys.parked_of(resident.customer), keys.parked_of(None))
    return any(world.table.query(pk, keys.PARKED, limit=1).rows for pk in partitions)
