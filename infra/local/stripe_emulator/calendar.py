"""Billing periods: boundaries counted from an anchor, in UTC seconds.

Every boundary is `anchor + k * interval`, computed from the anchor and never from the boundary
before it: a plan that began on the 31st bills on month ends and does not drift to the 28th.
"""

from __future__ import annotations

import calendar
from datetime import UTC, datetime

HOUR = 3600
DAY = 86400

_SECONDS = {"day": DAY, "week": 7 * DAY}
_MONTHS = {"month": 1, "year": 12}


def months_after(anchor: int, months: int) -> int:
    """The anchor's day and time of day `months` later, cut to the end of a shorter month."""
    start = datetime.fromtimestamp(anchor, UTC)
    year, month0 = divmod(start.year * 12 + start.month - 1 + months, 12)
    day = min(start.day, calendar.monthrange(year, month0 + 1)[1])
    return int(start.replace(year=year, month=month0 + 1, day=day).timestamp())


def boundary(anchor: int, interval: str, count: int, k: int) -> int:
    """The k-th boundary from the anchor; k may be negative."""
    if interval in _SECONDS:
        return anchor + k * count * _SECONDS[interval]
    return months_after(anchor, k * count * _MONTHS[interval])


def next_boundary(anchor: int, interval: str, count: int, after: int) -> int:
    """The first boundary strictly later than `after`."""
    k = _near(anchor, interval, count, after)
    while boundary(anchor, interval, count, k) > after:
        k -= 1
    while boundary(anchor, interval, count, k) <= after:
        k += 1
    return boundary(anchor, interval, count, k)


def previous_boundary(anchor: int, interval: str, count: int, end: int) -> int:
    """The boundary just before `end`, which need not itself be one."""
    k = _near(anchor, interval, count, end)
    while boundary(anchor, interval, count, k) < end:
        k += 1
    while boundary(anchor, interval, count, k) >= end:
        k -= 1
    return boundary(anchor, interval, count, k)


def _near(anchor: int, interval: str, count: int, moment: int) -> int:
    if interval in _SECONDS:
        return (moment - anchor) // (count * _SECONDS[interval])
    start, end = datetime.fromtimestamp(anchor, UTC), datetime.fromtimestamp(moment, UTC)
    months = (end.year - start.year) * 12 + end.month - start.month
    return months // (count * _MONTHS[interval])
