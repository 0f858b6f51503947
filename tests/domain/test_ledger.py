"""M1-5 as plain calls: the wallet's double entries, and the chain that proves them."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.ledger import (
    GENESIS,
    WALLET,
    Entry,
    Line,
    Posting,
    Wallet,
    book,
    from_wallet,
    to_wallet,
    wallet_change,
)
from chalicelib.domain.money import Money
from tests.support.records import DAY, START


def usd(amount):
    return Money(amount, "usd")


def posting(*lines, **changes):
    plain = {"cause": "number_fee:+1:2026", "kind": "number_fee", "at": START}
    return Posting(**(plain | changes), lines=lines or from_wallet(usd(100), "number_fees"))


def test_a_debit_lowers_the_balance_and_may_pass_zero():
    wallet, entry = book(Wallet(), posting())

    assert wallet.balance("usd") == usd(-100)
    assert wallet_change(entry) == usd(-100)
    assert (entry.seq, entry.previous, entry.hash) == (1, GENESIS, wallet.hash)


def test_a_credit_raises_it():
    wallet, entry = book(Wallet(), posting(*to_wallet(usd(7), "messages")))

    assert wallet.balance("usd") == usd(7)
    assert {line.account: line.money.amount for line in entry.lines} == {WALLET: 7, "messages": -7}


def test_a_new_wallet_is_empty_in_every_currency():
    assert Wallet().balance("usd") == usd(0)
    assert Wallet().balance("jpy") == Money(0, "jpy")


@pytest.mark.parametrize(
    "lines",
    [
        (Line(account=WALLET, money=usd(5)),),
        (Line(account=WALLET, money=usd(5)), Line(account="messages", money=usd(-4))),
        (Line(account=WALLET, money=usd(5)), Line(account="messages", money=Money(-5, "eur"))),
        (),
    ],
)
def test_lines_that_do_not_sum_to_zero_are_refused(lines):
    with pytest.raises(ValueError):
        book(Wallet(), replace(posting(), lines=lines))


def test_a_posting_needs_a_cause():
    with pytest.raises(ValueError, match="cause"):
        book(Wallet(), posting(cause=""))


POSTINGS = st.lists(
    st.tuples(
        st.sampled_from(["usd", "eur", "jpy"]), st.integers(-(10**9), 10**9), st.text(max_size=9)
    ),
    max_size=30,
)


def booked(found) -> tuple[Wallet, list[Entry]]:
    wallet, entries = Wallet(), []
    for n, (currency, amount, origin) in enumerate(found):
        money = Money(amount, currency)
        wallet, entry = book(
            wallet, posting(*to_wallet(money, f"x{origin}"), cause=f"{n}", at=START + n * DAY)
        )
        entries.append(entry)
    return wallet, entries


@given(POSTINGS)
def test_the_balance_is_the_sum_of_the_entries(found):
    """Invariant 1."""
    wallet, entries = booked(found)

    for currency in ("usd", "eur", "jpy"):
        changes = [c for c in map(wallet_change, entries) if c.currency == currency]
        assert wallet.balance(currency) == sum(changes, Money(0, currency))
    for entry in entries:
        assert sum(line.money.amount for line in entry.lines) == 0


@given(POSTINGS)
def test_each_entry_holds_the_hash_of_the_one_before(found):
    wallet, entries = booked(found)

    hashes = [GENESIS, *(entry.hash for entry in entries)]
    assert [entry.previous for entry in entries] == hashes[:-1]
    assert wallet.hash == hashes[-1]
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    assert len(set(hashes)) == len(hashes)


@pytest.mark.parametrize(
    "changes",
    [
        {"cause": "another"},
        {"kind": "another"},
        {"at": START + DAY},
        {"note": {"number": "+1"}},
        {"lines": from_wallet(usd(101), "number_fees")},
        {"lines": from_wallet(usd(100), "elsewhere")},
        {"lines": from_wallet(Money(100, "eur"), "number_fees")},
    ],
)
def test_whatever_is_changed_afterwards_breaks_the_hash(changes):
    _, true = book(Wallet(), posting())

    _, forged = book(Wallet(), replace(posting(), **changes))

    assert forged.hash != true.hash


def test_an_earlier_entry_that_is_changed_breaks_every_later_hash():
    honest, _ = book(Wallet(), posting())
    forged, _ = book(Wallet(), posting(cause="another"))

    assert book(honest, posting(cause="2"))[1].hash != book(forged, posting(cause="2"))[1].hash
