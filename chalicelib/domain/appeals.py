"""M1-9: an appeal states "payment details, date, amount and a description of the situation". M1-10: its two deadlines.

It is sufficient when all four are there and well-formed; whether the payment exists is for the reviewer to find out.
Until then nothing runs, and the customer is told what is missing.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from chalicelib.domain.business_days import end_of_business_day
from chalicelib.domain.ledger import CURRENCY
from chalicelib.domain.moments import from_rfc3339
from chalicelib.domain.money import Money
from chalicelib.domain.policy import Appeals, Policy

FIELDS = ("payment", "date", "amount", "description")


class OverLimit(Exception):
    """More than this policy credits on an appeal."""

    def __init__(self, most: Money) -> None:
        super().__init__(str(most.amount))
        self.most = most


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a customer says about a payment, in their own words. Kept with the case, never in a log."""

    payment: str | None = None
    date: str | None = None
    amount: Money | None = None
    description: str | None = None

    @property
    def missing(self) -> tuple[str, ...]:
        """The fields that are not there, or are not well-formed."""
        good = {
            "payment": _has_words(self.payment),
            "date": self.date is not None and is_date(self.date),
            "amount": self.amount is not None and _is_amount(self.amount),
            "description": _has_words(self.description),
        }
        return tuple(name for name in FIELDS if not good[name])

    def completed_by(self, more: Statement) -> Statement:
        """What was well-formed stays as it was stated; only what was missing is filled in."""
        missing = self.missing
        stated = {
            name: (getattr(more, name) or getattr(self, name))
            if name in missing
            else getattr(self, name)
            for name in FIELDS
        }
        return Statement(**stated)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    first_reply: datetime
    decision: datetime


def deadlines(received: datetime, policy: Policy, days_off: Collection[date]) -> Deadlines | None:
    """None when this policy promises none."""
    rules = policy.appeals
    if rules is None:
        return None
    off = {*days_off, *own_days_off(rules)}
    zone = policy.time_zone
    return Deadlines(
        first_reply=end_of_business_day(received, rules.first_reply_business_days, zone, off),
        decision=end_of_business_day(received, rules.decision_business_days, zone, off),
    )


def own_days_off(rules: Appeals) -> frozenset[date]:
    return frozenset(date.fromisoformat(day) for day in rules.holidays)


def to_credit(asked: Money | None, policy: Policy, currency: str) -> Money | None:
    """What an approved appeal credits, if anything. Raises OverLimit."""
    if asked is None:
        return None
    limit = policy.appeals.credit_limit_minor if policy.appeals else 0
    if asked.currency != currency or not 0 < asked.amount <= limit:
        raise OverLimit(Money(limit, currency))
    return asked


def cause_of(case_id: str) -> str:
    """What an appeal's credit is booked under, once."""
    return f"appeal:{case_id}"


def is_date(text: str) -> bool:
    """A day such as 2026-12-01, or an instant."""
    try:
        if len(text) == len("2026-12-01"):
            date.fromisoformat(text)
        else:
            from_rfc3339(text)
    except (ValueError, OverflowError):
        return False
    return True


def _has_words(text: str | None) -> bool:
    return text is not None and bool(text.strip())


def _is_amount(amount: Money) -> bool:
    return amount.amount > 0 and CURRENCY.fullmatch(amount.currency) is not None
