"""How long plans need numbers and registrations."""

from chalicelib.domain.needs import (
    numbers_needed_at,
    numbers_needed_until,
    registrations_needed_until,
)
from chalicelib.domain.policy import Policy
from chalicelib.policies import Policies
from tests.support.records import (
    DAY,
    END,
    NEXT_END,
    POLICY,
    SECOND,
    START,
    account,
    canceled,
    ended,
    subscription,
)

CALLING = {"id": "sub_2", "plan": "calling"}
NEEDS_NOTHING: Policy = Policies().get("1smtg")


def test_until_the_end_of_the_last_plan():
    known = account(canceled(), canceled(**CALLING, period_end=NEXT_END, paid_until=NEXT_END))

    assert numbers_needed_until(known, POLICY) == NEXT_END
    assert registrations_needed_until(known, POLICY) == NEXT_END


def test_for_as_long_as_one_renews():
    known = account(canceled(), subscription(**CALLING))

    assert numbers_needed_until(known, POLICY) is None
    assert registrations_needed_until(known, POLICY) is None


def test_a_plan_that_needs_none_holds_nothing_up():
    stranger = subscription(id="sub_2", plan="something else")

    assert numbers_needed_until(account(canceled(), stranger), POLICY) == END
    assert numbers_needed_until(account(canceled()), NEEDS_NOTHING) is None


def test_an_attempt_that_never_got_paid_holds_nothing_up():
    known = account(ended(), subscription(id="sub_2", status="incomplete", started_at=END))

    assert numbers_needed_until(known, POLICY) == END


def test_at_a_moment_means_from_the_start_to_the_end():
    known = account(canceled())

    assert not numbers_needed_at(known, POLICY, START - SECOND)
    assert numbers_needed_at(known, POLICY, START)
    assert numbers_needed_at(known, POLICY, END - SECOND)
    assert not numbers_needed_at(known, POLICY, END)


def test_between_an_end_and_a_return_they_are_not_needed():
    known = account(ended(), subscription(id="sub_2", started_at=END + 9 * DAY))

    assert not numbers_needed_at(known, POLICY, END + 9 * DAY - SECOND)
    assert numbers_needed_at(known, POLICY, END + 9 * DAY)
    assert numbers_needed_until(known, POLICY) is None
