"""SC-8 and SC-9: what is given back after the end, exactly when, and what keeps it."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.life import Life
from tests.support.smarter_contact import (
    ACME,
    CALLING,
    END,
    LAPSE,
    MESSAGING,
    ONE,
    PURGE,
    RELEASE,
    SECOND,
    TEN_DLC,
    THREE,
    TWO,
    leaving,
    subscribed,
)


def test_numbers_are_released_14_days_after_the_end_and_not_a_second_earlier():
    """SC-8: "All purchased phone numbers will be released 14 days after the cancellation takes effect."."""
    life, messaging = leaving()
    life.number(ACME, TWO)
    life.number(ACME, THREE)

    life.move(RELEASE - SECOND)
    before = life.at_carrier()
    life.move(RELEASE)

    assert life.status(ACME, messaging) == "canceled"
    assert {before[n] for n in (ONE, TWO, THREE)} == {"active"}
    assert [life.releases(n) for n in (ONE, TWO, THREE)] == [[RELEASE]] * 3
    assert life.membership(ACME)["numbers"] == []


@pytest.mark.parametrize("time_zone", ["America/New_York", "Europe/Paris", "Australia/Sydney"])
@pytest.mark.parametrize(
    "start", ["2026-01-31T12:00:00Z", "2026-02-28T23:30:00Z", "2026-09-20T07:00:00Z"]
)
def test_14_days_are_336_hours_also_across_a_change_of_clocks(time_zone, start):
    """SC-8: "14 days after the cancellation takes effect": hours are counted, whatever the clocks on the wall do."""
    life, messaging = leaving(start=datetime.fromisoformat(start))
    life.operator("PUT", f"/v1/admin/accounts/{ACME}", {"time_zone": time_zone})
    end = life.access_ends_at(ACME, messaging)

    life.move(end + timedelta(hours=336) - SECOND)
    before = life.at_carrier()[ONE]
    life.move(end + timedelta(hours=336))
    released = life.at_carrier()[ONE]
    life.move(end + timedelta(hours=720) - SECOND)
    registered = life.at_carrier()[TEN_DLC]
    life.move(end + timedelta(hours=720))

    assert (before, released) == ("active", "released")
    assert (registered, life.at_carrier()[TEN_DLC]) == ("active", "lapsed")


def test_the_page_says_when_a_number_will_be_released():
    """SC-8: "will be released 14 days after the cancellation takes effect."."""
    life, _ = leaving()

    (number,) = life.membership(ACME)["numbers"]

    assert number["release_at"] == "2026-03-14T12:00:00Z"
    assert life.upcoming(ACME)["numbers_released"] == RELEASE


def test_numbers_are_kept_while_another_plan_lives_and_released_after_the_last_end():
    """SC-8: never while any live plan of the account needs the numbers."""
    life, (messaging, calling) = subscribed(MESSAGING, CALLING)
    life.number(ACME, ONE)
    life.cancel(ACME, messaging)
    life.move("2026-04-10T00:00:00Z")
    while_one_lives = life.at_carrier()[ONE]

    life.cancel(ACME, calling)
    last_end = life.access_ends_at(ACME, calling)
    life.move(last_end + timedelta(days=14) - SECOND)
    at_the_last_second = life.at_carrier()[ONE]
    life.move(last_end + timedelta(days=14))

    assert last_end == datetime(2026, 4, 30, 12, tzinfo=UTC)
    assert (while_one_lives, at_the_last_second) == ("active", "active")
    assert life.releases(ONE) == [datetime(2026, 5, 14, 12, tzinfo=UTC)]


def test_a_plan_of_another_account_keeps_nothing_here():
    """SC-8: "All purchased phone numbers": of this account, and of no other."""
    life, _ = leaving()
    life.account("other")
    life.subscribe("other")
    life.number("other", TWO)

    life.move(RELEASE)

    assert life.releases(ONE) == [RELEASE]
    assert life.at_carrier()[TWO] == "active"


def test_a_number_bought_after_the_end_goes_with_the_others():
    """SC-8: "All purchased phone numbers will be released"."""
    life, _ = leaving()
    life.move(END + timedelta(days=3))

    life.number(ACME, TWO)
    life.move(RELEASE)

    assert life.releases(TWO) == [RELEASE]


def test_a_number_bought_after_the_others_were_released_is_given_back_too():
    """SC-8: "All purchased phone numbers will be released": none is forgotten because it came late."""
    life, _ = leaving()
    life.move(RELEASE + timedelta(days=3))

    life.number(ACME, TWO)
    life.move(life.now)

    assert life.at_carrier()[TWO] == "released"


def test_a_number_that_was_released_and_bought_again_is_given_back_again():
    """SC-8: "All purchased phone numbers": the same digits, for the same date, and still a release of its own."""
    life, _ = leaving()
    life.move(RELEASE + timedelta(days=2))

    life.number(ACME, ONE)
    held = life.at_carrier()[ONE]
    life.move(life.now + timedelta(minutes=5))

    assert (held, life.at_carrier()[ONE]) == ("active", "released")
    assert len(life.releases(ONE)) == 2


def test_one_number_that_fails_does_not_hold_up_the_others():
    """SC-8: "All purchased phone numbers will be released": one bad day at the carrier is one number's."""
    life, _ = leaving()
    life.number(ACME, TWO)
    life.faults.order({"target": "carrier", "kind": "error", "count": 1})

    life.move(RELEASE)
    at_first = life.at_carrier()
    life.move(RELEASE + timedelta(minutes=10))

    assert at_first == {ONE: "active", TWO: "released", TEN_DLC: "active"}
    assert life.at_carrier()[ONE] == "released"
    assert len(life.releases(ONE)) == len(life.releases(TWO)) == 1


