"""Puts the parts together. `world()` is what a handler acts in: the deployed one, or the one it was given."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from chalicelib import settings as settings_
from chalicelib.clock import Clock, SystemClock
from chalicelib.gateways.carriers import Carrier
from chalicelib.gateways.stripe import Stripe
from chalicelib.policies import Policies
from chalicelib.settings import Settings
from chalicelib.store.table import Table

if TYPE_CHECKING:
    from chalicelib.gateways.events import Events
    from chalicelib.gateways.mail import Mail


def _new_id() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    settings: Settings
    clock: Clock
    table: Table
    stripe: Stripe
    policies: Policies
    carriers: Mapping[str, Carrier] = field(default_factory=dict)
    mail: Mail | None = None
    events: Events | None = None
    new_id: Callable[[], str] = _new_id
    customers: dict[str, str] = field(default_factory=dict)
    """Stripe customer → account, as far as this process has met them. Immutable, so it may be remembered."""


_world: World | None = None


def use(world: World) -> None:
    """Makes handlers act in this world (local stack, tests)."""
    global _world  # noqa: PLW0603 - one process serves one world, and Lambda hands us no other place for it
    _world = world


def world() -> World:
    if _world is None:
        use(_deployed())
    assert _world is not None
    return _world


def _deployed() -> World:
    from chalicelib.store.dynamo import DynamoTable

    settings = settings_.from_environment()
    return World(
        settings=settings,
        clock=SystemClock(),
        table=DynamoTable(settings.table_name, region=settings.region),
        stripe=Stripe(settings.stripe_api_key),
        policies=Policies(settings.policy_files),
    )
