"""Scheduling an end and taking it back: `cancel_at`, `cancel_at_period_end` and the portal's way.

Two ways to be cancelled exist side by side: the flag, which moves with the period, and a moment.
The portal sets only the moment on flexible subscriptions and both on classic ones.
"""

from __future__ import annotations

from typing import Any

from . import items, standing
from .calendar import DAY
from .errors import StripeError
from .world import World

Json = dict[str, Any]

LONGEST_SECONDS = 5 * 366 * DAY


def values(world: World, subscription: Json, params: Json) -> Json:
    """What the cancellation parameters of a create or update call change."""
    if "cancel_at_period_end" in params and "cancel_at" in params:
        raise StripeError(
            "You may only specify one of these parameters: cancel_at, cancel_at_period_end.",
            param="cancel_at",
        )
    if "cancel_at_period_end" in params:
        return _by_flag(world, subscription, asked=params["cancel_at_period_end"])
    if "cancel_at" in params:
        return _by_moment(world, subscription, params["cancel_at"])
    return {}


def by_portal(world: World, subscription: Json, details: Json) -> None:
    """What a customer's click on "Cancel subscription" does, where access lasts the period."""
    flexible = subscription["billing_mode"]["type"] == "flexible"
    standing.update(
        world,
        subscription,
        cancel_at=items.last_end(subscription) if flexible else items.first_end(subscription),
        cancel_at_period_end=not flexible,
        canceled_at=world.at,
        cancellation_details={
            **subscription["cancellation_details"],
            **details,
            "reason": "cancellation_requested",
        },
    )


def taken_back(world: World, subscription: Json) -> None:
    """What a click on "Don't cancel subscription" does."""
    standing.update(world, subscription, **_none(subscription))


def is_scheduled(subscription: Json) -> bool:
    return subscription["cancel_at"] is not None or subscription["cancel_at_period_end"]


def _by_flag(world: World, subscription: Json, *, asked: bool) -> Json:
    if not asked:
        # A moment set by the portal or by `cancel_at` is not the flag's to clear.
        return _none(subscription) if subscription["cancel_at_period_end"] else {}
    if subscription["cancel_at_period_end"]:
        return {}
    return _asked(world, subscription, items.first_end(subscription), flag=True)


def _by_moment(world: World, subscription: Json, given: int | str) -> Json:
    if given == "":
        return _none(subscription)
    moment = _ENUMS[given](subscription) if isinstance(given, str) else given
    if moment <= world.at:
        raise StripeError("`cancel_at` must be a timestamp in the future.", param="cancel_at")
    if moment > world.at + LONGEST_SECONDS:
        raise StripeError("`cancel_at` can be no more than five years ahead.", param="cancel_at")
    return _asked(world, subscription, moment, flag=False)


_ENUMS = {
    "min_period_end": items.first_end,
    "max_period_end": items.last_end,
    # Nothing is billed ahead here, so what is billed ends with the periods.
    "max_billed_until": items.last_end,
}


def _asked(world: World, subscription: Json, moment: int, *, flag: bool) -> Json:
    return {
        "cancel_at": moment,
        "cancel_at_period_end": flag,
        "canceled_at": world.at,
        "cancellation_details": {
            **subscription["cancellation_details"],
            "reason": "cancellation_requested",
        },
    }


def _none(subscription: Json) -> Json:
    """Undone: the reason goes, since nothing is cancelled any more; so do comment and feedback."""
    if not is_scheduled(subscription):
        return {}
    nothing = {name: None for name in subscription["cancellation_details"]}
    return {
        "cancel_at": None,
        "cancel_at_period_end": False,
        "canceled_at": None,
        "cancellation_details": nothing,
    }
