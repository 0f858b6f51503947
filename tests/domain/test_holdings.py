"""Numbers and registrations as plain calls: they come and go, and the account only counts them."""

from dataclasses import replace

import pytest

from chalicelib.domain import facts
from chalicelib.domain.account import Account
from chalicelib.domain.decide import decide
from chalicelib.domain.decision import Decision, NumberClaimed, NumberFreed
from chalicelib.domain.steps import Step
from tests.support.records import (
    DAY,
    END,
    NEXT_END,
    POLICY,
    START,
    account,
    at,
    ended,
    number,
    registration,
    steps_of,
    subscription,
)

NOW = START + DAY


def told(known: Account, fact: facts.Fact) -> Decision:
    return decide(known, fact, POLICY, NOW)


def test_a_new_number_is_counted_claimed_and_its_fee_dated():
    decision = told(account(next_fee_at=NEXT_END), facts.NumberPut(number=number(), existing=None))

    assert (decision.account.numbers, decision.account.next_fee_at) == (1, END)
    assert decision.also == (number(), NumberClaimed("+14155550100"))


def test_a_number_put_again_takes_the_new_fee_and_keeps_its_cycle():
    again = number(monthly_fee=replace(number().monthly_fee, amount=150), bought_at=NOW)

    decision = told(account(numbers=1), facts.NumberPut(number=again, existing=number()))

    (kept,) = decision.also
    assert decision.account.numbers == 1
    assert kept == number(monthly_fee=again.monthly_fee)


def test_a_number_that_was_released_and_bought_again_is_new():
    gone = number(state="released", released_at=START)

    decision = told(account(), facts.NumberPut(number=number(), existing=gone))

    assert decision.account.numbers == 1
    assert NumberClaimed("+14155550100") in decision.also


def test_a_number_bought_after_the_others_were_released_will_be_released_too():
    known = account(ended(), done={"numbers_released": at("2026-03-14T12:00:00Z")})

    after = told(known, facts.NumberPut(number=number(), existing=None)).account

    assert steps_of(after)["numbers_released"] == at("2026-03-14T12:00:00Z")


def test_a_wish_to_remove_is_due_at_once_and_asked_once():
    decision = told(account(numbers=1), facts.NumberRemovalAsked(number=number()))

    assert steps_of(decision.account) == {"number_removed:+14155550100": NOW}
    assert decision.also == (number(state="removing"),)
    gone = facts.NumberRemovalAsked(number=number(state="released"))
    assert told(account(), gone).what is None


def test_the_intent_is_written_down_before_the_carrier_is_called():
    release = Step("numbers_released", END)

    decision = told(account(ended(), numbers=1), facts.CarrierCalled(thing=number(), step=release))

    assert decision.account.in_flight == {"number#+14155550100": NOW}
    assert decision.account.numbers == 1
    assert decision.also == (number(state="releasing"),)


def test_a_released_number_is_nobody_s_any_more():
    known = account(
        ended(), numbers=2, removals={"+14155550100": START, "+1": START},
        in_flight={"number#+14155550100": NOW},
    )  # fmt: skip

    decision = told(known, facts.CarrierDone(thing=number(state="releasing")))

    assert (decision.account.numbers, decision.account.removals) == (1, {"+1": START})
    assert decision.account.in_flight == {}
    assert decision.also == (
        number(state="released", released_at=NOW),
        NumberFreed("+14155550100"),
    )


def test_a_number_the_carrier_kept_is_the_customer_s_again_with_its_fee():
    known = account(
        subscription(), numbers=1, in_flight={"number#+14155550100": NOW}, next_fee_at=None
    )

    decision = told(known, facts.CarrierKept(thing=number(state="releasing")))

    assert decision.account.in_flight == {}
    assert decision.account.next_fee_at == END
    assert decision.also == (number(),)


@pytest.mark.parametrize(
    ("withdrawn", "state", "ends_as"),
    [(False, "active", "lapsed"), (True, "active", "withdrawn"), (True, "pending", "declined")],
)
def test_how_a_registration_ended(withdrawn, state, ends_as):
    withdrawals = {"R1": START} if withdrawn else {}
    known = account(ended(), registrations=1, withdrawals=withdrawals)

    decision = told(known, facts.CarrierDone(thing=registration(state=state)))

    assert decision.also == (registration(state=ends_as, ended_at=NOW),)
    assert (decision.account.registrations, decision.account.withdrawals) == (0, {})
    assert decision.what == f"registration.{ends_as}"


def test_only_what_is_registered_at_a_carrier_is_counted():
    sign_up = registration(kind="sign_up", state="pending")

    assert (
        told(
            account(), facts.RegistrationPut(registration=sign_up, existing=None)
        ).account.registrations
        == 0
    )


def test_a_registration_that_was_declined_is_counted_no_more():
    known = account(registrations=1)
    declined = registration(state="declined")

    decision = told(known, facts.RegistrationPut(registration=declined, existing=registration()))

    assert decision.account.registrations == 0


def test_a_registration_after_the_others_lapsed_will_lapse_too():
    lapse = at("2026-03-30T12:00:00Z")
    known = account(ended(), done={"registrations_lapse": lapse})

    after = told(known, facts.RegistrationPut(registration=registration(), existing=None)).account

    assert steps_of(after)["registrations_lapse"] == lapse