def test_an_answer_lost_at_the_carrier_releases_once():
    """SC-8: "will be released": the carrier is asked again under the same key."""
    life, _ = leaving()
    life.faults.order({"target": "carrier", "kind": "answer_lost", "count": 1})

    life.move(RELEASE + timedelta(minutes=10))

    assert life.releases(ONE) == [RELEASE]
    assert life.membership(ACME)["numbers"] == []


def test_the_registration_stays_active_for_30_days_and_not_a_second_less():
    """SC-9: "Your 10DLC registration remains active for 30 days after cancellation."."""
    life, _ = leaving()

    life.move(LAPSE - SECOND)
    before = life.at_carrier()[TEN_DLC], status_of_registration(life)
    life.move(LAPSE)

    assert before == ("active", "active")
    assert life.lapses(TEN_DLC) == [LAPSE]
    assert status_of_registration(life) == "lapsed"


def test_a_registration_is_kept_while_another_plan_lives():
    """SC-9: "after cancellation": after the last plan that needs it is over."""
    life, (messaging, _) = subscribed(MESSAGING, CALLING)
    life.registration(ACME, TEN_DLC)
    life.cancel(ACME, messaging)

    life.move(LAPSE + timedelta(days=60))

    assert life.at_carrier()[TEN_DLC] == "active"


def test_after_it_lapsed_returning_needs_a_new_registration():
    """SC-9: "If you choose to return to Smarter Contact later, you must reapply for 10DLC registration."."""
    life, _ = leaving()
    life.move(LAPSE)

    life.subscribe(ACME)
    after_returning = status_of_registration(life)
    life.registration(ACME, "R2")
    life.move(LAPSE + timedelta(days=100))

    assert after_returning == "lapsed"
    assert life.at_carrier() == {ONE: "released", TEN_DLC: "lapsed", "R2": "active"}


def test_a_registration_that_was_withdrawn_does_not_lapse_as_well():
    """SC-9: "remains active for 30 days": unless its owner withdrew it before."""
    life, _ = leaving()
    life.customer(ACME, "DELETE", f"/v1/registrations/{TEN_DLC}")

    life.move(PURGE - SECOND)

    assert len(life.lapses(TEN_DLC)) == 1
    assert life.lapses(TEN_DLC)[0] < END


def status_of_registration(life: Life) -> str:
    (only,) = (r for r in life.membership(ACME)["registrations"] if r["id"] == TEN_DLC)
    return str(only["status"])
