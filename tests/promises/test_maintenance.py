"""1msg's promise about work on its systems (M1-13): by how many days access is extended, and whose."""

import pytest

from chalicelib.domain.moments import rfc3339
from tests.support.life import Life
from tests.support.maintenance import (
    ACME,
    CHANNEL,
    DAY,
    END,
    SECOND,
    Works,
    on,
)
from tests.support.rewriting import promise_anew


@pytest.fixture
def works():
    return Works()


# -- how long


def test_a_day_of_work_extends_access_by_a_day(works):
    """M1-13: "the period of access to the Service is extended by the same number of calendar days on which the Service
    was unavailable"."""
    works.announce("02-10 02:00", "02-10 04:00")
    works.leave()

    assert works.ends() == END + DAY
    assert works.shown()["extended_days"] == 1

    works.life.move(END + DAY - SECOND)
    assert works.may_send() is True
    assert works.reason() == "extended"

    works.life.move(END + DAY)
    assert works.may_send() is False
    assert works.reason() == "ended"


def test_by_the_clock_alone_it_is_so_too(works):
    """M1-13: "the period of access … is extended". No job of ours has to run for it."""
    works.announce("02-10 02:00", "02-10 04:00")
    works.leave()

    works.life.sleep(END + DAY - SECOND)
    assert works.may_send() is True

    works.life.sleep(END + DAY)
    assert works.may_send() is False


@pytest.mark.parametrize(
    ("starts", "ends", "days"),
    [
        ("02-10 00:00", "02-11 00:00", 1),
        ("02-10 00:00", "02-11 00:01", 2),
        ("02-10 23:30", "02-11 00:30", 2),
        ("02-10 12:00", "02-12 12:00", 3),
        ("02-27 12:00", "02-28 12:00", 2),
    ],
)
def test_each_calendar_day_that_work_touches_counts_once(works, starts, ends, days):
    """M1-13: "the same number of calendar days on which the Service was unavailable"."""
    works.announce(starts, ends)
    works.leave()

    assert works.ends() == END + days * DAY


def test_windows_that_overlap_count_a_day_once(works):
    """M1-13: "the same number of calendar days"."""
    works.announce("02-10 02:00", "02-11 04:00")
    works.announce("02-11 20:00", "02-12 01:00", kind="emergency")
    works.announce("02-11 06:00", "02-11 07:00")
    works.leave()

    assert works.ends() == END + 3 * DAY


def test_work_while_access_is_only_extended_extends_it_again(works):
    """M1-13: "the period of access … is extended": an extension that lies in the work itself would be none."""
    works.announce("02-28 06:00", "03-02 06:00")
    works.leave()

    assert works.ends() == END + 3 * DAY


def test_work_after_the_end_extends_nothing(works):
    """M1-13: "on which the Service was unavailable": to whoever had access."""
    works.leave()
    works.announce("02-28 12:00", "03-01 12:00")

    assert works.ends() == END
    assert works.letters() == []


def test_who_leaves_before_announced_work_is_told_the_end_without_it_and_has_it_again_if_they_stay(
    works,
):
    """M1-13: "on which the Service was unavailable". Seed 1288; invariant 14: the preview and the letter say so."""
    works.announce("03-04 04:00", "03-08 08:00")
    assert works.shown()["extended_days"] == 5

    shown = works.life.preview(ACME, works.subscription).body
    works.leave()

    assert shown["access_ends_at"] == rfc3339(END)
    assert works.ends() == END
    (mail,) = works.life.mail("cancellation")
    assert "Last day of access: 28 February 2026" in mail["text"]
    works.life.resume(ACME, works.subscription)
    assert works.shown()["extended_days"] == 5


def test_work_in_the_last_second_of_access_counts(works):
    """M1-13: both sides of that boundary."""
    works.leave()
    works.announce("02-28 11:59", "02-28 12:30")

    assert works.ends() == END + DAY


def test_whoever_comes_after_the_work_gets_nothing_from_it(works):
    """M1-13: "the period of access": theirs was not interrupted."""
    works.announce("02-10 02:00", "02-10 04:00")
    works.life.move(on("02-10 04:00"))

    works.life.account("later", "1msg")
    later = works.life.subscribe("later", CHANNEL)
    works.leave("later", later)

    assert works.shown("later")["extended_days"] == 0
    assert works.life.access_ends_at("later", later) == on("03-10 04:00")
    assert works.letters("later") == []


def test_whoever_comes_before_announced_work_is_covered_and_told(works):
    """M1-13: work that was announced before they came keeps them out like everybody else."""
    works.announce("02-10 02:00", "02-10 04:00")

    works.life.account("later", "1msg")
    later = works.life.subscribe("later", CHANNEL)

    assert works.shown("later")["extended_days"] == 1
    works.leave("later", later)
    assert works.life.access_ends_at("later", later) == END + DAY
    assert len(works.letters("later")) == 1


def test_a_newcomer_whom_nobody_looks_at_is_told_after_the_work(works):
    """M1-13: every client, also one for whom no request and no event comes by."""
    works.announce("02-10 02:00", "02-10 04:00")
    customer = works.life.account("later", "1msg")
    price = works.life.stripe("GET", f"/v1/prices?lookup_keys[]={CHANNEL}")["data"][0]["id"]
    works.life.stripe("POST", "/v1/subscriptions", f"customer={customer}&items[0][price]={price}")

    works.life.move(on("02-10 06:00"))

    assert len(works.letters("later")) == 1


def test_another_company_s_customers_are_neither_told_nor_extended():
    """M1-13 is 1msg's promise; the others made none."""
    works = Works(policy="smarter-contact", price="smarter-contact:messaging:month")

    window = works.announce("02-10 02:00", "02-10 04:00")
    works.leave()

    assert window["policies"] == ["1msg"]
    assert works.ends() == END
    assert works.letters() == []


# -- longer than promised


@pytest.mark.parametrize(
    ("starts", "ends", "flagged"),
    [
        ("02-10 00:00", "02-13 00:00", False),  # Tuesday to Thursday
        ("02-10 00:00", "02-13 00:01", True),
        ("02-12 00:00", "02-17 00:00", False),  # Thursday to Monday: a weekend is no business day
        ("02-12 00:00", "02-17 00:01", True),
    ],
)
def test_work_beyond_three_business_days_is_flagged_and_extends_all_the_same(
    works, starts, ends, flagged
):
    """M1-13: "for up to three (3) business days"."""
    window = works.announce(starts, ends)
    works.leave()

    assert [w["code"] for w in window["warnings"]] == (["longer_than_promised"] if flagged else [])
    days = (on(ends) - on(starts) + DAY - SECOND) // DAY
    assert works.ends() == END + days * DAY


# -- in the policy's zone


def test_half_an_hour_on_both_sides_of_the_policy_s_midnight_is_two_days():
    """M1-13: "calendar days" are those of the company, not those of UTC."""
    life = Life()
    promise_anew(life, "1msg", ('time_zone = "UTC"', 'time_zone = "Asia/Singapore"'))
    works = Works(life)

    window = works.announce("02-10 15:30", "02-10 16:30")
    works.leave()

    assert window["days"] == {"1msg": ["2026-02-10", "2026-02-11"]}
    assert works.ends() == END + 2 * DAY
