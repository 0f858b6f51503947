"""When a subscription's billing periods begin and end, as Stripe counts them: from the anchor's own day of the month,
so that 31 January → 28 February → 31 March does not drift."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import takewhile

from chalicelib.domain.account import Subscription
from chalicelib.domain.moments import months_after

MONTHS = {"month": 1, "year": 12}
DAYS = {"day": 1, "week": 7}

SLACK = timedelta(hours=24)
"""A contract and its billing rarely begin at the same hour of the day. Nobody is billed another period for hours."""


def renewals(subscription: Subscription) -> Iterator[datetime]:
    """The end of the running period and of every one after it, without end."""
    start, end = subscription.period_start, subscription.period_end
    count = subscription.interval_count
    if subscription.interval in DAYS:
        length = timedelta(days=DAYS[subscription.interval] * count)
        yield from (end + n * length for n in itertools.count())
    step = MONTHS.get(subscription.interval, 1) * count
    # Of two boundaries in a row, the one with the later day of the month shows the anchor's day.
    cut_short = start.day > end.day and months_after(start, step) == end
    base, n = (start, 1) if cut_short else (end, 0)
    while True:
        yield months_after(base, n * step)
        n += 1


def renewals_before(subscription: Subscription, end: datetime) -> list[datetime]:
    """The renewals still to be billed in a contract that ends at `end`: one instalment each."""
    return list(takewhile(lambda renewal: renewal < end - SLACK, renewals(subscription)))


def last_period_of(subscription: Subscription, end: datetime) -> tuple[datetime, datetime]:
    """The billing period in which a contract that ends at `end` ends, and until whose end it is paid."""
    starts, ends = subscription.period_start, renewals(subscription)
    while (until := next(ends)) < end - SLACK:
        starts = until
    return starts, until
