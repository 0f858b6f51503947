"""Dates as people read them, in the account's own time zone, with its name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

MONTHS = {
    "en": (
        "January", "February", "March", "April", "May", "June",
        "July", "August", "September", "October", "November", "December",
    ),
    "fr": (
        "janvier", "février", "mars", "avril", "mai", "juin",
        "juillet", "août", "septembre", "octobre", "novembre", "décembre",
    ),
}  # fmt: skip
_LAST_DAY = {
    "en": "{day} ({iso}), until {time} ({zone})",
    "fr": "{day} ({iso}), jusqu'à {time} ({zone})",
}
_MOMENT = {"en": "{day} at {time} ({zone})", "fr": "{day} à {time} ({zone})"}


def moment(at: datetime, zone_name: str, language: str) -> str:
    """`28 February 2026 at 12:00 (UTC)`."""
    zone, name = _zone(zone_name)
    local = at.astimezone(zone)
    return _MOMENT[language].format(day=_day(local, language), time=f"{local:%H:%M}", zone=name)


def last_day(end: datetime, zone_name: str, language: str) -> str:
    """The day on which access is there for the last time: `28 February 2026 (2026-02-28), until 12:00 (UTC)`.

    An end at midnight belongs to the day before: access is over when the next one begins.
    """
    zone, name = _zone(zone_name)
    local, last = end.astimezone(zone), (end - timedelta(seconds=1)).astimezone(zone)
    time = "24:00" if local.date() != last.date() else f"{local:%H:%M}"
    return _LAST_DAY[language].format(
        day=_day(last, language), iso=last.date().isoformat(), time=time, zone=name
    )


def _day(local: datetime, language: str) -> str:
    number = "1er" if language == "fr" and local.day == 1 else str(local.day)
    return f"{number} {MONTHS[language][local.month - 1]} {local.year}"


def _zone(name: str) -> tuple[tzinfo, str]:
    """The zone, or UTC for a name nobody knows: the instant stays right, and says which zone it is in."""
    if name == "UTC":
        return UTC, "UTC"
    try:
        return ZoneInfo(name), name
    except (KeyError, ValueError, OSError):
        return UTC, "UTC"
