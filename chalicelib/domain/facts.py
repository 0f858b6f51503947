"""What can happen to an account. A fact is told once, by whoever learnt of it, and decided on by `decide`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.domain.account import Contract
from chalicelib.domain.evidence import Evidence
from chalicelib.domain.number_fees import Number
from chalicelib.domain.registrations import Registration
from chalicelib.domain.steps import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionAtStripe:
    """A Stripe subscription in our words, whatever API version spoke. Instants in UTC, money in minor units."""

    id: str
    customer_id: str
    status: str
    price_id: str
    lookup_key: str | None
    interval: str
    price_minor: int
    quantity: int
    started_at: datetime
    period_start: datetime
    period_end: datetime
    """The earliest end among its items."""
    cancel_at: datetime | None = None
    cancel_at_period_end: bool = False
    canceled_at: datetime | None = None
    ended_at: datetime | None = None
    suspended_at: datetime | None = None
    trial_ends_at: datetime | None = None
    cancel_reason: str | None = None
    cancel_feedback: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceAtStripe:
    id: str
    customer_id: str
    subscription_id: str
    status: str
    covers_until: datetime
    """The latest period end among its subscription lines."""
    amount_due: int
    failed_at: datetime | None = None
    """When a charge for it failed, if one did (the first one we know of)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeSaysSubscription:
    """Stripe said what a subscription is: in an event, or because we asked."""

    subscription: SubscriptionAtStripe
    as_of: datetime
    """The moment of speaking: the event's `created`, or the later `Date` of the reply."""
    event_id: str | None = None
    """The event, if as_of is its own second (so that its repeat is known for one)."""
    invoice: InvoiceAtStripe | None = None
    """The latest invoice, when Stripe was asked for it along with the subscription."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeSaysAll:
    """Asked, Stripe listed every subscription of the account's customer, ended ones too."""

    subscriptions: tuple[SubscriptionAtStripe, ...]
    as_of: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeSaysInvoice:
    invoice: InvoiceAtStripe


@dataclass(frozen=True, slots=True, kw_only=True)
class CancellationAsked:
    """Somebody who may consented to the cancellation. Nothing has changed until Stripe confirms it (M1-4)."""

    subscription_id: str
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPut:
    """An operator or the SaaS described the account. None leaves a field as it is."""

    stripe_customer_id: str | None = None
    policy: str | None = None
    currency: str | None = None
    time_zone: str | None = None
    locale: str | None = None
    email: str | None = None
    purchased_through: str | None = None
    contracts: Mapping[str, Contract] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberPut:
    number: Number
    existing: Number | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberRemovalAsked:
    number: Number


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationPut:
    registration: Registration
    existing: Registration | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationWithdrawalAsked:
    registration: Registration


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierCalled:
    """We are about to call the carrier about this thing; the intent is saved before the call."""

    thing: Number | Registration


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierDone:
    """The carrier confirmed that this number is released, or this registration lapsed or withdrawn."""

    thing: Number | Registration


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierKept:
    """Asked after a lost answer, the carrier still has it: it stays the customer's."""

    thing: Number | Registration


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeBegan:
    step: Step


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDone:
    """A step was carried out. `result` is what the history keeps of it: counts and amounts, no content."""

    step: Step
    result: Mapping[str, object] = field(default_factory=dict)
    next_fee_at: datetime | None = None
    """After number fees: the earliest next date over all numbers."""


Fact = (
    StripeSaysSubscription
    | StripeSaysAll
    | StripeSaysInvoice
    | CancellationAsked
    | AccountPut
    | NumberPut
    | NumberRemovalAsked
    | RegistrationPut
    | RegistrationWithdrawalAsked
    | CarrierCalled
    | CarrierDone
    | CarrierKept
    | PurgeBegan
    | StepDone
)
