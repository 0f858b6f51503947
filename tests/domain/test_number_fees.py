"""SC-6 as plain calls: a number's cycle, and when its fee is a step ahead."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.moments import months_after
from chalicelib.domain.number_fees import (
    Number,
    fees_until,
    first_fee_at,
    next_fee_after,
    steps,
)
from tests.support.records import (
    DAY,
    END,
    NEXT_END,
    POLICY,
    SECOND,
    START,
    account,
    at,
    canceled,
    number,
    subscription,
)

INSTANTS = st.integers(
    int(datetime(2020, 1, 1, tzinfo=UTC).timestamp()),
    int(datetime(2040, 1, 1, tzinfo=UTC).timestamp()),
).map(lambda second: datetime.fromtimestamp(second, UTC))


def bought(moment: datetime, **changes: object) -> Number:
    return number(bought_at=moment, next_fee_at=months_after(moment, 1), **changes)


@given(INSTANTS, st.integers(0, 3000))
def test_fee_dates_strictly_increase_and_keep_the_day_of_the_purchase(moment, days):
    until = moment + timedelta(days=days)

    dates = list(fees_until(bought(moment), until))

    assert all(
        earlier < later
        for earlier, later in pairwise([moment, *dates, max(until, moment + SECOND)])
    )
    for n, date in enumerate(dates, 1):
        last_day = monthrange(date.year, date.month)[1]
        assert date.day == min(moment.day, last_day)
        assert date.timetz() == moment.timetz()
        assert date == months_after(moment, n)


@given(INSTANTS, st.integers(0, 3000))
def test_every_month_has_its_fee_and_none_is_left_out(moment, days):
    until = moment + timedelta(days=days)

    dates = list(fees_until(bought(moment), until))

    following = months_after(moment, len(dates) + 1)
    assert following >= until


@given(INSTANTS, st.integers(1, 300))
def test_after_one_date_comes_the_one_a_month_later(moment, months):
    one = bought(moment)

    assert next_fee_after(one, months_after(moment, months)) == months_after(moment, months + 1)


@given(INSTANTS, st.integers(-400, 4000))
def test_the_first_date_is_the_first_at_or_after_we_knew_the_number(moment, days):
    known_since = moment + timedelta(days=days, seconds=days % 2)

    found = first_fee_at(moment, known_since)

    every_date = (months_after(moment, n) for n in range(1, 200))
    assert found == min(date for date in every_date if date >= known_since)


def test_the_31st_does_not_drift():
    dates = islice(fees_until(bought(START), at("2030-01-01")), 4)

    assert [date.day for date in dates] == [28, 31, 30, 31]


def test_known_at_the_very_date_it_counts_and_a_second_later_it_does_not():
    assert first_fee_at(START, END) == END
    assert first_fee_at(START, END + SECOND) == NEXT_END


def test_the_purchase_itself_is_never_a_date():
    assert first_fee_at(START, START - 99 * DAY) == END


def test_no_date_at_or_after_the_end():
    one = number(next_fee_at=END)

    assert list(fees_until(one, END)) == []
    assert list(fees_until(one, END + SECOND)) == [END]


def test_a_number_that_is_going_has_no_more_dates():
    for state in ("removing", "releasing", "released"):
        assert list(fees_until(number(state=state), at("2030-01-01"))) == []


def ahead(known):
    return [step.due for step in steps(known, POLICY)]


def test_the_step_is_ahead_while_a_plan_needs_numbers():
    assert ahead(account(subscription(), next_fee_at=END)) == [END]
    assert ahead(account(canceled(), next_fee_at=END - SECOND)) == [END - SECOND]


def test_at_the_end_and_without_a_plan_there_is_no_step():
    assert ahead(account(canceled(), next_fee_at=END)) == []
    assert ahead(account(next_fee_at=END)) == []
    assert ahead(account(subscription())) == []
    assert ahead(account(subscription(status="incomplete"), next_fee_at=END)) == []
