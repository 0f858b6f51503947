"""The check itself: what it took for a loss is none, and what it is there for is found."""

from dataclasses import replace

import pytest

from chalicelib.lifecycle import must_load
from tests.simulation.given_days import GivenDays
from tests.support.maintenance import ACME, DAY, END, Works, on


@pytest.fixture
def works():
    return Works()


@pytest.fixture
def given(works):
    """As a world looks: before, and after every act."""
    days = GivenDays()

    def look():
        account = must_load(works.life.world, ACME).account
        days.stay(account)
        return account

    look.days = days
    return look


def test_who_cancels_before_announced_work_that_they_will_not_see_has_lost_nothing(works, given):
    """Seed 1288: five days of work in March, and they leave at the end of February."""
    works.announce("03-04 04:00", "03-08 08:00")
    given()

    works.leave()

    given()
    assert works.ends() == END


def test_nor_has_who_ended_at_stripe_before_the_work_though_nobody_had_told_us(works, given):
    """Seed 528."""
    works.life.control("drop_webhooks")
    works.life.control("cancel_now", subscription=works.subscription)
    works.announce("03-04 04:00", "03-08 08:00")
    given()
    works.life.move(works.life.now + 2 * DAY)

    given()
    assert works.ends() == END


@pytest.mark.parametrize("leaves", [False, True], ids=["renews", "leaves as it is forgotten"])
def test_a_day_of_work_that_falls_into_their_access_must_stay(works, given, leaves):
    """The bugs it is there for: work is forgotten, at once or as they leave."""
    works.announce("02-10 02:00", "02-11 04:00")
    account = given()
    if leaves:
        works.leave()
        account = must_load(works.life.world, ACME).account

    with pytest.raises(AssertionError, match=r"14: sub_.* had 2 days, now 0"):
        given.days.stay(replace(account, work={}))


def test_a_day_that_only_an_extension_reaches_must_stay_as_well(works, given):
    """Access of a day more reaches into the work of that day, also when they leave meanwhile."""
    works.announce("02-27 02:00", "02-27 04:00")
    works.announce("03-01 02:00", "03-01 04:00")
    given()
    works.leave()
    account = must_load(works.life.world, ACME).account
    assert works.ends() == END + 2 * DAY == on("03-02 12:00")
    first = dict(list(account.work.items())[:1])

    with pytest.raises(AssertionError, match=r"14: sub_.* had 2 days, now 1"):
        given.days.stay(replace(account, work=first))
