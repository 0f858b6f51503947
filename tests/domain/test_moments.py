"""How a promise moves an instant."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.moments import (
    from_rfc3339,
    from_unix,
    hours_after,
    months_after,
    rfc3339,
    years_after,
)
from tests.support.records import at

INSTANTS = st.integers(
    int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()),
    int(datetime(2100, 1, 1, tzinfo=UTC).timestamp()),
).map(lambda second: datetime.fromtimestamp(second, UTC))


@pytest.mark.parametrize(
    ("anchor", "months", "expected"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2028-01-31", 1, "2028-02-29"),
        ("2026-01-31", 2, "2026-03-31"),
        ("2026-01-31", 3, "2026-04-30"),
        ("2026-01-31", 12, "2027-01-31"),
        ("2026-12-15", 1, "2027-01-15"),
        ("2028-02-29", 12, "2029-02-28"),
        ("2028-02-29", 48, "2032-02-29"),
        ("2026-05-05", 0, "2026-05-05"),
    ],
)
def test_months_keep_the_day_or_take_the_last_one(anchor, months, expected):
    assert months_after(at(anchor), months) == at(expected)


@given(INSTANTS, st.integers(0, 600))
def test_months_always_keep_the_time_of_day_and_never_pass_the_anchor_s_day(anchor, months):
    moved = months_after(anchor, months)

    assert moved.timetz() == anchor.timetz()
    assert moved.day == anchor.day or (moved + timedelta(days=1)).day == 1
    assert (moved.year - anchor.year) * 12 + moved.month - anchor.month == months


@given(INSTANTS, st.integers(0, 600))
def test_a_later_month_is_a_later_instant(anchor, months):
    assert months_after(anchor, months) < months_after(anchor, months + 1)


@pytest.mark.parametrize(
    ("moment", "years", "expected"),
    [
        ("2026-02-28", 1, "2027-02-28"),
        ("2027-02-28", 1, "2028-02-28"),
        ("2028-02-29", 1, "2029-03-01"),
        ("2028-02-29", 4, "2032-02-29"),
        ("2026-12-31", 1, "2027-12-31"),
    ],
)
def test_a_year_is_the_same_date_and_29_february_becomes_1_march(moment, years, expected):
    assert years_after(at(moment), years) == at(expected)


@given(INSTANTS)
def test_a_year_is_never_shorter_than_365_days(moment):
    assert years_after(moment, 1) - moment >= timedelta(days=365)


def test_days_are_counted_in_hours():
    assert hours_after(at("2026-02-28T12:00:00Z"), 336) == at("2026-03-14T12:00:00Z")


@given(INSTANTS)
def test_text_and_instant_say_the_same(moment):
    assert from_rfc3339(rfc3339(moment)) == moment
    assert from_unix(int(moment.timestamp())) == moment


@given(INSTANTS, INSTANTS)
def test_text_order_is_time_order(one, other):
    assert (rfc3339(one) < rfc3339(other)) == (one < other)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-08T02:30:00-05:00", "2026-03-08T07:30:00Z"),
        ("2026-03-08T07:30:00.999Z", "2026-03-08T07:30:00Z"),
        ("2026-03-08T07:30:00+00:00", "2026-03-08T07:30:00Z"),
    ],
)
def test_any_offset_is_read_and_cut_to_whole_seconds(text, expected):
    assert rfc3339(from_rfc3339(text)) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "2026-02-30T00:00:00Z", "2026-03-08T07:30:00"])
def test_what_is_no_instant_or_names_no_offset_is_refused(text):
    with pytest.raises(ValueError):
        from_rfc3339(text)
