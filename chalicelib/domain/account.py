"""What we know about an account. Facts and dates only; every status is worked out from them.

This is the one record each webhook reads and writes, so it stays around 1 KB: numbers, messages and
registrations have rows of their own, and only how many there are stands here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

NOT_STARTED = ("incomplete", "incomplete_expired")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpaidInvoice:
    """The invoice that should have carried the subscription further. Money in minor units."""

    id: str
    covers_until: datetime
    amount_due: int
    failed_at: datetime | None = None
    """The first failed charge: grace is counted from here (M1-14)."""
    written_off: bool = False
    """Voided or uncollectible: it will not be paid, so nothing settles any more."""


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
    unpaid: UnpaidInvoice | None = None
    past_due_since: datetime | None = None
    forfeited_at: datetime | None = None
    """The paid period was refunded, its dispute lost, or it was terminated on record: access ends here."""
    evidence_id: str | None = None
    """The consent under which renewal was (or is being) turned off here."""
    interval: str = "month"
    quantity: int = 1
    price_minor: int = 0
    as_of: datetime | None = None
    """The newest moment Stripe spoke of this subscription to us."""
    as_of_events: tuple[str, ...] = ()
    """The events of that very second: a repeat of one of them is no tie."""

    @property
    def has_started(self) -> bool:
        return self.status not in NOT_STARTED

    @property
    def renewal_is_off(self) -> bool:
        """Either mark means it: the portal in flexible billing mode sets only `cancel_at`."""
        return self.ended_at is not None or self.cancel_at is not None or self.cancel_at_period_end


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A commitment for a number of months, whatever the billing interval is (GT-2, GT-11)."""

    starts_at: datetime
    months: int
    purchased_through: str | None = None


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
    purchased_through: str = "online"
    contracts: Mapping[str, Contract] = field(default_factory=dict)
    subscriptions: Mapping[str, Subscription] = field(default_factory=dict)
    numbers: int = 0
    """How many numbers we still hold for the account."""
    registrations: int = 0
    seats: int = 0
    next_fee_at: datetime | None = None
    """The earliest date on which a number's monthly fee falls due."""
    removals: Mapping[str, datetime] = field(default_factory=dict)
    """Numbers somebody removed, and when, that the carrier has not confirmed yet."""
    withdrawals: Mapping[str, datetime] = field(default_factory=dict)
    """Registrations somebody declined or withdrew that the carrier has not confirmed yet."""
    in_flight: Mapping[str, datetime] = field(default_factory=dict)
    """What is at the carrier right now (`number#…`, `registration#…`): called, not yet known to be done."""
    done: Mapping[str, datetime] = field(default_factory=dict)
    """Step id → the due moment for which it was carried out."""
    steps: Mapping[str, datetime] = field(default_factory=dict)
    """Step id → due: the pending steps as they are stored. `timeline` is what they should be."""
    purge_began_at: datetime | None = None
    purged_at: datetime | None = None
    notices: tuple[str, ...] = ()

    def with_subscription(self, subscription: Subscription) -> dict[str, Subscription]:
        return {**self.subscriptions, subscription.id: subscription}
