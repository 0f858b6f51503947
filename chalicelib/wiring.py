"""Puts the parts together. `world()` is what a handler acts in: the deployed one, or the one it was given."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from chalicelib import log
from chalicelib import settings as settings_
from chalicelib.clock import Clock, SystemClock
from chalicelib.gates import PORTS, Gate, behind
from chalicelib.gateways.carriers import Carrier
from chalicelib.gateways.pacing import Pace
from chalicelib.gateways.secrets import Vault
from chalicelib.gateways.stripe import Stripe
from chalicelib.policies import Policies
from chalicelib.settings import BandwidthSettings, Settings, TwilioSettings
from chalicelib.store.table import Table

if TYPE_CHECKING:
    from chalicelib.gateways.events import Endpoint, Events
    from chalicelib.gateways.files import Files
    from chalicelib.gateways.mail import Mail
    from chalicelib.gateways.purgers import Purger
    from chalicelib.gateways.roles import Roles
    from chalicelib.sharing import Shares


T = TypeVar("T")


class MadeWhenAsked(Mapping[str, T]):
    """Outsiders by name, each made when it is first asked for. Looking for a name makes none."""

    def __init__(self, makers: Mapping[str, Callable[[], T]]) -> None:
        self._makers = makers
        self._made: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self._makers

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


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
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    """Who else wants the events, by HTTP."""
    files: Files | None = None
    purgers: tuple[Purger, ...] = ()
    """Who else keeps data of an account, and deletes it at its purge."""
    roles: Roles | None = None
    """Who may do what at this moment, where the SaaS can be asked."""
    shares: Shares | None = None
    """Who does the rest, where more is due than one run does. It is a way to ourselves, so it has no gate."""
    secrets: Vault = field(default_factory=Vault)
    new_id: Callable[[], str] = _new_id
    customers: dict[str, str] = field(default_factory=dict)
    """Stripe customer → account, as far as this process has met them. Immutable, so it may be remembered."""
    marks: dict[str, datetime] = field(default_factory=dict)
    """When this process last did what need not be done every time."""
    rests: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)
    """The ways that this process found out of reach: from when until when each is left alone."""
    gate: Gate = field(init=False)
    """What may leave at this moment. Every port above stands behind it."""

    def __post_init__(self) -> None:
        gate = Gate(self.settings.capabilities, self.table)
        object.__setattr__(self, "gate", gate)
        for name in PORTS.keys() & self.__slots__:
            object.__setattr__(self, name, behind(name, getattr(self, name), gate))


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


def table() -> tuple[Table, int]:
    """The table alone, and in how many shards its indexes lie: for whoever only reads it."""
    if _world is not None:
        return _world.table, _world.settings.due_shards
    from chalicelib.store.dynamo import DynamoTable

    found = settings_.of_the_table()
    return DynamoTable(found.name, region=found.region), found.due_shards


def _mail(settings: Settings) -> Mail | None:
    if settings.mail_sender is None:
        return None
    from chalicelib.gateways.ses import Ses

    return Ses(settings.mail_sender, region=settings.region)


def _events(settings: Settings) -> Events | None:
    if settings.event_bus is None:
        return None
    from chalicelib.gateways.eventbridge import EventBridge

    return EventBridge(settings.event_bus, region=settings.region)


def endpoints(settings: Settings, clock: Clock, vault: Vault) -> Mapping[str, Endpoint]:
    """Each is read from its setting when it is first asked for: most functions speak to none, and a slip in one must
    not keep Stripe's events out, nor another endpoint's."""
    return MadeWhenAsked(
        {
            name: partial(_endpoint, settings.event_endpoints, name, clock, vault)
            for name in map(_name_of, settings.event_endpoints)
        }
    )


def _name_of(said: object) -> str:
    return str(said.get("name")) if isinstance(said, Mapping) else "nameless"


def _endpoint(said: Sequence[Any], name: str, clock: Clock, vault: Vault) -> Endpoint:
    from chalicelib.gateways.endpoint_settings import endpoint

    return endpoint(said, name, clock=clock, secret=vault.secret)


def _files(settings: Settings) -> Files | None:
    if settings.files_bucket is None:
        return None
    from chalicelib.gateways.files import Bucket

    return Bucket(settings.files_bucket, region=settings.region)


def _roles(settings: Settings, vault: Vault) -> Roles | None:
    if settings.roles_url is None:
        return None
    from chalicelib.gateways.roles import Roles

    return Roles(settings.roles_url, vault.secret(settings.roles_secret))


def _shares(settings: Settings) -> Shares | None:
    if settings.share_queue is None:
        return None
    from chalicelib.gateways.share_queue import ShareQueue

    return ShareQueue(settings.share_queue, region=settings.region)


def _carriers(settings: Settings, vault: Vault) -> Mapping[str, Carrier]:
    """The carriers that are set up, by the name that numbers and registrations give theirs. Each is made when it is
    first asked for: a webhook needs none of them."""
    made: dict[str, Callable[[], Carrier]] = {}
    if (twilio := settings.twilio) is not None:
        made["twilio"] = lambda: _twilio(twilio, vault)
    if telnyx := settings.telnyx_secret:
        made["telnyx"] = lambda: _telnyx(telnyx, vault)
    if (bandwidth := settings.bandwidth) is not None:
        made["bandwidth"] = lambda: _bandwidth(bandwidth, vault)
    if (region := settings.aws_messaging_region) is not None:
        made["aws"] = lambda: _aws_messaging(region)
    return MadeWhenAsked(made)


def _twilio(given: TwilioSettings, vault: Vault) -> Carrier:
    from chalicelib.gateways.carriers.twilio import Twilio

    return Twilio(given.account_sid, vault.secret(given.secret), user=given.user)


def _telnyx(secret: str, vault: Vault) -> Carrier:
    from chalicelib.gateways.carriers.telnyx import Telnyx

    return Telnyx(vault.secret(secret))


def _bandwidth(given: BandwidthSettings, vault: Vault) -> Carrier:
    from chalicelib.gateways.carriers.bandwidth import Bandwidth

    return Bandwidth(given.account_id, given.user, vault.secret(given.secret))


def _aws_messaging(region: str) -> Carrier:
    from chalicelib.gateways.carriers.aws import AwsMessaging

    return AwsMessaging(region=region)


def _purgers(settings: Settings, clock: Clock, secrets: Vault) -> tuple[Purger, ...]:
    if not settings.purgers:
        return ()
    from chalicelib.gateways.purger_settings import PurgersWrong, purgers
    from chalicelib.gateways.purgers import NobodyKnows

    try:
        return purgers(
            settings.purgers,
            region=settings.region,
            clock=clock,
            secret=secrets.secret,
            ours=(settings.table_name, settings.files_bucket),
        )
    except PurgersWrong as error:
        # Everything else goes on: a slip here must not keep Stripe's events out.
        log.problem("purgers_unusable", error)
        return (NobodyKnows(f"settings_unusable: {error}"),)


def _deployed() -> World:
    from chalicelib.store.dynamo import DynamoTable

    settings = settings_.from_environment()
    clock = SystemClock()
    secrets = Vault(clock, region=settings.region)
    return World(
        settings=settings,
        clock=clock,
        secrets=secrets,
        table=DynamoTable(settings.table_name, region=settings.region),
        stripe=Stripe(
            secrets.secret(settings.stripe_api_key),
            refund_key=(
                secrets.secret(settings.stripe_refund_key) if settings.stripe_refund_key else None
            ),
            base_url=settings.stripe_base_url,
            pace=Pace(settings.stripe_calls_per_second),
        ),
        carriers=_carriers(settings, secrets),
        mail=_mail(settings),
        events=_events(settings),
        endpoints=endpoints(settings, clock, secrets),
        files=_files(settings),
        purgers=_purgers(settings, clock, secrets),
        roles=_roles(settings, secrets),
        shares=_shares(settings),
        policies=Policies(settings.policy_files),
    )
