"""Billing periods are counted from the anchor's own day of the month, as Stripe counts them."""

from datetime import timedelta
from itertools import islice

import pytest

from chalicelib.domain.billing_periods import last_period_of, renewals, renewals_before
from tests.support.records import at, subscription

HOUR = timedelta(hours=1)


def period(start, end, interval="month", count=1):
    return subscription(
        period_start=at(start), period_end=at(end), interval=interval, interval_count=count
    )


def days(instants, count=4):
    return [instant.date().isoformat() for instant in islice(instants, count)]


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (period("2026-01-31", "2026-02-28"), ["2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]),
        (period("2026-02-28", "2026-03-31"), ["2026-03-31", "2026-04-30", "2026-05-31", "2026-06-30"]),
        (period("2026-01-30", "2026-02-28"), ["2026-02-28", "2026-03-30", "2026-04-30", "2026-05-30"]),
        (period("2026-01-28", "2026-02-28"), ["2026-02-28", "2026-03-28", "2026-04-28", "2026-05-28"]),
        (period("2028-01-31", "2028-02-29"), ["2028-02-29", "2028-03-31", "2028-04-30", "2028-05-31"]),
        # A trial's end is no month after its beginning: what follows is counted from it.
        (period("2026-01-24", "2026-02-07"), ["2026-02-07", "2026-03-07", "2026-04-07", "2026-05-07"]),
        (period("2026-01-31", "2027-01-31", "year"), ["2027-01-31", "2028-01-31", "2029-01-31", "2030-01-31"]),
        (period("2026-01-31", "2026-04-30", count=3), ["2026-04-30", "2026-07-31", "2026-10-31", "2027-01-31"]),
        (period("2024-02-29", "2026-02-28", "year", 2), ["2026-02-28", "2028-02-29", "2030-02-28", "2032-02-29"]),
        (period("2026-01-31", "2026-02-14", "week", 2), ["2026-02-14", "2026-02-28", "2026-03-14", "2026-03-28"]),
        (period("2026-01-31", "2026-02-10", "day", 10), ["2026-02-10", "2026-02-20", "2026-03-02", "2026-03-12"]),
    ],
)  # fmt: skip
def test_renewals_do_not_drift(one, expected):
    assert days(renewals(one)) == expected


MONTHLY = period("2026-01-31", "2026-02-28")


def test_a_contract_that_ends_with_a_period_has_the_renewals_before_it():
    assert days(renewals_before(MONTHLY, at("2026-04-30"))) == ["2026-02-28", "2026-03-31"]
    assert last_period_of(MONTHLY, at("2026-04-30")) == (at("2026-03-31"), at("2026-04-30"))


def test_a_contract_that_ends_within_the_running_period_has_none():
    assert renewals_before(MONTHLY, at("2026-02-28")) == []
    assert last_period_of(MONTHLY, at("2026-02-10")) == (at("2026-01-31"), at("2026-02-28"))


def test_a_contract_that_ended_long_ago_has_none():
    assert renewals_before(MONTHLY, at("2020-01-01")) == []
    assert last_period_of(MONTHLY, at("2020-01-01")) == (at("2026-01-31"), at("2026-02-28"))


@pytest.mark.parametrize(
    ("later", "count", "paid_until"), [(24, 1, "2026-03-31"), (25, 2, "2026-04-30")]
)
def test_hours_between_contract_and_billing_are_no_period(later, count, paid_until):
    end = at("2026-03-31") + later * HOUR

    assert len(renewals_before(MONTHLY, end)) == count
    assert last_period_of(MONTHLY, end)[1] == at(paid_until)
