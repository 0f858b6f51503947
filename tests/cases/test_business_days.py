"""Business days: weekends, holidays, the ends of years, changes of clocks, and where a day ends."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.domain.business_days import end_of_business_day, is_business_day, local_day
from chalicelib.gateways.calendars import NoCalendar, public_holidays

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "Africa/Cairo"]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(
    ("received", "days", "end"),
    [
        ("2026-11-23T00:00:00Z", 1, "2026-11-25T00:00:00Z"),  # Monday's first second
        ("2026-11-23T23:59:59Z", 1, "2026-11-25T00:00:00Z"),  # and its last
        ("2026-11-24T00:00:00Z", 1, "2026-11-26T00:00:00Z"),  # a second later is another day
        ("2026-11-27T12:00:00Z", 1, "2026-12-01T00:00:00Z"),  # Friday: Monday is the first
        ("2026-11-28T12:00:00Z", 1, "2026-12-01T00:00:00Z"),  # Saturday
        ("2026-11-29T23:59:59Z", 1, "2026-12-01T00:00:00Z"),  # Sunday
        ("2026-11-23T12:00:00Z", 5, "2026-12-01T00:00:00Z"),
        ("2026-11-23T12:00:00Z", 14, "2026-12-12T00:00:00Z"),
        ("2026-12-31T12:00:00Z", 3, "2027-01-06T00:00:00Z"),
        ("2028-02-28T12:00:00Z", 1, "2028-03-01T00:00:00Z"),  # 29 February is a Tuesday
    ],
)
def test_the_day_of_receipt_and_weekends_do_not_count(received, days, end):
    assert end_of_business_day(at(received), days, "UTC", ()) == at(end)


def test_holidays_in_a_row_around_a_weekend_are_all_passed_over():
    off = {date(2026, 12, 24), date(2026, 12, 25), date(2026, 12, 28), date(2027, 1, 1)}

    ends = [end_of_business_day(at("2026-12-23T12:00:00Z"), n, "UTC", off) for n in (1, 2, 3, 4)]

    assert [one.date().isoformat() for one in ends] == [
        "2026-12-30", "2026-12-31", "2027-01-01", "2027-01-05",
    ]  # fmt: skip


def test_a_holiday_on_a_weekend_costs_nothing():
    off = {date(2026, 11, 28)}

    assert end_of_business_day(at("2026-11-27T12:00:00Z"), 1, "UTC", off) == at(
        "2026-12-01T00:00:00Z"
    )


@pytest.mark.parametrize(
    ("zone", "day", "end"),
    [
        # Clocks go forward at 2:00, back at 3:00: the end of that day is an hour nearer, or further.
        ("Europe/Berlin", "2026-03-27T12:00:00Z", "2026-03-30T22:00:00Z"),
        ("Europe/Berlin", "2026-10-23T12:00:00Z", "2026-10-26T23:00:00Z"),
        # Egypt's clocks go forward at midnight: that midnight does not exist, and Friday ends all the same.
        ("Africa/Cairo", "2026-04-22T12:00:00Z", "2026-04-23T22:00:00Z"),
        # A zone fourteen hours ahead, and one that is half an hour off.
        ("Pacific/Kiritimati", "2026-11-23T12:00:00Z", "2026-11-25T10:00:00Z"),
        ("Asia/Kolkata", "2026-11-23T12:00:00Z", "2026-11-24T18:30:00Z"),
    ],
)
def test_a_day_ends_at_midnight_of_its_zone(zone, day, end):
    assert end_of_business_day(at(day), 1, zone, ()) == at(end)


@given(
    received=st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis wants them naive
    days=st.integers(1, 30),
    zone=st.sampled_from(ZONES),
    off=st.sets(st.dates(date(2020, 1, 1), date(2040, 3, 1)), max_size=20),
)
@settings(max_examples=300)
def test_between_receipt_and_the_end_lie_exactly_so_many_business_days(received, days, zone, off):
    received = received.replace(microsecond=0)

    end = end_of_business_day(received, days, zone, off)

    first, last = local_day(received, zone) + DAY, local_day(end - SECOND, zone)
    span = [first + n * DAY for n in range((last - first).days + 1)]
    assert sum(is_business_day(day, off) for day in span) == days
    assert is_business_day(last, off)
    assert local_day(end, zone) == last + DAY
    assert end.tzinfo is not None
    assert end == end.replace(microsecond=0)


def test_the_last_second_is_that_of_the_day():
    end = end_of_business_day(at("2026-11-23T12:00:00Z"), 3, "America/New_York", ())

    assert (end - SECOND).astimezone(ZoneInfo("America/New_York")).isoformat()[
        :19
    ] == "2026-11-26T23:59:59"


def test_calendars_know_movable_holidays_and_regions():
    assert date(2026, 4, 3) in public_holidays("SG", None, 2026)  # Good Friday
    assert date(2026, 3, 31) in public_holidays("US", "CA", 2026)
    assert date(2026, 3, 31) not in public_holidays("US", None, 2026)


@pytest.mark.parametrize(("country", "region"), [("QQ", None), ("US", "QQ")])
def test_a_calendar_nobody_has_says_so(country, region):
    with pytest.raises(NoCalendar):
        public_holidays(country, region, 2026)
