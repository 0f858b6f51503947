"""What we know about an account. Facts and dates only; every status is worked out from them.

This is the one record each webhook reads and writes, so the usual one stays below 1 KB as it is stored: numbers,
messages and registrations have rows of their own, and only how many there are stands here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

NOT_STARTED = ("incomplete", "incomplete_expired")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpaidInvoice:
    """An invoice of the subscription whose charge failed, or that was given up. Money in minor units."""

    id: str
    covers_until: datetime
    amount_due: int
    failed_at: datetime | None = None
    """The first failed charge: grace is counted from here (M1-14)."""
    written_off: bool = False
    """Voided or uncollectible: it will not be paid, so nothing settles any more."""
    collection_stopped: bool = False
    """The card is not tried any more; the debt stays (SC-2)."""

    @property
    def is_tried(self) -> bool:
        """Stripe goes on trying the card for it, or would, had we not stopped that."""
        return self.failed_at is not None and not self.written_off


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftPlan:
    """A plan that a subscription was switched away from: what only that plan gave ended then."""

    plan: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One Stripe subscription. Ended is terminal for its id; resubscribing makes a new one."""

    id: str
    plan: str
    status: str
    """Stripe's own word, kept even when we do not know it."""
    started_at: datetime
    period_start: datetime
    period_end: datetime
    cancel_at: datetime | None = None
    cancel_at_period_end: bool = False
    canceled_at: datetime | None = None
    """When somebody asked. Never the end."""
    ended_at: datetime | None = None
    suspended_at: datetime | None = None
    trial_ends_at: datetime | None = None
    paid_until: datetime | None = None
    """The latest end of a period that was paid for (or given as a trial)."""
    unpaid_invoices: Mapping[str, UnpaidInvoice] = field(default_factory=dict)
    """By id, also those of periods before one that was paid: Stripe tries the card for each of them."""
    past_due_since: datetime | None = None
    forfeited_at: datetime | None = None
    """The paid period was refunded, its dispute lost, or it was terminated on record: access ends here."""
    forfeited_by: tuple[str, ...] = ()
    """The cases for which it is: each can be taken back by itself."""
    forfeited_until: datetime | None = None
    """The end of the period whose payment went back. Once a later one is paid, nothing is forfeited any more."""
    refunded_until: datetime | None = None
    """Somebody at Stripe gave back the whole payment up to here. It ends nothing; ended at once, it keeps no access."""
    leaves_with_contract: bool = False
    """Cancelled before the contract's last period: renewal goes off in that one (GT-2, GT-11)."""
    correcting: bool = False
    """We are about to take back a mark at Stripe that would end the contract early."""
    evidence_id: str | None = None
    """The consent under which renewal was (or is being) turned off here."""
    settled_days: int = 0
    """Days of work of more than a year ago that extend it. Their windows are forgotten, so that this stays small."""
    left_plans: tuple[LeftPlan, ...] = ()
    interval: str = "month"
    interval_count: int = 1
    """A billing period is so many intervals: three months, two weeks."""
    quantity: int = 1
    price_minor: int = 0
    extras_minor: int = 0
    """What its other items cost in each such period, beside the plan."""
    as_of: datetime | None = None
    """The newest moment Stripe spoke of this subscription to us."""
    as_of_events: tuple[str, ...] = ()
    """The events of that very second: a repeat of one of them is no tie."""

    @property
    def has_started(self) -> bool:
        """Its first payment, or its trial, began it; an abandoned Checkout never does."""
        return self.status not in NOT_STARTED or self.paid_until is not None

    @property
    def unpaid(self) -> UnpaidInvoice | None:
        """The invoice that should have carried it further than what is paid."""
        ahead = [
            one
            for one in self.unpaid_invoices.values()
            if self.paid_until is None or one.covers_until > self.paid_until
        ]
        # By id where two end at the same instant, so that the order of arrival decides nothing.
        return max(ahead, key=lambda one: (one.covers_until, one.id), default=None)

    @property
    def failing_since(self) -> datetime | None:
        """The first failed charge for anything beyond what is paid: a later invoice that fails too starts no new grace."""
        failures = [
            one.failed_at
            for one in self.unpaid_invoices.values()
            if one.failed_at is not None
            and not one.written_off
            and (self.paid_until is None or one.covers_until > self.paid_until)
        ]
        return min(failures, default=None)

    @property
    def each_period_minor(self) -> int:
        """What every billing period costs."""
        return self.price_minor * self.quantity + self.extras_minor

    @property
    def is_forfeited(self) -> bool:
        """The payment for its newest paid period went back."""
        if self.forfeited_at is None:
            return False
        later_is_paid = (
            self.forfeited_until is not None
            and self.paid_until is not None
            and self.paid_until > self.forfeited_until
        )
        return not later_is_paid

    @property
    def renewal_is_off(self) -> bool:
        """Either mark means it: the portal in flexible billing mode sets only `cancel_at`. Or it was
        cancelled under a contract, and the mark is still to come."""
        return self.ended_at is not None or self.was_to_leave

    @property
    def was_to_leave(self) -> bool:
        """Somebody cancelled it, whatever has become of it since: Stripe keeps the marks on what it has ended."""
        return self.cancel_at is not None or self.cancel_at_period_end or self.leaves_with_contract


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A commitment for a number of months, whatever the billing interval is (GT-2, GT-11)."""

    starts_at: datetime
    months: int
    purchased_through: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A licence assigned to one of the company's users (GT-5)."""

    subscription_id: str
    user: str
    assigned_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCase:
    """What the account remembers of an open case: when its clock speaks next, and what it waits to pay."""

    kind: str
    about: str | None = None
    """The subscription or ledger entry it is about."""
    clock_at: datetime | None = None
    pays_at: datetime | None = None
    pays_by: str | None = None
    holds_purge: bool = False
    """Its evidence is still needed (SC-10)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many things a step has given up for one due moment: none of it is had back by returning."""

    due: datetime
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """An operator's word that something is not to be done for now."""

    at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeApproval:
    """What two people said of the purge on one date, where the policy wants that."""

    due: datetime
    proposed: Hold
    approved: Hold | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """Everything the account has, asked for by somebody who may (GT-6)."""

    asked_at: datetime
    ready_at: datetime | None = None


