"""What can happen to an account. A fact is told once, by whoever learnt of it, and decided on by `decide`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chalicelib.domain.account import Contract, Hold, Seat
from chalicelib.domain.case_facts import CaseFact
from chalicelib.domain.evidence import Evidence
from chalicelib.domain.maintenance import WorkSaid
from chalicelib.domain.number_fees import Number
from chalicelib.domain.registrations import Registration
from chalicelib.domain.steps import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemAtStripe:
    """One of the things a subscription bills for."""

    price_id: str
    lookup_key: str | None
    interval: str
    interval_count: int
    price_minor: int
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionAtStripe:
    """A Stripe subscription in our words, whatever API version spoke. Instants in UTC, money in minor units."""

    id: str
    customer_id: str
    status: str
    price_id: str
    lookup_key: str | None
    interval: str
    interval_count: int = 1
    price_minor: int
    quantity: int
    other_items: tuple[ItemAtStripe, ...] = ()
    """What it bills for beside its first item, whose price stands above."""
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
    says_leaving: bool = False
    """We wrote on it that it ends with its contract (GT-2)."""


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
    somebody_waits: bool = False
    """For this answer: a plan that nobody can tell is left as we know it, and all the rest is heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeSaysAll:
    """Asked, Stripe listed every subscription of the account's customer, ended ones too."""

    subscriptions: tuple[SubscriptionAtStripe, ...]
    as_of: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeSaysInvoice:
    invoice: InvoiceAtStripe
    asked: bool = False
    """Stripe was asked for it just now: what it says is not overtaken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Adopted:
    """The account comes from another system, with everything Stripe has of its customer."""

    said: tuple[StripeSaysSubscription, ...]
    paid: tuple[InvoiceAtStripe, ...] = ()
    """What was paid last, where the newest invoice is not."""
    makes_up_for_the_past: bool = False
    """Also what was due before it came is carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancellationAsked:
    """Somebody who may consented to the cancellation. Nothing has changed until Stripe confirms it (M1-4)."""

    subscription_id: str
    evidence: Evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractCancelled:
    """Stripe noted that the customer leaves with their contract; it renews until its last period."""

    said: StripeSaysSubscription


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractResumed:
    """Stripe noted that the customer stays after all."""

    said: StripeSaysSubscription


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractCorrectionBegan:
    """We are about to take back a mark at Stripe that would end the contract early."""

    subscription_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionSet:
    """Stripe confirmed that it tries the card for the open invoice no more, or again (SC-2)."""

    subscription_id: str
    invoice_id: str
    stopped: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatAssigned:
    seat: Seat


@dataclass(frozen=True, slots=True, kw_only=True)
class SeatUnassigned:
    subscription_id: str
    user: str


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
    reason: str | None = None
    """Why, in an operator's words: for the history."""


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
    step: Step


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierDone:
    """The carrier confirmed that this number is released, or this registration lapsed or withdrawn."""

    thing: Number | Registration
    step: Step | None = None
    """The release or lapse of everything that it was a part of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierKept:
    """Asked after a lost answer, the carrier still has it: it stays the customer's."""

    thing: Number | Registration


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberRecoveryAsked:
    """An operator wants a released number back for its account. Nothing is rented before this is saved."""

    number: Number
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberRecovered:
    """The carrier rents the number to us again, under this id."""

    number: Number
    provider_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberNotRecovered:
    """It cannot be had back: the carrier says so, or another account has it by now."""

    e164: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportAsked:
    """Somebody who may wants everything the account has (GT-6)."""

    export_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeBegan:
    step: Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """What an account still holds after what a backup had brought back was deleted again."""

    numbers: int = 0
    registrations: int = 0
    seats: Mapping[str, int] = field(default_factory=dict)
    next_fee_at: datetime | None = None
    cases: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeReapplied:
    """The data of before this moment had been purged, came back with a backup, and is deleted again."""

    before: datetime
    left: Left


@dataclass(frozen=True, slots=True, kw_only=True)
class StepDone:
    """A step was carried out. `result` is what the history keeps of it: counts and amounts, no content."""

    step: Step
    result: Mapping[str, object] = field(default_factory=dict)
    next_fee_at: datetime | None = None
    """After number fees: the earliest next date over all numbers."""
    certificate: Mapping[str, Any] | None = None
    """After a purge: its certificate, sealed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepHeld:
    """An operator put a step on hold: it is not carried out before it is released."""

    step_id: str
    hold: Hold


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRetried:
    """An operator wants a step tried again at once, or releases it from its hold."""

    step_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepWaived:
    """An operator takes a step as done. `thing` is what a carrier was to be rid of, if that is what it was about."""

    step_id: str
    reason: str
    thing: Number | Registration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeApproved:
    """An operator's word that the purge may come: the first proposes it, another approves."""

    word: Hold


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalHoldSet:
    hold: Hold


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalHoldReleased:
    reason: str


Fact = (
    StripeSaysSubscription
    | StripeSaysAll
    | StripeSaysInvoice
    | Adopted
    | CancellationAsked
    | ContractCancelled
    | ContractResumed
    | ContractCorrectionBegan
    | CollectionSet
    | SeatAssigned
    | SeatUnassigned
    | AccountPut
    | NumberPut
    | NumberRemovalAsked
    | RegistrationPut
    | RegistrationWithdrawalAsked
    | CarrierCalled
    | CarrierDone
    | CarrierKept
    | NumberRecoveryAsked
    | NumberRecovered
    | NumberNotRecovered
    | ExportAsked
    | PurgeBegan
    | PurgeReapplied
    | StepDone
    | StepHeld
    | StepRetried
    | StepWaived
    | PurgeApproved
    | LegalHoldSet
    | LegalHoldReleased
    | WorkSaid
    | CaseFact
)
