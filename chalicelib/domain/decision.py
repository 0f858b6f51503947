"""What follows from a fact: the account as it is now, and what the history says of it.

The steps that follow are not listed here: they are `timeline(account)`, and whoever saves a decision saves the
difference between the old timeline and the new one with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from chalicelib.domain.account import Account, Seat
from chalicelib.domain.cases import Case, Reply
from chalicelib.domain.evidence import Evidence
from chalicelib.domain.number_fees import Number
from chalicelib.domain.registrations import Registration
from chalicelib.domain.steps import Step


@dataclass(frozen=True, slots=True)
class NumberClaimed:
    """The number becomes this account's, if it is nobody else's."""

    e164: str


@dataclass(frozen=True, slots=True)
class NumberFreed:
    """The number is nobody's any more."""

    e164: str


@dataclass(frozen=True, slots=True)
class SeatEmptied:
    """The seat is nobody's any more."""

    subscription_id: str
    user: str


@dataclass(frozen=True, slots=True)
class ReceiptDue:
    """Where the receipt of a purge goes: the account's address as it was just before. It is gone once sent."""

    email: str


@dataclass(frozen=True, slots=True)
class PurgeCertified:
    """The certificate of a purge, sealed."""

    certificate: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CustomerBound:
    """The Stripe customer becomes this account's, for good, if it is nobody else's."""

    customer_id: str


@dataclass(frozen=True, slots=True)
class CaseSaved:
    """The case as it is now."""

    case: Case
    is_new: bool


@dataclass(frozen=True, slots=True)
class ReplySaved:
    """The case's reply number `n`. Nothing ever changes it."""

    case_id: str
    n: int
    reply: Reply


@dataclass(frozen=True, slots=True)
class StepDueAgain:
    """The step is due as if it had never been tried."""

    step: Step


Also = (
    Number
    | Registration
    | Evidence
    | NumberClaimed
    | NumberFreed
    | Seat
    | SeatEmptied
    | ReceiptDue
    | PurgeCertified
    | CustomerBound
    | CaseSaved
    | ReplySaved
    | StepDueAgain
)
"""What is saved along with the account, in the same transaction."""


@dataclass(frozen=True, slots=True)
class Decision:
    account: Account
    what: str | None
    """A dotted past-tense name for the history, or None when nothing anybody can see changed."""
    data: Mapping[str, object] = field(default_factory=dict)
    also: tuple[Also, ...] = ()


def unchanged(account: Account) -> Decision:
    return Decision(account, None)
