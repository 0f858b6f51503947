"""Which calendar days work on the systems takes, and whom they extend, in any zone, order and number."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise, permutations
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.account import Account, Contract, Subscription, UnpaidInvoice, Work
from chalicelib.domain.ending import contract_end, end_of, extended_days
from chalicelib.domain.worked_days import days_between

DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
STARTED = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
END = datetime(2026, 2, 28, 12, 0, tzinfo=UTC)


def at(text, zone="UTC"):
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def days(starts, ends, zone="UTC"):
    return [
        date.fromordinal(worked.day).isoformat()
        for worked in days_between(at(starts, zone), at(ends, zone), zone)
    ]


def subscription(**more):
    known = {
        "id": "sub_1",
        "plan": "channel",
        "status": "active",
        "started_at": STARTED,
        "period_start": STARTED,
        "period_end": END,
        "paid_until": END,
        "cancel_at": END,
    }
    return Subscription(**(known | more))


def account(*windows, zone="UTC", one=None):
    work = {
        f"mw{n}": Work(revision=1, days=days_between(starts, ends, zone))
        for n, (starts, ends) in enumerate(windows)
    }
    only = one or subscription()
    return Account(
        id="acme",
        policy="1msg",
        currency="usd",
        created_at=STARTED,
        subscriptions={only.id: only},
        work=work,
    )


def extended(*windows, zone="UTC", **more):
    found = account(*windows, zone=zone, one=subscription(**more))
    return extended_days(found, found.subscriptions["sub_1"])


# -- which days


def test_half_an_hour_on_both_sides_of_midnight_is_two_days_there_and_one_elsewhere():
    berlin = (at("2026-02-10T23:30", "Europe/Berlin"), at("2026-02-11T00:30", "Europe/Berlin"))

    assert len(days_between(*berlin, "Europe/Berlin")) == 2
    assert len(days_between(*berlin, "UTC")) == 1


@pytest.mark.parametrize(
    ("starts", "ends", "found"),
    [
        ("2026-02-10T00:00", "2026-02-11T00:00", ["2026-02-10"]),
        ("2026-02-10T23:59:59", "2026-02-11T00:00", ["2026-02-10"]),
        ("2026-02-10T23:59:59", "2026-02-11T00:00:01", ["2026-02-10", "2026-02-11"]),
        ("2028-02-28T12:00", "2028-03-01T00:00", ["2028-02-28", "2028-02-29"]),
        ("2027-02-28T12:00", "2027-03-01T00:00:01", ["2027-02-28", "2027-03-01"]),
        ("2026-12-31T23:00", "2027-01-01T01:00", ["2026-12-31", "2027-01-01"]),
    ],
)
def test_the_days_that_are_touched(starts, ends, found):
    assert days(starts, ends) == found


@pytest.mark.parametrize(
    ("zone", "starts", "ends", "hours"),
    [
        ("Europe/Berlin", "2026-03-29T00:00", "2026-03-30T00:00", 23),
        ("Europe/Berlin", "2026-10-25T00:00", "2026-10-26T00:00", 25),
        ("America/New_York", "2026-03-08T01:30", "2026-03-08T03:30", 1),
        ("Australia/Lord_Howe", "2026-04-05T00:00", "2026-04-06T00:00", 24.5),
    ],
)
def test_a_day_on_which_the_clocks_change_is_one_day(zone, starts, ends, hours):
    assert at(ends, zone) - at(starts, zone) == hours * HOUR
    assert len(days(starts, ends, zone)) == 1


def test_where_clocks_skip_midnight_the_day_begins_later_and_nothing_is_lost():
    """In Beirut, 29 March 2026 begins at one o'clock."""
    assert days("2026-03-28T22:00", "2026-03-29T02:00", "Asia/Beirut") == [
        "2026-03-28",
        "2026-03-29",
    ]


@given(
    st.integers(min_value=1_577_836_800, max_value=2_051_222_400),
    st.integers(min_value=1, max_value=31 * 86_400),
    st.sampled_from(["UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Apia", "Asia/Beirut"]),
)
def test_the_parts_fit_together_and_each_is_of_its_own_day(second, seconds, zone):
    starts = datetime.fromtimestamp(second, UTC)
    ends = starts + timedelta(seconds=seconds)

    found = days_between(starts, ends, zone)

    assert found[0].starts == int(starts.timestamp())
    assert found[-1].ends == int(ends.timestamp())
    assert all(one.ends == other.starts for one, other in pairwise(found))
    assert all(one.day < other.day for one, other in pairwise(found))
    for one in found:
        for moment in (one.starts, one.ends - 1):
            local = datetime.fromtimestamp(moment, ZoneInfo(zone))
            assert local.toordinal() == one.day


# -- whom they extend


def window(day, hour, hours):
    starts = datetime(2026, 2, 1, tzinfo=UTC) + day * DAY + hour * HOUR
    return starts, starts + hours * HOUR


WINDOWS = st.lists(
    st.builds(window, st.integers(-5, 40), st.integers(0, 23), st.integers(1, 100)), max_size=6
)


@given(WINDOWS, st.randoms(use_true_random=False))
def test_in_any_order_and_number_the_same_windows_give_the_same_days(windows, random):
    again = [*windows, *random.choices(windows, k=3)] if windows else []
    random.shuffle(again)

    assert extended(*again) == extended(*windows)


@given(WINDOWS)
def test_one_window_more_never_takes_a_day_away(windows):
    assert extended(*windows) >= max(
        (extended(*windows[:n]) for n in range(len(windows))), default=0
    )


