"""When a subscription ends: the one date from which every consequence of leaving is counted."""

from dataclasses import replace

import pytest

from chalicelib.domain.account import Contract
from chalicelib.domain.ending import contract_end, end_of, has_ended, is_live, last_end
from tests.support.records import (
    DAY,
    END,
    NEXT_END,
    SECOND,
    START,
    account,
    canceled,
    ended,
    subscription,
)


def end(one, **changes):
    return end_of(account(one, **changes), one)


def test_a_subscription_that_renews_has_no_end():
    assert end(subscription()) is None


def test_either_mark_ends_it_at_the_end_of_what_is_paid():
    assert end(subscription(cancel_at_period_end=True)) == END
    assert end(subscription(cancel_at=END)) == END
    assert end(subscription(cancel_at=END, cancel_at_period_end=True)) == END


def test_a_moment_counts_before_the_flag():
    later = subscription(cancel_at=NEXT_END, cancel_at_period_end=True)

    assert end(later) == NEXT_END


def test_when_it_was_asked_for_is_never_the_end():
    assert end(subscription(canceled_at=START)) is None
    assert end(canceled(canceled_at=START + DAY)) == END


def test_what_stripe_ended_is_over_then():
    assert end(ended()) == END
    assert end(ended(ended_at=END + DAY)) == END + DAY


def test_ended_at_once_it_lasts_until_the_last_paid_second():
    assert end(ended(ended_at=START + DAY)) == END


def test_a_paid_period_that_was_forfeited_ends_there():
    gone = ended(ended_at=START + 2 * DAY, forfeited_at=START + DAY)

    assert end(gone) == START + DAY
    assert end(subscription(forfeited_at=START + DAY)) is None


@pytest.mark.parametrize("status", ["incomplete", "incomplete_expired"])
def test_what_never_began_never_ends(status):
    assert end(canceled(status=status, ended_at=END)) is None


def test_a_contract_is_a_floor_under_the_end():
    contracts = {"sub_1": Contract(starts_at=START, months=12)}
    one = canceled()

    assert contract_end(account(one, contracts=contracts), one) == START.replace(year=2027)
    assert end(one, contracts=contracts) == START.replace(year=2027)
    assert end(canceled(cancel_at=START.replace(year=2028)), contracts=contracts).year == 2028


def test_ended_before_its_contract_it_keeps_the_date_that_was_shown_to_whoever_left():
    """Invariant 14. What Stripe ended by itself ends with the contract: no other date was ever shown."""
    contracts = {"sub_1": Contract(starts_at=START + 10 * DAY, months=12)}
    shown = end(subscription(leaves_with_contract=True), contracts=contracts)

    unmarked = ended(cancel_at_period_end=False)
    for left in (
        {"leaves_with_contract": True},
        {"cancel_at": END},
        {"cancel_at_period_end": True},
    ):
        assert end(replace(unmarked, **left), contracts=contracts) == shown
    by_itself = account(unmarked, contracts=contracts)
    assert end_of(by_itself, unmarked) == contract_end(by_itself, unmarked) < shown


def test_another_subscription_s_contract_is_no_floor():
    assert end(canceled(), contracts={"sub_2": Contract(starts_at=START, months=12)}) == END


def test_it_has_ended_at_the_end_and_not_a_second_before():
    one = canceled()
    known = account(one)

    assert not has_ended(known, one, END - SECOND)
    assert has_ended(known, one, END)
    assert is_live(known, one, END - SECOND)
    assert not is_live(known, one, END)


def test_what_never_began_is_not_live():
    one = subscription(status="incomplete")

    assert not is_live(account(one), one, START)
    assert not has_ended(account(one), one, NEXT_END)


def test_the_last_end_is_the_latest_of_several():
    one, other = canceled(), canceled(id="sub_2", period_end=NEXT_END, paid_until=NEXT_END)

    assert last_end(account(one, other), [one, other]) == NEXT_END


def test_while_one_renews_there_is_no_last_end():
    one, other = canceled(), subscription(id="sub_2")

    assert last_end(account(one, other), [one, other]) is None


def test_without_any_that_began_there_is_no_last_end():
    never = subscription(status="incomplete")

    assert last_end(account(), []) is None
    assert last_end(account(never), [never]) is None


def test_what_never_began_does_not_hold_up_the_last_end():
    one, never = canceled(), subscription(id="sub_2", status="incomplete")

    assert last_end(account(one, never), [one, never]) == END


def test_never_paid_for_as_far_as_we_know_it_ends_when_stripe_says():
    assert end(canceled(paid_until=None)) == END
