"""ISO 8601 durations, as `/_clock` takes them: `P14D`, `PT1S`, `P1Y2M3DT4H`, `P2W`."""

import re
from datetime import datetime, timedelta

from chalicelib.domain.moments import months_after, years_after

SHAPE = re.compile(
    r"P(?=\d|T\d)(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)S)?)?",
    re.ASCII,
)


def later(moment: datetime, duration: str) -> datetime:
    """The moment this much later: years and months by the calendar, then the rest by the second.

    Raises ValueError with a sentence when it is no duration, or reaches beyond the calendar.
    """
    match = SHAPE.fullmatch(duration)
    if match is None:
        raise ValueError(f"{duration!r} is no ISO 8601 duration, such as P14D, P1Y or PT36H")
    try:
        part = {name: int(number or 0) for name, number in match.groupdict().items()}
        moment = years_after(moment, part.pop("years"))
        return months_after(moment, part.pop("months")) + timedelta(**part)
    except (OverflowError, ValueError) as error:
        raise ValueError(f"{duration!r} reaches beyond the calendar") from error
