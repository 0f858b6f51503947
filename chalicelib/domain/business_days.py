"""M1-10: "within 2–3 business days of receipt", "no more than 14 business days". Counts them.

The day of receipt does not count. A deadline is the end (24:00, in the policy's time zone) of its business day, so the
reply that comes in its last second is in time. Which days are holidays is handed in: nothing here knows a calendar.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta, tzinfo

DAY = timedelta(days=1)
SATURDAY = 5


def end_of_business_day(
    received: datetime, count: int, zone: str, days_off: Collection[date]
) -> datetime:
    """The instant at which the `count`-th business day after receipt is over."""
    day = local_day(received, zone)
    while count:
        day += DAY
        count -= is_business_day(day, days_off)
    return midnight(day + DAY, zone)


def is_business_day(day: date, days_off: Collection[date]) -> bool:
    return day.weekday() < SATURDAY and day not in days_off


def local_day(moment: datetime, zone: str) -> date:
    return moment.astimezone(_zone(zone)).date()


def midnight(day: date, zone: str) -> datetime:
    """The first instant of the day there. Where clocks skip midnight, it is the instant at which they do."""
    return datetime.combine(day, time(0), _zone(zone)).astimezone(UTC)


def _zone(name: str) -> tzinfo:
    # Not every process counts days; those that do not shall not pay for it when they start.
    from zoneinfo import ZoneInfo

    return ZoneInfo(name)
