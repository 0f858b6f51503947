"""Public holidays, by country and region. The only importer of `holidays`, and only when somebody counts business days.

It is five megabytes of other people's calendars, movable feasts worked out included: a list of our own would be wrong
by next year.
"""

from __future__ import annotations

from datetime import date
from functools import lru_cache


class NoCalendar(Exception):
    """There is no calendar for this country or region."""


@lru_cache(maxsize=64)
def public_holidays(country: str, subdivision: str | None, year: int) -> frozenset[date]:
    """Raises NoCalendar."""
    import holidays

    try:
        return frozenset(holidays.country_holidays(country, subdiv=subdivision, years=year))
    except NotImplementedError as error:
        raise NoCalendar(f"{country} {subdivision or ''}".strip()) from error
