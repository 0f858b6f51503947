"""What comes due by itself, in one table: kind → rank, when, and what is then done.

At one and the same second the lower rank goes first: a schedule that ends a subscription comes
before its renewal, and the end of a subscription before the charge of its invoice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import checkout, collection, controls, knobs, refunds, renewals, schedules, webhooks
from .world import DueAt, World

Json = dict[str, Any]

_TABLE: dict[str, tuple[int, DueAt, Callable[[World, Json], str]]] = {
    "_control": (0, knobs.due_at, controls.end_modes),
    "subscription_schedule": (1, schedules.due_at, schedules.carry_out),
    "subscription": (2, renewals.due_at, renewals.carry_out),
    "invoice": (3, collection.due_at, collection.carry_out),
    "refund": (4, refunds.due_at, refunds.carry_out),
    "checkout.session": (5, checkout.due_at, checkout.carry_out),
}

DUE: dict[str, tuple[int, DueAt]] = {
    **{kind: (rank, due_at) for kind, (rank, due_at, _) in _TABLE.items()},
    "_delivery": (0, webhooks.due_at),
}


def carry_out(world: World, kind: str, thing: Json) -> str:
    return _TABLE[kind][2](world, thing)
