"""SC-7, SC-8: a released number is had back: for whom, and what it is then."""

from dataclasses import replace

import pytest

from chalicelib.domain import facts
from chalicelib.domain.account import Tally
from chalicelib.domain.decide import decide
from chalicelib.domain.decision import NumberClaimed
from chalicelib.domain.recovering import CannotRecover
from chalicelib.domain.steps import Step
from tests.support.records import (
    DAY,
    END,
    POLICY,
    START,
    account,
    at,
    ended,
    number,
    steps_of,
    subscription,
)

NOW = END + 15 * DAY
GONE = number(state="released", released_at=END + 14 * DAY, given_up=True)
BACK = subscription(
    id="sub_2",
    started_at=NOW,
    period_start=NOW,
    period_end=NOW + 30 * DAY,
    paid_until=NOW + 30 * DAY,
)
ASKED = facts.NumberRecoveryAsked(number=GONE, reason="by mistake")


def told(known, fact, now=NOW):
    return decide(known, fact, POLICY, now)


def test_the_wish_is_a_step_of_its_own_due_at_once():
    decision = told(account(ended(), BACK), ASKED)

    assert steps_of(decision.account)["number_recovered:+14155550100"] == NOW
    assert decision.account.numbers == 0
    assert (decision.what, decision.also) == ("number.recovery_asked", ())


def test_asking_twice_is_once():
    once = told(account(ended(), BACK), ASKED).account

    assert told(once, ASKED, NOW + DAY).what is None


@pytest.mark.parametrize("plans", [(), (ended(),), (subscription(status="incomplete"),)])
def test_without_a_live_plan_nothing_is_asked_for(plans):
    """Judged when it is saved: a plan may have ended since somebody looked."""
    with pytest.raises(CannotRecover) as refused:
        told(account(*plans), ASKED)

    assert refused.value.code == "no_live_plan"


def test_what_the_account_has_is_not_asked_for():
    held = facts.NumberRecoveryAsked(number=number(), reason="by mistake")

    assert told(account(BACK), held).what is None


def test_had_back_it_is_counted_claimed_and_charged_from_its_next_date_on():
    asked = told(account(ended(), BACK, next_fee_at=None), ASKED).account

    decision = told(asked, facts.NumberRecovered(number=GONE, provider_id="PN2"))

    assert (decision.account.numbers, decision.account.recoveries) == (1, {})
    back, claimed = decision.also
    assert claimed == NumberClaimed("+14155550100")
    assert (back.state, back.provider_id, back.released_at) == ("active", "PN2", None)
    assert (back.given_up, back.bought_at, back.known_since) == (False, START, NOW)
    assert back.next_fee_at == decision.account.next_fee_at == at("2026-03-31T12:00:00Z")


def test_had_back_it_will_be_released_again_though_the_release_was_done_for_that_date():
    """The plan that it was had back for is gone a moment later: SC-8 counts from the end there was."""
    released = account(
        ended(), recoveries={GONE.e164: NOW}, done={"numbers_released": END + 14 * DAY}
    )
    assert "numbers_released" not in steps_of(released)

    decision = told(released, facts.NumberRecovered(number=GONE, provider_id="PN2"))

    assert steps_of(decision.account)["numbers_released"] == END + 14 * DAY


def test_put_anew_in_the_meantime_it_is_not_counted_twice():
    asked = told(account(ended(), BACK), ASKED).account
    put = told(asked, facts.NumberPut(number=number(known_since=NOW), existing=GONE)).account
    assert (put.numbers, put.recoveries) == (1, {})

    late = told(put, facts.NumberRecovered(number=number(), provider_id="PN2"))

    assert late.what is None


def test_a_refusal_of_the_carriers_ends_the_wish():
    asked = told(account(ended(), BACK), ASKED).account
    refused = facts.NumberNotRecovered(e164=GONE.e164, why="not_recoverable")

    decision = told(asked, refused)

    assert decision.account.recoveries == {}
    assert decision.data["reason"] == "not_recoverable"
    assert told(decision.account, refused).what is None


# -- how many a release has given up: what a customer who returns is told


RELEASE = Step("numbers_released", END + 14 * DAY)


def given_up(known, *numbers, step=RELEASE):
    for one in numbers:
        known = told(known, facts.CarrierDone(thing=one, step=step)).account
    return known.given_up


def test_each_number_counts_once_and_only_for_its_own_release():
    two = number(e164="+14155550101")
    first = account(ended(), numbers=3)

    assert given_up(first, number(), two) == {"numbers_released": Tally(due=RELEASE.due, count=2)}
    again = replace(first, given_up=given_up(first, number(), two))
    assert given_up(again, GONE) == again.given_up
    later = Step("numbers_released", END + 60 * DAY)
    assert given_up(again, number(), step=later) == {
        "numbers_released": Tally(due=later.due, count=1)
    }


def test_what_somebody_removed_is_nothing_that_was_given_up():
    known = account(BACK, numbers=1, removals={GONE.e164: NOW})

    decision = told(known, facts.CarrierDone(thing=number(state="removing")))

    assert decision.account.given_up == {}
    assert decision.also[0].given_up is False
