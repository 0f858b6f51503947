"""M1-13: "the period of access to the Service is extended by the same number of calendar days on which the Service was
unavailable". Which days those are, and how many of them count for a subscription.

A day counts once, however many windows touch it and however little of it they take; and only for a subscription whose
access reaches into the work of that day. An extension may reach into more work: then that counts as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from chalicelib.domain.account import Account, Subscription, Work, WorkedDay
from chalicelib.domain.business_days import DAY, local_day, midnight
from chalicelib.domain.moments import FOREVER


def days_between(starts_at: datetime, ends_at: datetime, zone: str) -> tuple[WorkedDay, ...]:
    """The calendar days there that a window touches, each with the part it takes. One that ends at midnight does not
    touch the day that begins."""
    return tuple(_days_between(starts_at, ends_at, zone))


def _days_between(starts_at: datetime, ends_at: datetime, zone: str) -> Iterator[WorkedDay]:
    begins = starts_at
    while begins < ends_at:
        day = local_day(begins, zone)
        ends = min(midnight(day + DAY, zone), ends_at)
        yield WorkedDay(day.toordinal(), int(begins.timestamp()), int(ends.timestamp()))
        begins = ends


def counted(account: Account, subscription: Subscription, until: datetime | None) -> int:
    """How many days extend a subscription whose access would last `until` without them (None: it goes on)."""
    if _carries_nothing(subscription):
        return 0
    settled = subscription.settled_days
    began, ends = subscription.started_at.timestamp(), (until or FOREVER).timestamp()
    days: set[int] = set()
    # Earliest first: each day that counts moves the end, and with it what is still reached.
    for worked in sorted(_all_days(account), key=lambda worked: worked.starts):
        if worked.starts >= ends + (settled + len(days)) * DAY.total_seconds():
            break
        if worked.ends > began:
            days.add(worked.day)
    return settled + len(days)


def reaches(
    work: Work, subscription: Subscription, until: datetime | None, extension: timedelta
) -> bool:
    """Whether the subscription has access during any of this work."""
    if _carries_nothing(subscription) or not subscription.has_started:
        return False
    began = subscription.started_at.timestamp()
    ends = (until + extension if until else FOREVER).timestamp()
    return any(worked.ends > began and worked.starts < ends for worked in work.days)


def _all_days(account: Account) -> Iterator[WorkedDay]:
    for work in account.work.values():
        if work.extends:
            yield from work.days
            yield from work.kept


def _carries_nothing(subscription: Subscription) -> bool:
    """What was paid for it went back: an extension would revive what is over."""
    paid, refunded = subscription.paid_until, subscription.refunded_until
    given_back = paid is not None and refunded is not None and paid <= refunded
    return subscription.is_forfeited or given_back
