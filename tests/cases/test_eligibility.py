"""What would be paid back, in whole minor units of whatever currency; and what Stripe kept, in the payment's own."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.money import LARGEST, Money
from chalicelib.domain.policy import Refunds
from chalicelib.domain.refunds import (
    ChargeAtStripe,
    NotPayable,
    PaidPeriod,
    TooMuch,
    of_period,
    of_top_up,
    to_pay,
)
from chalicelib.gateways.money_reader import fee_of
from chalicelib.policies import Policies

NOW = datetime(2026, 2, 1, tzinfo=UTC)
ONE_MSG = Policies().get("1msg")


def charge(paid=4900, refunded=0, fee: int | None = 172, currency="usd") -> ChargeAtStripe:
    return ChargeAtStripe(
        id="ch_1",
        customer_id="cus_1",
        payment_intent="pi_1",
        paid=Money(paid, currency),
        refunded=Money(refunded, currency),
        fee=None if fee is None else Money(fee, currency),
        disputed=False,
    )


def found(one: ChargeAtStripe | None, *, used=False, policy=ONE_MSG, until=NOW + timedelta(days=9)):
    paid = one.paid if one else Money(4900, "usd")
    period = PaidPeriod(invoice_id="in_1", covers_until=until, paid=paid, charge=one)
    return of_period(period, used=used, policy=policy, currency="usd", now=NOW)


@pytest.mark.parametrize(
    ("paid", "refunded", "fee", "payable", "reasons"),
    [
        (4900, 0, 172, 4228, ()),
        (4900, 4228, 172, 0, ("nothing_left",)),
        (4900, 4900, 172, 0, ("already_refunded",)),
        (673, 0, 172, 1, ()),
        (672, 0, 172, 0, ("nothing_left",)),
        (0, 0, 0, 0, ("already_refunded",)),
        (LARGEST, 0, 0, LARGEST - 500, ()),
        (4900, 0, None, 0, ("fee_unknown",)),
    ],
)
def test_payable_is_never_below_nothing(paid, refunded, fee, payable, reasons):
    one = found(charge(paid, refunded, fee))

    assert (one.payable.amount, one.reasons) == (payable, reasons)


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**6), st.integers(0, 10**6))
def test_whatever_was_paid_no_more_goes_back_than_is_left(paid, refunded, fee, set_up):
    policy = replace(ONE_MSG, refunds=replace(ONE_MSG.refunds, set_up_fee_minor=set_up))

    one = found(charge(paid, min(refunded, paid), fee), policy=policy)

    assert 0 <= one.payable.amount <= max(0, paid - min(refunded, paid) - set_up)
    assert one.eligible is (one.payable.amount > 0)


@pytest.mark.parametrize(
    ("currency", "paid", "fee", "payable"),
    [("jpy", 5000, 180, 4320), ("kwd", 15_000, 600, 13_900), ("usd", 4900, 172, 4228)],
)
def test_zero_and_three_decimal_currencies_are_whole_units_like_any_other(
    currency, paid, fee, payable
):
    one = found(charge(paid, 0, fee, currency))

    assert one.payable == Money(payable, currency)
    assert {one.paid.currency, one.set_up_fee.currency, one.stripe_fee.currency} == {currency}


def test_a_policy_that_deducts_no_stripe_fee_needs_not_know_it():
    policy = replace(ONE_MSG, refunds=Refunds(kind="zero_usage", set_up_fee_minor=100))

    assert found(charge(fee=None), policy=policy).payable.amount == 4800


def test_what_was_not_paid_by_one_card_payment_is_left_to_a_person():
    one = found(None)

    assert (one.reasons, one.paid.amount, one.payable.amount) == (("paid_otherwise",), 4900, 0)


@pytest.mark.parametrize("balance", [-5, 0, 1, 4999, 5000, 9000])
def test_of_a_top_up_goes_back_what_is_still_there(balance):
    one = of_top_up(charge(5000), Money(balance, "usd"), ONE_MSG)

    assert one.payable.amount == max(0, min(5000, balance))
    assert one.reasons == (() if balance > 0 else ("spent",))


@pytest.mark.parametrize(
    "asked", [Money(0, "usd"), Money(-1, "usd"), Money(4229, "usd"), Money(1, "eur")]
)
def test_an_amount_beyond_what_is_payable_is_refused(asked):
    with pytest.raises(TooMuch):
        to_pay(found(charge()), asked)


def test_what_is_not_eligible_cannot_be_approved():
    with pytest.raises(NotPayable):
        to_pay(found(charge(), used=True), Money(1, "usd"))


@pytest.mark.parametrize(
    ("transaction", "fee"),
    [
        ({"fee": 172, "amount": 4900, "currency": "usd"}, 172),
        # Settled in another currency: in the same proportion, and never more than was kept.
        ({"fee": 160, "amount": 4500, "currency": "eur"}, 174),
        ({"fee": 25, "amount": 740, "currency": "jpy"}, 165),
        ({"fee": 0, "amount": 4900, "currency": "usd"}, 0),
        ({"fee": 5, "amount": 0, "currency": "eur"}, None),
        ("txn_1", None),
        (None, None),
    ],
)
def test_the_fee_is_told_in_the_currency_of_the_payment(transaction, fee):
    read = fee_of(transaction, Money(4900, "usd"))

    assert read == (None if fee is None else Money(fee, "usd"))
