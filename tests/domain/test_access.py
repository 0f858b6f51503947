"""Who may use what at this instant. Each boundary from both sides."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.access import access_until, features, has_access, reasons
from chalicelib.domain.account import UnpaidInvoice
from tests.support.records import (
    DAY,
    END,
    HOUR,
    NEXT_END,
    POLICY,
    SECOND,
    START,
    account,
    canceled,
    ended,
    policy,
    subscription,
)

NO_GRACE = POLICY
A_DAY_OF_GRACE = policy(access={"grace_hours": 24})
WEEK_OF_GRACE = policy(access={"grace_hours": 168})


def until(one, rules=POLICY):
    return access_until(account(one), one, rules)


def assert_ends(one, moment, rules=POLICY):
    """Access at the second before, none at the moment itself."""
    known = account(one)
    assert until(one, rules) == moment
    assert has_access(known, one, rules, moment - SECOND)
    assert not has_access(known, one, rules, moment)


def unpaid(**changes):
    plain = {"id": "in_2", "covers_until": NEXT_END, "amount_due": 9900}
    return UnpaidInvoice(**(plain | changes))


def renewed(**changes):
    """In its second month, whose invoice is not paid yet."""
    return subscription(**({"period_start": END, "period_end": NEXT_END} | changes))


def test_cancelled_it_ends_with_the_paid_period():
    assert_ends(canceled(), END)


def test_ended_at_stripe_it_ends_with_the_paid_period():
    assert_ends(ended(), END)


def test_ended_at_once_at_stripe_it_keeps_what_was_paid():
    assert_ends(ended(ended_at=START + DAY), END)


def test_refunded_and_ended_it_keeps_nothing():
    assert_ends(ended(ended_at=START + 2 * DAY, forfeited_at=START + DAY), START + DAY)


def test_a_trial_gives_access_to_its_end():
    trial = canceled(
        status="trialing", trial_ends_at=START + 7 * DAY, period_end=START + 7 * DAY,
        paid_until=START + 7 * DAY,
    )  # fmt: skip

    assert_ends(trial, START + 7 * DAY)


def test_a_renewal_settles_for_72_hours():
    assert_ends(renewed(), END + 72 * HOUR)


def test_a_policy_may_let_it_settle_for_less():
    assert_ends(renewed(), END + 2 * HOUR, policy(access={"settling_hours": 2}))


def test_a_failed_charge_ends_the_settling_and_without_grace_access_with_it():
    assert_ends(renewed(unpaid=unpaid(failed_at=END + HOUR)), END + HOUR)


@pytest.mark.parametrize(
    ("rules", "hours"), [(NO_GRACE, 0), (A_DAY_OF_GRACE, 24), (WEEK_OF_GRACE, 168)]
)
def test_grace_is_counted_from_the_first_failed_charge(rules, hours):
    behind = renewed(
        status="past_due", past_due_since=END + 2 * HOUR, unpaid=unpaid(failed_at=END + HOUR)
    )

    assert_ends(behind, END + HOUR + hours * HOUR, rules)


@pytest.mark.parametrize(("rules", "hours"), [(NO_GRACE, 0), (A_DAY_OF_GRACE, 24)])
def test_past_due_without_an_invoice_we_know_counts_from_when_it_was_past_due(rules, hours):
    behind = renewed(status="past_due", past_due_since=END + 2 * HOUR)

    assert_ends(behind, END + (2 + hours) * HOUR, rules)


def test_a_failure_before_the_boundary_takes_nothing_that_was_paid():
    assert_ends(subscription(unpaid=unpaid(failed_at=END - DAY)), END)


def test_what_is_written_off_settles_no_more_and_has_no_grace():
    written_off = renewed(unpaid=unpaid(failed_at=END + HOUR, written_off=True))

    assert_ends(written_off, END, WEEK_OF_GRACE)


def test_paid_in_the_end_it_goes_on():
    assert_ends(renewed(paid_until=NEXT_END), NEXT_END + 72 * HOUR)


def test_grace_never_outlasts_the_end():
    behind = renewed(
        status="past_due", past_due_since=END + HOUR, cancel_at=END + 3 * HOUR,
    )  # fmt: skip

    assert_ends(behind, END + 3 * HOUR, WEEK_OF_GRACE)


def test_ended_while_behind_it_keeps_no_grace():
    over = ended(period_end=NEXT_END, ended_at=END + 2 * HOUR, past_due_since=END + HOUR)

    assert_ends(over, END + 2 * HOUR, WEEK_OF_GRACE)


def test_ended_without_ever_being_behind_nothing_settles():
    assert_ends(ended(ended_at=END + DAY), END)


def test_suspended_it_stops_at_that_moment():
    assert_ends(subscription(status="paused", suspended_at=START + DAY), START + DAY)


def test_suspended_long_after_it_was_paid_for_it_gains_nothing():
    late = subscription(status="paused", suspended_at=END + 30 * DAY)

    assert until(late) <= END + 72 * HOUR


@pytest.mark.parametrize(
    "nothing",
    [
        subscription(status="incomplete", paid_until=None),
        subscription(status="incomplete_expired", paid_until=None),
        subscription(paid_until=None),
    ],
)
def test_what_was_never_paid_gives_no_access(nothing):
    assert until(nothing) is None
    assert not has_access(account(nothing), nothing, POLICY, START)


GRACES = st.integers(0, 400)
HOURS = st.integers(-600, 600)


@given(
    grace=GRACES,
    failed=st.none() | HOURS,
    cancel_at=st.none() | HOURS,
    ended_at=st.none() | HOURS,
    flag=st.booleans(),
    written_off=st.booleans(),
)
def test_access_never_ends_before_nor_lasts_past_what_is_due(
    grace, failed, cancel_at, ended_at, flag, written_off
):
    """Invariant 6: never cut before the paid-through date, never past it but for settling and grace."""

    def hours(n):
        return None if n is None else END + n * HOUR

    one = renewed(
        cancel_at=hours(cancel_at),
        cancel_at_period_end=flag,
        ended_at=hours(ended_at),
        unpaid=unpaid(failed_at=hours(failed), written_off=written_off),
    )
    rules = policy(access={"grace_hours": grace})

    latest = max(END + 72 * HOUR, (hours(failed) or END) + grace * HOUR)
    assert END <= until(one, rules) <= latest


def test_features_are_those_of_the_plans_with_access():
    known = account(canceled(), subscription(id="sub_2", plan="calling"))

    assert features(known, POLICY, END - SECOND) == {
        "log_in": True, "send_sms": True, "launch_campaigns": True, "dialer": True,
        "send_rvm": True,
    }  # fmt: skip
    assert features(known, POLICY, END) == {
        "log_in": True, "send_sms": False, "launch_campaigns": False, "dialer": True,
        "send_rvm": True,
    }  # fmt: skip


def test_logging_in_is_always_possible():
    assert features(account(), POLICY, START)["log_in"] is True
    assert sum(features(account(), POLICY, START).values()) == 1


def test_a_plan_the_policy_no_longer_knows_gives_no_feature():
    old = account(subscription(plan="discontinued"))

    assert sum(features(old, POLICY, START).values()) == 1


@pytest.mark.parametrize(
    ("one", "moment", "why"),
    [
        (subscription(), START, "active"),
        (subscription(status="trialing"), START, "trialing"),
        (canceled(), START, "pending_cancellation"),
        (canceled(), END, "ended"),
        (renewed(), END, "settling"),
        (renewed(), END + 72 * HOUR, "unpaid"),
        (renewed(status="past_due", past_due_since=END + HOUR), END + HOUR, "grace"),
        (renewed(status="past_due", past_due_since=END + HOUR), END + 26 * HOUR, "unpaid"),
        (subscription(status="paused", suspended_at=START), START + DAY, "suspended"),
        (subscription(status="incomplete"), START, "never_subscribed"),
    ],
)
def test_the_reason_says_why(one, moment, why):
    assert reasons(account(one), A_DAY_OF_GRACE, moment)["send_sms"] == why


def test_the_best_of_several_reasons_counts():
    known = account(ended(), subscription(id="sub_2", started_at=END))

    assert reasons(known, POLICY, END + HOUR)["send_sms"] == "settling"
    assert reasons(known, POLICY, END + HOUR)["dialer"] == "never_subscribed"
    assert reasons(known, POLICY, END + HOUR)["log_in"] == "always"
