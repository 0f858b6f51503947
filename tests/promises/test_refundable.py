"""M1-7, M1-14: which payment may be asked back, and how much of it."""

import pytest

from tests.support.cases import (
    ACME,
    DAY,
    PAYABLE,
    PERIOD_END,
    SECOND,
    ask,
    asked,
    decide,
    in_force,
    newest_charge,
    onemsg,
    refunds,
    sent_a_message,
    use,
)
from tests.support.life import START, Life
from tests.support.rewriting import promise_anew
from tests.support.smarter_contact import ONE


def eligibility(life: Life, subscription: str) -> dict:
    return ask(life, subscription).body["eligibility"]


def codes(found: dict) -> list[str]:
    return [one["code"] for one in found["reasons"]]


def test_a_subscription_that_was_never_used_may_be_asked_back_less_two_deductions():
    """M1-7: "a fixed fee will be deducted equivalent to the WABA Number Setup/Hosting costs … Non-refundable Stripe
    processing fees will also be deducted from the refund amount."."""
    life, channel = onemsg()

    made = ask(life, channel, comment="We never started.")

    assert made.status == 201
    found = made.body["eligibility"]
    assert (found["eligible"], found["reasons"]) == (True, [])
    assert found["paid"] == {"amount": 4900, "currency": "usd"}
    assert found["already_refunded"]["amount"] == 0
    assert [(one["code"], one["amount"]["amount"]) for one in found["deductions"]] == [
        ("setup_fee", 500),
        ("stripe_fee", 172),
    ]
    assert found["payable"] == {"amount": PAYABLE, "currency": "usd"}
    assert made.body["kind"] == "refund"
    assert (made.body["state"], made.body["decision"]) == ("open", None)
    assert made.body["comment"] == "We never started."


USES = {
    "no messages sent": sent_a_message,
    "no templates created": use,
    "no numbers connected": lambda life: life.number(ACME, ONE),
    "no other platform activities performed": lambda life: use(life, "login"),
}


@pytest.mark.parametrize("promise", USES)
def test_any_use_ends_the_right_to_a_refund(promise):
    """M1-7: "no messages sent, no templates created, no numbers connected, and no other platform activities
    performed"."""
    life, channel = onemsg()
    USES[promise](life)

    found = eligibility(life, channel)

    assert (found["eligible"], codes(found)) == (False, ["used"])
    assert found["payable"]["amount"] == 0
    assert found["paid"]["amount"] == 4900


def test_what_happened_before_the_subscription_is_no_use_of_it():
    life = Life()
    life.account(ACME, "1msg")
    use(life)
    life.move(START + SECOND)
    channel = life.subscribe(ACME, "1msg:channel:month")

    assert eligibility(life, channel)["eligible"] is True


@pytest.mark.parametrize(("after", "eligible"), [(0, False), (40, False)])
def test_zero_usage_is_judged_over_the_whole_life_of_the_subscription(after, eligible):
    """M1-7: used in its first month, it stays used when a later month was not."""
    life, channel = onemsg()
    use(life)
    life.move(START + after * DAY)

    assert eligibility(life, channel)["eligible"] is eligible


def test_the_newest_paid_period_is_what_may_be_paid_back():
    """M1-14: earlier periods are "fully rendered"."""
    life, channel = onemsg()
    life.move(PERIOD_END + 2 * DAY)
    case = asked(life, channel)

    paid = decide(life, case)

    assert paid.status == 200, paid.body
    assert [one["charge"] for one in refunds(life)] == [newest_charge(life)]
    assert in_force(life) == [PAYABLE]


@pytest.mark.parametrize(
    ("at", "reasons"), [(PERIOD_END - SECOND, []), (PERIOD_END, ["period_over"])]
)
def test_there_is_no_claim_for_a_period_that_is_over(at, reasons):
    """M1-14: "After the end of the paid period without further payment, services for that period are deemed fully
    rendered"."""
    life, channel = onemsg()
    life.cancel(ACME, channel)
    life.move(at)

    assert codes(eligibility(life, channel)) == reasons


def test_a_smaller_fee_at_stripe_makes_a_larger_refund():
    """M1-7: Stripe's actual fee is deducted, as its balance transaction says, not a rate of ours."""
    life, channel = onemsg()
    world = life.emulator._world
    (transaction,) = [one for one in world.all("balance_transaction") if one["type"] == "charge"]
    world.change(transaction, fee=1)

    assert eligibility(life, channel)["payable"]["amount"] == 4900 - 500 - 1


def test_deductions_above_the_payment_leave_nothing_and_no_debt():
    """M1-7: `payable = max(0, …)`."""
    life, channel = onemsg()
    promise_anew(life, "1msg", ("set_up_fee_minor = 500", "set_up_fee_minor = 4800"))

    found = eligibility(life, channel)

    assert (codes(found), found["payable"]["amount"]) == (["nothing_left"], 0)


@pytest.mark.parametrize(("refunded", "payable"), [(1, PAYABLE - 1), (4227, 1), (4228, 0)])
def test_what_was_refunded_already_is_not_refunded_again(refunded, payable):
    """M1-7: `paid − already refunded − …`, whoever refunded it."""
    life, channel = onemsg()
    life.stripe("POST", "/v1/refunds", f"charge={newest_charge(life)}&amount={refunded}")

    found = eligibility(life, channel)

    assert found["already_refunded"]["amount"] == refunded
    assert found["payable"]["amount"] == payable
    assert found["eligible"] is (payable > 0)
