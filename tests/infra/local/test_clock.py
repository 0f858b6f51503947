"""The one clock: it stands still, moves forward only, and is found again after a kill."""

from datetime import UTC, datetime, timedelta

import pytest

from infra.local.clock import ClockMovedBack, MovableClock
from infra.local.durations import later
from infra.local.notebook import Notebook

START = datetime(2027, 1, 31, 12, tzinfo=UTC)


def test_a_new_clock_starts_at_the_real_present_in_whole_seconds(notebook):
    before = datetime.now(UTC) - timedelta(seconds=1)

    clock = MovableClock(notebook)

    assert before <= clock.now() <= datetime.now(UTC)
    assert clock.now().microsecond == 0


def test_it_stands_still_until_it_is_moved(notebook):
    clock = MovableClock(notebook, START)

    assert clock.now() == clock.now() == START

    clock.move_to(START + timedelta(seconds=1))

    assert clock.now() == START + timedelta(seconds=1)


def test_it_never_goes_back(notebook):
    clock = MovableClock(notebook, START)

    with pytest.raises(ClockMovedBack):
        clock.move_to(START - timedelta(seconds=1))

    clock.move_to(START)

    assert clock.now() == START


def test_after_a_restart_it_is_where_it_was_and_not_where_somebody_asks_it_to_start(tmp_path):
    first = Notebook(tmp_path / "n.sqlite")
    MovableClock(first, START).move_to(START + timedelta(days=3))
    first.close()

    second = Notebook(tmp_path / "n.sqlite")
    assert MovableClock(second, START).now() == START + timedelta(days=3)
    second.close()


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        ("P14D", "2027-02-14T12:00:00"),
        ("PT1S", "2027-01-31T12:00:01"),
        ("P1M", "2027-02-28T12:00:00"),
        ("P1Y", "2028-01-31T12:00:00"),
        ("P2W", "2027-02-14T12:00:00"),
        ("P1Y2M3DT4H5M6S", "2028-04-03T16:05:06"),
        ("PT0S", "2027-01-31T12:00:00"),
    ],
)
def test_durations_are_added_by_the_calendar(duration, expected):
    assert later(START, duration) == datetime.fromisoformat(expected + "+00:00")


def test_a_year_after_the_29th_of_february_is_the_1st_of_march():
    leap_day = datetime(2028, 2, 29, tzinfo=UTC)

    assert later(leap_day, "P1Y") == datetime(2029, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "duration",
    ["", "P", "PT", "P1", "14D", "P-1D", "-P1D", "P1.5D", "P1DT", "P1H", "p1d", "P1D ", "P٣D"],
)
def test_what_is_no_duration_is_refused(duration):
    with pytest.raises(ValueError, match="no ISO 8601 duration"):
        later(START, duration)


@pytest.mark.parametrize("duration", ["P9999Y", "P999999999999D", "P" + "9" * 5000 + "D"])
def test_a_duration_beyond_the_calendar_is_refused(duration):
    with pytest.raises(ValueError, match="beyond the calendar"):
        later(START, duration)
