"""M1-7: "no messages sent, no templates created, no numbers connected, and no other platform activities performed".

Zero usage is asked over the whole life of a subscription, so what is kept is small: for each day on which the account
was used, the first and the last instant. Whoever asks reads at most two days, and the numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.moments import rfc3339
from chalicelib.domain.number_fees import Number


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedDay:
    first: datetime
    last: datetime

    def touches(self, start: datetime, end: datetime) -> bool:
        """Whether a use lies in [start, end). Where the whole span lies between a day's first and last use nobody
        knows; that counts as used, and a person decides the refund anyway."""
        return self.first < end and self.last >= start


def day_of(moment: datetime) -> str:
    return rfc3339(moment)[:10]


def with_use(day: UsedDay | None, at: datetime) -> UsedDay:
    if day is None:
        return UsedDay(first=at, last=at)
    return UsedDay(first=min(day.first, at), last=max(day.last, at))


def was_held(numbers: Iterable[Number], start: datetime, end: datetime) -> bool:
    """Whether a number was connected at some moment of [start, end)."""
    return any(
        n.known_since < end and (n.released_at is None or n.released_at > start) for n in numbers
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """Something the SaaS saw the customer do. Any kind counts."""

    id: str
    kind: str
    at: datetime
