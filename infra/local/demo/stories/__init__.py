"""The lives that `make demo` plays. A story is one file here and one line below.

A story tells what its customer does and when, by yielding the instant at which it goes on; and it tells what the
company's document promises, as dates counted from the end that the customer was shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from infra.local.demo.customer import Customer

START = datetime(2027, 10, 29, 9, 30, tzinfo=UTC)
"""So that the first life ends on a 29 February."""

Life = Callable[[Customer], Iterator[datetime]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    account: str
    policy: str
    title: str
    tells: str
    life: Life
    currency: str = "usd"


def on(day: str, time: str = "09:30") -> datetime:
    """`on("2027-11-12")`, in UTC."""
    return datetime.fromisoformat(f"{day}T{time}:00+00:00")


def days(count: int) -> timedelta:
    return timedelta(days=count)


def stories() -> tuple[Story, ...]:
    from infra.local.demo.stories import (
        bound,
        gotowebinar,
        nexor,
        onemsg,
        onesolution,
        prepaid,
        returning,
        smarter,
        stuck,
        troubled,
        unused,
        worked,
    )

    return (
        smarter.STORY,
        returning.STORY,
        onemsg.STORY,
        prepaid.STORY,
        unused.STORY,
        worked.STORY,
        gotowebinar.STORY,
        bound.STORY,
        stuck.STORY,
        onesolution.STORY,
        nexor.STORY,
        troubled.STORY,
    )
