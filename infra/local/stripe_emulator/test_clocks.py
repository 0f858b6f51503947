"""Stripe's test clocks, which are refused: the stack has one clock and it is moved elsewhere."""

from __future__ import annotations

from typing import Any

from .errors import StripeError
from .world import World

Json = dict[str, Any]


def refuse(_world: World, _params: Json, *_ids: str) -> Json:
    raise StripeError(
        "Test clocks do not exist here: everything follows the stack's one clock, which is moved"
        " by POST /_clock.",
        code="test_clock_not_supported",
    )
