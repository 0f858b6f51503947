"""What can happen to a case. `case` is always its row as it was read on the account's version; deadlines are handed in,
because they need a calendar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.appeals import Deadlines
from chalicelib.domain.cases import Case, Payout, Reply, Verdict
from chalicelib.domain.disputes import DisputeAtStripe
from chalicelib.domain.refunds import RefundAtStripe


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseOpened:
    case: Case


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseReplied:
    case: Case
    reply: Reply
    due: Deadlines | None
    """The deadlines that begin to run if this reply makes the case sufficient."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseDecided:
    case: Case
    verdict: Verdict
    payout: Payout | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseClockRan:
    """A deadline of the case is near, or has passed."""

    case: Case


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundBegun:
    """Stripe is about to be asked for the refund."""

    case: Case
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundSaid:
    """Stripe said how the case's refund stands."""

    case: Case
    refund: RefundAtStripe
    due: Deadlines | None
    """For the new decision, if this one's refund failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRefused:
    """The refund cannot be made as it was decided. `why` is a code."""

    case: Case
    why: str
    due: Deadlines | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AppealCredited:
    case: Case


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeSaid:
    """Stripe said how a dispute stands, and what its payment was for."""

    case: Case | None
    dispute: DisputeAtStripe
    subscription_id: str | None = None
    covers_until: datetime | None = None
    takes_all: bool = True
    """It disputes the whole payment, as far as it was not refunded before."""
    refunded: bool = False
    """Money of this payment was refunded as well: the same money may go twice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentRefunded:
    """Somebody at Stripe refunded a subscription's payment without a case: wholly, or no longer."""

    subscription_id: str
    covers_until: datetime
    wholly: bool


CaseFact = (
    CaseOpened
    | CaseReplied
    | CaseDecided
    | CaseClockRan
    | RefundBegun
    | RefundSaid
    | RefundRefused
    | AppealCredited
    | DisputeSaid
    | PaymentRefunded
)