@given(WINDOWS)
def test_counted_another_way_it_is_the_same(windows):
    """Second by second would do; hour by hour is enough, since nothing here begins between hours."""
    granted: set[date] = set()
    while True:
        end = END + len(granted) * DAY
        touched = {
            moment.date()
            for starts, ends in windows
            for hour in range(int((ends - starts) / HOUR))
            if STARTED <= (moment := starts + hour * HOUR) < end
        }
        if touched <= granted:
            break
        granted |= touched

    assert extended(*windows) == len(granted)


def test_a_day_counts_up_to_the_last_second_of_access_and_from_its_first():
    assert extended((END - SECOND, END + HOUR)) == 1
    assert extended((END, END + HOUR)) == 0
    assert extended((STARTED - HOUR, STARTED)) == 0
    assert extended((STARTED - HOUR, STARTED + SECOND)) == 1


def test_of_the_same_day_only_the_part_before_they_came_is_none_of_theirs():
    early = (STARTED - 2 * HOUR, STARTED - HOUR)
    late = (STARTED + HOUR, STARTED + 2 * HOUR)

    assert extended(early) == 0
    assert extended(early, late) == 1


def test_an_extension_that_reaches_into_more_work_grows_whatever_is_told_first():
    chain = [
        (END - HOUR, END),
        (END + 6 * HOUR, END + 7 * HOUR),
        (END + 20 * HOUR, END + 40 * HOUR),
    ]

    assert {extended(*order) for order in permutations(chain)} == {3}


def test_the_leap_day_is_a_day():
    one = (datetime(2028, 2, 29, 1, tzinfo=UTC), datetime(2028, 2, 29, 2, tzinfo=UTC))
    end = datetime(2028, 2, 29, 12, tzinfo=UTC)
    found = account(one, one=subscription(paid_until=end, cancel_at=end))

    assert end_of(found, found.subscriptions["sub_1"]) == datetime(2028, 3, 1, 12, tzinfo=UTC)


def test_a_day_is_24_hours_whatever_the_clocks_do():
    night = (at("2026-02-10T01:00", "Europe/Berlin"), at("2026-02-10T02:00", "Europe/Berlin"))
    end = at("2026-03-28T12:00", "Europe/Berlin")
    found = account(night, zone="Europe/Berlin", one=subscription(paid_until=end, cancel_at=end))

    assert end_of(found, found.subscriptions["sub_1"]) == end + 24 * HOUR


IN_FEBRUARY = (datetime(2026, 2, 10, 2, tzinfo=UTC), datetime(2026, 2, 10, 4, tzinfo=UTC))
IN_MARCH = (datetime(2026, 3, 10, 2, tzinfo=UTC), datetime(2026, 3, 10, 4, tzinfo=UTC))
FAILED = UnpaidInvoice(id="in_2", covers_until=END + 28 * DAY, amount_due=4900, failed_at=END)


@pytest.mark.parametrize(
    ("why", "more", "days"),
    [
        ("it renews, and is there in March", {"cancel_at": None}, 2),
        ("it ends before March", {}, 1),
        ("its renewal failed", {"cancel_at": None, "unpaid_invoices": {"in_2": FAILED}}, 1),
        ("it is past due", {"cancel_at": None, "past_due_since": END}, 1),
        ("its renewal was written off", {"cancel_at": None,
                                         "unpaid_invoices": {"in_2": replace(FAILED, failed_at=None, written_off=True)}}, 1),
        ("Stripe ended it unpaid, after March's work",
         {"unpaid_invoices": {"in_2": FAILED}, "cancel_at": None, "ended_at": IN_MARCH[1] + DAY}, 1),
        ("Stripe ended it in a period that was never paid, after March's work",
         {"cancel_at": None, "ended_at": IN_MARCH[1] + DAY}, 1),
        ("it is paused since before", {"cancel_at": None, "suspended_at": STARTED + DAY}, 0),
        ("it never started", {"status": "incomplete", "paid_until": None, "cancel_at": None}, 0),
        ("it was forfeited", {"forfeited_at": STARTED + DAY, "forfeited_until": END}, 0),
        ("its payment was given back", {"refunded_until": END}, 0),
        ("an earlier payment was given back", {"refunded_until": END - 28 * DAY}, 1),
    ],
)  # fmt: skip
def test_only_access_that_was_there_is_extended(why, more, days):
    found = account(IN_FEBRUARY, IN_MARCH, one=subscription(**more))
    one = found.subscriptions["sub_1"]
    given_ = extended_days(found, one) if one.has_started else 0

    assert given_ == days, why


def test_a_contract_s_end_is_extended_and_the_contract_is_not():
    """GT-11 with M1-13: billed and used to its end, and used the days beyond."""
    bound = subscription(cancel_at=None, leaves_with_contract=True)
    found = replace(
        account(IN_FEBRUARY, IN_MARCH, one=bound),
        contracts={"sub_1": Contract(starts_at=STARTED, months=2)},
    )

    assert contract_end(found, bound) == datetime(2026, 3, 31, 12, tzinfo=UTC)
    assert end_of(found, bound) == datetime(2026, 4, 2, 12, tzinfo=UTC)


def test_work_that_promises_nothing_extends_nothing():
    found = account(IN_FEBRUARY)
    told = replace(found, work={"mw0": replace(found.work["mw0"], extends=False)})

    assert extended_days(told, told.subscriptions["sub_1"]) == 0
