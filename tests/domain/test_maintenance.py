"""What an account becomes that is told of work on the systems: told once, never promised less."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.account import Account
from chalicelib.domain.ending import end_of, extended_days
from chalicelib.domain.maintenance import (
    ANNOUNCED,
    MOVED,
    SETTLED_AFTER,
    WITHDRAWN,
    Window,
    business_days_of,
    hear,
    said_to,
)
from chalicelib.domain.worked_days import days_between
from chalicelib.policies import Policies
from chalicelib.store.records import from_doc, to_doc
from tests.domain.test_worked_days import DAY, END, HOUR, STARTED, account, subscription

POLICY = Policies().get("1msg")
NOW = STARTED + HOUR


def window(starts, hours=2, *, id="mw1", revision=1, **more):
    known = {
        "id": id,
        "revision": revision,
        "starts_at": starts,
        "ends_at": starts + hours * HOUR,
        "kind": "scheduled",
        "reason": "New disks",
        "policies": ("1msg",),
        "announced_at": NOW,
        "announced_by": "op",
        "changed_at": NOW,
        "changed_by": "op",
    }
    return Window(**(known | more))


def told(before: Account, *windows, now=NOW):
    """The account after each, and what was said of the last."""
    what = None
    for one in windows:
        decision = hear(before, said_to(POLICY, one), now)
        before, what = decision.account, decision.what
    return before, what


def days_of(found: Account):
    return extended_days(found, found.subscriptions["sub_1"])


TENTH = datetime(2026, 2, 10, 2, tzinfo=UTC)
TWELFTH = TENTH + 2 * DAY


def test_it_is_told_once():
    once, what = told(account(), window(TENTH))
    twice, again = told(once, window(TENTH))

    assert (what, again) == (ANNOUNCED, None)
    assert once == twice
    assert days_of(once) == 1


def test_an_older_word_that_comes_late_changes_nothing():
    moved = window(TWELFTH, revision=2)

    found, what = told(account(), moved, window(TENTH, revision=1))

    assert what is None
    assert found == told(account(), moved)[0]


def test_whoever_is_not_concerned_remembers_nothing():
    found, what = told(account(), window(END), window(STARTED - DAY, id="mw2"))

    assert what is None
    assert found == account()


def test_a_purge_that_began_is_not_held_up():
    purging = replace(account(), purge_began_at=NOW)

    assert told(purging, window(TENTH)) == (purging, None)


def test_moved_it_counts_once_and_withdrawn_it_stays():
    moved, what = told(account(), window(TENTH), window(TWELFTH, revision=2))
    assert (what, days_of(moved)) == (MOVED, 1)

    gone, what = told(moved, window(TWELFTH, revision=3, withdrawn=True))
    assert (what, days_of(gone)) == (WITHDRAWN, 1)

    back, what = told(gone, window(TWELFTH + DAY, revision=4))
    assert (what, days_of(back)) == (ANNOUNCED, 1), (
        "the day that was kept is the day that is worked"
    )


def test_another_window_adds_to_what_a_withdrawn_one_left():
    found, _ = told(
        account(),
        window(TENTH),
        window(TENTH, revision=2, withdrawn=True),
        window(TWELFTH, id="mw2"),
    )

    assert days_of(found) == 2


def test_work_on_the_day_that_a_withdrawn_one_left_counts_once():
    found, _ = told(
        account(),
        window(TENTH),
        window(TENTH, revision=2, withdrawn=True),
        window(TENTH + 3 * HOUR, id="mw2"),
    )

    assert days_of(found) == 1


def test_withdrawn_before_they_were_told_it_gives_nothing():
    found, what = told(account(), window(TENTH, revision=2, withdrawn=True))

    assert what is None
    assert days_of(found) == 0


def test_a_policy_that_is_no_longer_meant_keeps_what_was_promised():
    found, what = told(account(), window(TENTH), window(TENTH, revision=2, policies=("goto",)))

    assert (what, days_of(found)) == (WITHDRAWN, 1)


def test_another_hour_of_the_same_day_that_is_behind_the_end_takes_nothing():
    morning = END - 10 * HOUR

    found, what = told(account(), window(morning), window(END + HOUR, revision=2))

    assert what == MOVED
    assert end_of(found, found.subscriptions["sub_1"]) == END + DAY


def test_how_many_days_it_adds_is_said_and_a_day_that_counted_already_adds_none():
    first, _ = told(account(), window(TENTH))

    overlapping = hear(first, said_to(POLICY, window(TENTH + 3 * HOUR, id="mw2")), NOW)
    more = hear(first, said_to(POLICY, window(TENTH + 3 * HOUR, 24, id="mw2")), NOW)

    assert (overlapping.what, overlapping.data["days"]) == (ANNOUNCED, 0)
    assert more.data["days"] == 1


def test_where_nothing_is_promised_nothing_is_said_of_days():
    plain = Policies().get("smarter-contact")
    said = said_to(plain, window(TENTH, policies=("smarter-contact",)))

    decision = hear(account(), said, NOW)

    assert decision.what == ANNOUNCED
    assert "days" not in decision.data
    assert days_of(decision.account) == 0


# -- never less


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["mw1", "mw2", "mw3"]),
        st.integers(-3 * 24, 34 * 24),
        st.integers(1, 90),
        st.booleans(),
    ),
    max_size=8,
)


@given(STEPS, st.booleans())
def test_whatever_is_said_nobody_has_fewer_days_than_before(said, renews):
    found = account(one=subscription(cancel_at=None if renews else END))
    for revision, (id, hour, hours, withdrawn) in enumerate(said, 1):
        starts = STARTED + hour * HOUR
        one = window(starts, hours, id=id, revision=revision, withdrawn=withdrawn)
        before = days_of(found)

        found, _ = told(found, one)

        assert days_of(found) >= before
        if not withdrawn:
            alone, _ = told(account(one=found.subscriptions["sub_1"]), one)
            assert days_of(found) >= days_of(alone), "what takes place counts"


@given(STEPS)
def test_without_a_change_of_mind_the_order_of_telling_does_not_matter(said):
    windows = [
        window(STARTED + hour * HOUR, hours, id=f"mw{n}")
        for n, (_, hour, hours, _) in enumerate(said)
    ]
    concerned = account(one=subscription(cancel_at=None))

    one, _ = told(concerned, *windows)
    other, _ = told(concerned, *reversed(windows))

    assert days_of(one) == days_of(other)
    assert one.work == other.work


def test_a_window_that_only_a_later_one_brings_within_reach_counts_when_it_is_told_again():
    """Whoever loads the account tells it of every window again that it does not know."""
    first, second = window(END + 15 * HOUR), window(END - HOUR, 1, id="mw2")

    found, _ = told(account(), first, second)
    assert days_of(found) == 1

    found, what = told(found, first)
    assert (what, days_of(found)) == (ANNOUNCED, 2)


# -- it stays small


def test_windows_that_cannot_change_any_more_are_forgotten_and_their_days_kept():
    found = account(one=subscription(cancel_at=None))
    for month in range(36):
        now = STARTED + month * 30 * DAY
        renewed = replace(found.subscriptions["sub_1"], paid_until=now + 30 * DAY)
        found = replace(found, subscriptions={"sub_1": renewed})
        found, what = told(found, window(now + DAY, id=f"mw{month:016}"), now=now)

        assert what == ANNOUNCED
        assert days_of(found) == month + 1

    assert len(found.work) <= SETTLED_AFTER / (30 * DAY) + 2
    leaving = replace(found.subscriptions["sub_1"], cancel_at=renewed.paid_until)
    found = replace(found, subscriptions={"sub_1": leaving})
    assert end_of(found, leaving) == renewed.paid_until + 36 * DAY


def test_settled_days_reach_into_work_like_others():
    old = replace(subscription(), settled_days=2)
    found, _ = told(account(one=old), window(END + DAY))

    assert days_of(found) == 3


def test_a_record_with_a_year_of_windows_comes_back_as_it_was_and_is_small():
    found = account(one=subscription(cancel_at=None))
    for month in range(12):
        found, _ = told(found, window(TENTH + month * 30 * DAY, id=f"mw{month:016}"))
    doc = to_doc(found)

    assert from_doc(Account, doc) == found
    assert len(str(doc["work"])) < 1300


# -- how long it takes


@pytest.mark.parametrize(
    ("starts", "ends", "count"),
    [
        ("2026-02-10", "2026-02-13", 3),
        ("2026-02-13", "2026-02-16", 1),
        ("2026-02-14", "2026-02-16", 0),
    ],
)
def test_business_days_are_those_that_are_touched(starts, ends, count):
    between = [datetime.fromisoformat(one).replace(tzinfo=UTC) for one in (starts, ends)]

    assert business_days_of(days_between(*between, "UTC"), ()) == count


def test_a_holiday_is_no_business_day():
    days = days_between(TENTH, TENTH + DAY, "UTC")

    assert business_days_of(days, {TENTH.date()}) == 1