class WorkedDay(NamedTuple):
    """What work took of one calendar day: which day, and from when until when (Unix seconds, half-open)."""

    day: int
    """The day's ordinal in the policy's zone: two windows on the same day are one day."""
    starts: int
    ends: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Work on the systems, as the account was told of it (M1-13)."""

    revision: int
    days: tuple[WorkedDay, ...] = ()
    kept: tuple[WorkedDay, ...] = ()
    """Days that were announced once and are worked no more: what was promised for them stays."""
    extends: bool = True
    """Whether the policy promised an extension of access for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    id: str
    policy: str
    currency: str
    created_at: datetime
    time_zone: str = "UTC"
    locale: str = "en"
    email: str | None = None
    stripe_customer_id: str | None = None
    adopted_at: datetime | None = None
    """It came from another system at this moment: what was due before is not carried out here."""
    purchased_through: str = "online"
    contracts: Mapping[str, Contract] = field(default_factory=dict)
    subscriptions: Mapping[str, Subscription] = field(default_factory=dict)
    numbers: int = 0
    """How many numbers we still hold for the account."""
    registrations: int = 0
    seats: Mapping[str, int] = field(default_factory=dict)
    """Subscription → how many seats are assigned."""
    next_fee_at: datetime | None = None
    """The earliest date on which a number's monthly fee falls due."""
    removals: Mapping[str, datetime] = field(default_factory=dict)
    """Numbers somebody removed, and when, that the carrier has not confirmed yet."""
    withdrawals: Mapping[str, datetime] = field(default_factory=dict)
    """Registrations somebody declined or withdrew that the carrier has not confirmed yet."""
    recoveries: Mapping[str, datetime] = field(default_factory=dict)
    """Released numbers that an operator wants back, and since when: the carrier has not answered yet."""
    in_flight: Mapping[str, datetime] = field(default_factory=dict)
    """What is at the carrier right now (`number#…`, `registration#…`): called, not yet known to be done."""
    begun: Mapping[str, datetime] = field(default_factory=dict)
    """Step id → the due moment for which it began at a carrier: it stays ahead until it is marked as done, also when
    nothing is left to give back."""
    given_up: Mapping[str, Tally] = field(default_factory=dict)
    """Step id → how many numbers (or registrations) its latest run gave up, also while it is half done: whoever
    returns then is told what is gone."""
    done: Mapping[str, datetime] = field(default_factory=dict)
    """Step id → the due moment for which it was carried out."""
    steps: Mapping[str, datetime] = field(default_factory=dict)
    """Step id → due: the pending steps as they are stored. `timeline` is what they should be."""
    cases: Mapping[str, OpenCase] = field(default_factory=dict)
    """Requests, appeals and disputes that wait for somebody."""
    held: Mapping[str, Hold] = field(default_factory=dict)
    """Step id → why it is on hold, whatever its date is, until it is released."""
    waived: Mapping[str, datetime] = field(default_factory=dict)
    """Step id → the due moment for which an operator took it as done."""
    exports: Mapping[str, Export] = field(default_factory=dict)
    """Exports that are being made, or can still be fetched."""
    work: Mapping[str, Work] = field(default_factory=dict)
    """Maintenance window → what the account was told of it. Which days extend which subscription is worked out."""
    legal_hold: Hold | None = None
    """Nothing is purged while it stands."""
    purge_began_at: datetime | None = None
    """The due date of a purge that has begun: from then on it finishes."""
    purges_before: datetime | None = None
    """When it really began: what was there by then goes, what is newer is of a customer who came back."""
    purged_at: datetime | None = None
    purge_approval: PurgeApproval | None = None
    """Void when the purge's date moves."""
    notices: tuple[str, ...] = ()

    def with_subscription(self, subscription: Subscription) -> dict[str, Subscription]:
        return {**self.subscriptions, subscription.id: subscription}
