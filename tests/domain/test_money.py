"""Whole minor units with a currency."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.money import Money, total

AMOUNTS = st.integers(-(10**12), 10**12)


@given(st.lists(AMOUNTS))
def test_a_total_is_exact_in_any_order(amounts):
    money = [Money(amount, "usd") for amount in amounts]

    assert total(money, "usd") == total(money[::-1], "usd") == Money(sum(amounts), "usd")


@given(AMOUNTS, AMOUNTS)
def test_taking_away_what_was_added_gives_what_was(one, other):
    assert Money(one, "usd") + Money(other, "usd") - Money(other, "usd") == Money(one, "usd")
    assert -Money(one, "usd") == Money(-one, "usd")


def test_two_currencies_do_not_add():
    with pytest.raises(ValueError, match="eur does not add to usd"):
        Money(1, "usd") + Money(1, "eur")
    with pytest.raises(ValueError, match="does not add"):
        Money(1, "usd") - Money(1, "jpy")
