"""Instants and the few ways a promise moves them. Instants are aware datetimes in UTC, whole seconds.

A promise counted in days is counted in hours (14 days = 336 h), so that no change of clocks moves it. A promise
counted in months or years keeps the day of the month.
"""

from calendar import monthrange
from datetime import UTC, datetime, timedelta

SHORTEST_MONTH = 28
FOREVER = datetime.max.replace(microsecond=0, tzinfo=UTC)


def hours_after(moment: datetime, hours: int) -> datetime:
    return moment + timedelta(hours=hours)


def months_after(anchor: datetime, months: int) -> datetime:
    """The same day and time `months` later; the 31st becomes the month's last day.

    Always counted from the anchor, so that 31 January → 28 February → 31 March does not drift.
    """
    year, month0 = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    day = anchor.day
    if day > SHORTEST_MONTH:
        day = min(day, monthrange(year, month0 + 1)[1])
    return anchor.replace(year=year, month=month0 + 1, day=day)


def years_after(moment: datetime, years: int) -> datetime:
    """The same date `years` later. 29 February becomes 1 March: never a day too early (SC-10)."""
    try:
        return moment.replace(year=moment.year + years)
    except ValueError:
        return moment.replace(year=moment.year + years, month=3, day=1)


def rfc3339(moment: datetime) -> str:
    """`2026-12-01T00:00:00Z`: fixed width, so that text order is time order."""
    return moment.astimezone(UTC).isoformat()[:19] + "Z"


def from_rfc3339(text: str) -> datetime:
    """Reads any RFC 3339 instant (an offset is required) and cuts it to whole seconds.

    Raises ValueError when the text is no instant, or names no offset.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("an instant needs an offset, such as Z")
    try:
        return moment.astimezone(UTC).replace(microsecond=0)
    except OverflowError as error:
        raise ValueError("an instant before the first year, or after the last") from error


def from_unix(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
