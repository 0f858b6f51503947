"""The only reader of the environment. Everybody else is handed a `Settings`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chalicelib.domain.capabilities import BadModes, Mode, read_modes


class SettingsError(Exception):
    """The deployment lacks a setting. The message names it and says what it is for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TwilioSettings:
    account_sid: str
    secret: str = field(repr=False)
    """The account's auth token, or the secret of the API key whose SID `user` is."""
    user: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BandwidthSettings:
    account_id: str
    user: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    table_name: str
    region: str = "us-east-1"
    dynamodb_url: str | None = None
    due_shards: int = 16
    """How many shards the due index has. Fixed once there is data: steps lie in the shard they were put."""
    stripe_api_key: str = field(repr=False)
    """As every secret here: the text itself, or where it lies (`gateways.secrets`)."""
    stripe_refund_key: str = field(default="", repr=False)
    """The one key that may pay back, given to the function that does and to no other."""
    pays_at_once: bool = True
    """Whether a decision is paid within its request. Not where only the job holds the key that pays back."""
    stripe_base_url: str | None = None
    portal_configuration: str | None = None
    """Our configuration of Stripe's portal, as `lapse setup stripe` made it. None: Stripe's default one."""
    stripe_calls_per_second: int = 20
    """How fast each job may walk over Stripe's lists. Stripe takes 100 a second of everybody together, 25 in a sandbox."""
    silence_hours: int | None = None
    """After so many hours without an event, though subscriptions are live, somebody is told. None: nobody listens."""
    webhook_secrets: tuple[str, ...] = field(repr=False)
    """Every active signing secret, so that one can be rotated without a lost event."""
    token_issuer: str
    token_audience: str
    service_audience: str
    """The audience of tokens without an account: service, operator, support_agent."""
    jwks: Mapping[str, Any] | None = None
    jwks_url: str | None = None
    claims: Mapping[str, str] | None = None
    """Our claim name → the issuer's, where they differ."""
    return_origins: tuple[str, ...] = ()
    public_url: str | None = None
    """Where a browser reaches us, such as https://billing.example.com. Without it no link leads to our own page."""
    frame_ancestors: tuple[str, ...] = ()
    """Origins whose pages may show ours in a frame. Without any, nobody's may."""
    customer_login_url: str | None = None
    """Stripe's own login for customers, shown where a browser runs no script."""
    pages_policy: str | None = None
    """The policy whose name and support the pages show before anybody has said who they are."""
    roles_url: str | None = None
    """The SaaS's endpoint that says who holds which role now; without one, the token's word counts."""
    roles_secret: str = field(default="", repr=False)
    mail_sender: str | None = None
    """The address that mail comes from. Without one, customers are told in the product only."""
    event_bus: str | None = None
    """Where domain events go. Without one, nobody is told."""
    share_queue: str | None = None
    """The queue through which a sweep's function gives shares of its work to other runs of itself. Without one, it does
    everything alone, run after run."""
    event_endpoints: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    """Who else gets the events, by signed HTTP (`gateways.endpoint_settings`)."""
    files_bucket: str | None = None
    """Where exports and documents lie. Without one, no export can be asked for."""
    twilio: TwilioSettings | None = None
    """As every carrier's: without its credentials, the carrier is not there."""
    telnyx_secret: str = field(default="", repr=False)
    bandwidth: BandwidthSettings | None = None
    aws_messaging_region: str | None = None
    """The region in which AWS End User Messaging holds numbers; the function's role is the credential."""
    purgers: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    """Who else keeps data of an account, and deletes it at its purge (`gateways.purger_settings`)."""
    policy_files: tuple[Path, ...] = ()
    livemode: bool = False
    capabilities: Mapping[str, Mode] = field(default_factory=dict)
    """How each capability is switched; what is not named is on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSettings:
    """What it takes to read the table, and nothing more: who checks the books needs no Stripe key."""

    name: str
    region: str
    due_shards: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeSettings:
    """What it takes to speak with Stripe, and nothing more: who sets it up needs no table."""

    key: str = field(repr=False)
    base_url: str | None
    region: str


def of_stripe() -> StripeSettings:
    return StripeSettings(
        key=_required("LAPSE_STRIPE_API_KEY", "calling Stripe"),
        base_url=_stripe_base_url(),
        region=region(),
    )


def _stripe_base_url() -> str | None:
    """Another Stripe than Stripe's own, such as the local stack's. Our key is sent there: over TLS, or not away from
    this machine."""
    url = os.environ.get("LAPSE_STRIPE_BASE_URL") or None
    if url and not url.startswith(("https://", "http://127.0.0.1:", "http://localhost:")):
        raise SettingsError("set LAPSE_STRIPE_BASE_URL to an https address, or leave it out")
    return url


def region() -> str:
    return os.environ.get("AWS_REGION", os.environ.get("AWS_DEFAULT_REGION", "us-east-1"))


def of_the_table() -> TableSettings:
    return TableSettings(
        name=_required("LAPSE_TABLE", "the DynamoDB table"),
        region=region(),
        due_shards=_count("LAPSE_DUE_SHARDS", 16) or 16,
    )


def stage() -> str | None:
    """Which stage this is, where it is a deployed one."""
    return os.environ.get("LAPSE_STAGE") or None


def from_environment() -> Settings:
    table = of_the_table()
    return Settings(
        table_name=table.name,
        region=table.region,
        due_shards=table.due_shards,
        stripe_api_key=_required("LAPSE_STRIPE_API_KEY", "calling Stripe"),
        stripe_refund_key=os.environ.get("LAPSE_STRIPE_REFUND_KEY", ""),
        pays_at_once=os.environ.get("LAPSE_PAYS_AT_ONCE", "true") == "true",
        stripe_base_url=_stripe_base_url(),
        portal_configuration=os.environ.get("LAPSE_PORTAL_CONFIGURATION") or None,
        stripe_calls_per_second=_count("LAPSE_STRIPE_CALLS_PER_SECOND", 20) or 1,
        silence_hours=_count("LAPSE_SILENCE_HOURS", 24) or None,
        webhook_secrets=_list(_required("LAPSE_WEBHOOK_SECRETS", "verifying Stripe's events")),
        token_issuer=_required("LAPSE_TOKEN_ISSUER", "verifying access tokens"),
        token_audience=_required("LAPSE_TOKEN_AUDIENCE", "verifying customers' tokens"),
        service_audience=_required("LAPSE_SERVICE_AUDIENCE", "verifying operators' tokens"),
        jwks=_object("LAPSE_JWKS"),
        jwks_url=os.environ.get("LAPSE_JWKS_URL"),
        claims=_object("LAPSE_CLAIMS") or {},
        return_origins=_list(os.environ.get("LAPSE_RETURN_ORIGINS", "")),
        public_url=os.environ.get("LAPSE_PUBLIC_URL"),
        frame_ancestors=_list(os.environ.get("LAPSE_FRAME_ANCESTORS", "")),
        customer_login_url=os.environ.get("LAPSE_CUSTOMER_LOGIN_URL"),
        pages_policy=os.environ.get("LAPSE_PAGES_POLICY"),
        roles_url=os.environ.get("LAPSE_ROLES_URL") or None,
        roles_secret=os.environ.get("LAPSE_ROLES_SECRET", ""),
        mail_sender=os.environ.get("LAPSE_MAIL_SENDER") or None,
        event_bus=os.environ.get("LAPSE_EVENT_BUS") or None,
        share_queue=os.environ.get("LAPSE_SHARE_QUEUE") or None,
        event_endpoints=_objects("LAPSE_EVENT_ENDPOINTS"),
        files_bucket=os.environ.get("LAPSE_FILES_BUCKET") or None,
        twilio=_twilio(),
        telnyx_secret=os.environ.get("LAPSE_TELNYX_SECRET", ""),
        bandwidth=_bandwidth(),
        aws_messaging_region=os.environ.get("LAPSE_AWS_MESSAGING_REGION") or None,
        purgers=_objects("LAPSE_PURGERS"),
        capabilities=_modes(os.environ.get("LAPSE_CAPABILITIES", "")),
        livemode=os.environ.get("LAPSE_LIVEMODE", "true") == "true",
    )


def _twilio() -> TwilioSettings | None:
    account_sid = os.environ.get("LAPSE_TWILIO_ACCOUNT", "").strip()
    if not account_sid:
        return None
    return TwilioSettings(
        account_sid=account_sid,
        secret=_required("LAPSE_TWILIO_SECRET", "calling Twilio"),
        user=os.environ.get("LAPSE_TWILIO_USER", "").strip() or None,
    )


def _bandwidth() -> BandwidthSettings | None:
    account_id = os.environ.get("LAPSE_BANDWIDTH_ACCOUNT", "").strip()
    if not account_id:
        return None
    return BandwidthSettings(
        account_id=account_id,
        user=_required("LAPSE_BANDWIDTH_USER", "calling Bandwidth"),
        secret=_required("LAPSE_BANDWIDTH_SECRET", "calling Bandwidth"),
    )


def _required(name: str, use: str) -> str:
    value = os.environ.get(name, "")
    if not value.strip():
        raise SettingsError(f"set {name}: it is needed for {use}")
    return value


def _count(name: str, default: int) -> int:
    text = os.environ.get(name, "").strip() or str(default)
    if not text.isascii() or not text.isdigit():
        raise SettingsError(f"{name} must be a whole number, and is {text!r}")
    return int(text)


def _object(name: str) -> dict[str, Any] | None:
    said = _json(name)
    if said is not None and not isinstance(said, dict):
        raise SettingsError(f"{name} must be a JSON object")
    return said


def _objects(name: str) -> tuple[Mapping[str, Any], ...]:
    said = _json(name)
    if said is not None and not isinstance(said, list):
        raise SettingsError(f"{name} is a JSON list of objects")
    return tuple(said or ())


def _json(name: str) -> Any:
    text = os.environ.get(name, "").strip()
    try:
        return json.loads(text) if text else None
    except ValueError as error:
        raise SettingsError(f"{name} is no JSON: {error}") from error


def _modes(text: str) -> dict[str, Mode]:
    try:
        return read_modes(text)
    except BadModes as error:
        raise SettingsError(f"LAPSE_CAPABILITIES cannot be read: {error}") from error


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
