"""M1-12: "a confirmed chargeback may result in balance and access adjustments". What a dispute at the bank changes here.

Stripe is asked for the dispute whenever it speaks of one, so neither order nor repetition of its events matters. An
inquiry changes nothing. Each movement of money that Stripe lists is booked once, under its own id. A dispute that is
lost takes back what its payment bought, one that is won gives it back; a word we do not know changes nothing but is
kept, and somebody is told.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.ledger import WALLET, Line, Posting
from chalicelib.domain.money import Money

INQUIRY = ("warning_needs_response", "warning_under_review")
NEEDS_RESPONSE = ("warning_needs_response", "needs_response", "appeal_needs_response")
UNDER_REVIEW = ("warning_under_review", "under_review", "appeal_under_review")
APPEALED = ("appeal_needs_response", "appeal_under_review")
WON, LOST = "won", "lost"
OVER = (WON, LOST, "warning_closed", "prevented")
"""Nobody waits for anything any more. Money went back only when it was lost."""
KNOWN = frozenset({*NEEDS_RESPONSE, *UNDER_REVIEW, *OVER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """Money that a dispute moved on our balance at Stripe. Negative: away from us."""

    id: str
    amount: Money
    fee: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputeAtStripe:
    id: str
    charge_id: str
    status: str
    """Stripe's own word, kept even when we do not know it."""
    reason: str
    amount: Money
    created_at: datetime
    due_by: datetime | None = None
    """Until when evidence can be given."""
    refundable: bool
    """Stripe still lets the payment be refunded: an inquiry, mostly."""
    movements: tuple[Movement, ...] = ()

    @property
    def is_over(self) -> bool:
        return self.status in OVER

    @property
    def is_known(self) -> bool:
        return self.status in KNOWN

    @property
    def awaits_evidence(self) -> bool:
        return self.due_by is not None and self.status in NEEDS_RESPONSE

    @property
    def blocks_refunds(self) -> bool:
        """Also once it is lost (the money is back by then), and whenever we do not know the word."""
        return not self.refundable and self.status not in (WON, "warning_closed", "prevented")


def bookings(
    dispute: DisputeAtStripe, topped_up: bool, lost_booked: bool, at: datetime
) -> Iterator[Posting]:
    """What the ledger has to say of it, each under its own cause. Whoever books them books each once.

    `topped_up`: the payment had gone to the wallet. `lost_booked`: the wallet was debited for the loss before.
    """
    for movement in dispute.movements:
        yield _moved(dispute, movement, at)
    if topped_up and dispute.status == LOST:
        yield _posting(dispute, LOST, at, _between("disputes", WALLET, dispute.amount))
    if lost_booked and dispute.status == WON:
        yield _posting(dispute, WON, at, _between(WALLET, "disputes", dispute.amount))


def lost_cause(dispute_id: str) -> str:
    return f"dispute:{dispute_id}:{LOST}"


def _moved(dispute: DisputeAtStripe, movement: Movement, at: datetime) -> Posting:
    """Between accounts of ours: no customer's balance changes while the bank decides."""
    lines = [*_between("disputes", "stripe", movement.amount)]
    if movement.fee.amount:
        lines += _between("stripe", "dispute_fees", movement.fee)
    kind = "dispute_withdrawn" if movement.amount.amount < 0 else "dispute_reinstated"
    return Posting(
        cause=f"dispute:{dispute.id}:{movement.id}",
        kind=kind,
        at=at,
        lines=tuple(lines),
        note={"dispute": dispute.id, "charge": dispute.charge_id},
    )


def _posting(dispute: DisputeAtStripe, what: str, at: datetime, lines: tuple[Line, ...]) -> Posting:
    return Posting(
        cause=f"dispute:{dispute.id}:{what}",
        kind=f"dispute_{what}",
        at=at,
        lines=lines,
        note={"dispute": dispute.id, "charge": dispute.charge_id},
    )


def _between(up: str, down: str, money: Money) -> tuple[Line, ...]:
    return (Line(account=up, money=money), Line(account=down, money=-money))
