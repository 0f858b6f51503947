"""The ledger's own rules: what an entry may be, and how a changed one is found."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.domain.auditing import Kept, first_broken
from chalicelib.domain.ledger import (
    Line,
    Posting,
    Unbookable,
    Wallet,
    book,
    from_wallet,
    to_wallet,
    wallet_change,
)
from chalicelib.domain.money import LARGEST, Money
from tests.support.books import NOON, credit, debit


def posting(*lines: tuple[str, Any, str], cause: str = "c", **more) -> Posting:
    made = tuple(Line(account=account, money=Money(amount, of)) for account, amount, of in lines)
    return Posting(cause=cause, kind="k", at=NOON, lines=made, **more)


def booked(*postings: Posting):
    wallet, entries = Wallet(), []
    for one in postings:
        wallet, entry = book(wallet, one)
        entries.append(entry)
    return wallet, entries


@pytest.mark.parametrize(
    "wrong",
    [
        posting(("wallet", -1, "usd"), ("fees", 2, "usd")),
        posting(("wallet", -1, "usd"), ("fees", 1, "eur")),
        posting(("wallet", -1, "usd"), ("fees", 1, "usd"), ("wallet", 1, "eur"), ("x", -1, "eur")),
        posting(("wallet", -1.0, "usd"), ("fees", 1.0, "usd")),
        posting(("wallet", True, "usd"), ("fees", -1, "usd")),
        posting(("wallet", -(2**63), "usd"), ("fees", 2**63, "usd")),
        posting(("wallet", -LARGEST - 1, "usd"), ("fees", LARGEST + 1, "usd")),
        posting(("wallet", -1, "USD"), ("fees", 1, "USD")),
        posting(("wallet", -1, "usd\n"), ("fees", 1, "usd\n")),
        posting(("wallet", -1, ""), ("fees", 1, "")),
        posting(("wallet", -1, "usd"), ("fees", 1, "usd"), cause=""),
        posting(),
        posting(("wallet", -1, "usd"), ("fees", 1, "usd"), note={"share": 0.5}),
    ],
)
def test_what_is_no_entry_is_refused(wrong):
    with pytest.raises(Unbookable):
        book(Wallet(), wrong)


def test_a_balance_that_no_reader_of_json_keeps_exactly_is_refused():
    wallet, _ = booked(credit("a", LARGEST))

    with pytest.raises(Unbookable):
        book(wallet, credit("b", 1))
    assert book(wallet, debit("b", LARGEST))[0].balance("usd") == Money(0, "usd")


@pytest.mark.parametrize(("currency", "amount"), [("jpy", 1), ("kwd", 1234567), ("usd", 99)])
def test_minor_units_are_whole_in_every_currency(currency, amount):
    wallet, (entry,) = booked(debit("fee", amount, currency))

    assert wallet.balance(currency) == Money(-amount, currency)
    assert wallet_change(entry) == Money(-amount, currency)


def test_a_wallet_keeps_its_currencies_apart():
    wallet, _ = booked(credit("a", 500, "usd"), credit("b", 500, "jpy"), debit("c", 200, "jpy"))

    assert wallet.balances == {"usd": 500, "jpy": 300}
    assert wallet.balance("kwd") == Money(0, "kwd")


@given(st.lists(st.tuples(st.integers(1, 10**6), st.booleans(), st.sampled_from(("usd", "jpy")))))
def test_whatever_is_booked_sums_to_zero_and_the_balance_is_the_sum(moves):
    made = [
        (to_wallet if inward else from_wallet)(Money(amount, currency), "other")
        for amount, inward, currency in moves
    ]

    wallet, entries = booked(
        *(Posting(cause=f"c{n}", kind="k", at=NOON, lines=lines) for n, lines in enumerate(made))
    )

    lines = [line for entry in entries for line in entry.lines]
    for currency in ("usd", "jpy"):
        mine = [ln.money.amount for ln in lines if ln.money.currency == currency]
        held = [
            ln.money.amount
            for ln in lines
            if ln.money.currency == currency and ln.account == "wallet"
        ]
        assert sum(mine) == 0
        assert wallet.balance(currency).amount == sum(held)
    assert first_broken(wallet, *kept(entries)) is None


# -- a ledger that somebody changed


def kept(entries):
    return (
        [Kept(entry.seq, entry) for entry in entries],
        {entry.cause: entry.seq for entry in entries},
    )


def test_a_whole_ledger_is_not_broken():
    wallet, entries = booked(credit("a", 500), debit("b", 200), debit("c", 100))

    assert first_broken(wallet, *kept(entries)) is None
    assert first_broken(Wallet(), [], {}) is None


LINES = from_wallet(Money(1, "usd"), "number_fees")


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda e: replace(e, lines=LINES), "its content is not what its hash was made of"),
        (
            lambda e: replace(e, note={"number": "x"}),
            "its content is not what its hash was made of",
        ),
        (lambda e: replace(e, kind="gift"), "its content is not what its hash was made of"),
        (lambda e: replace(e, hash="f" * 64), "its content is not what its hash was made of"),
        (lambda e: replace(e, previous="f" * 64), "it does not follow from the entry before it"),
        (lambda e: replace(e, seq=7), "it carries the number 7"),
        (lambda e: None, "it cannot be read"),
    ],
)
def test_the_first_changed_entry_is_named_with_what_is_wrong(change, what):
    wallet, entries = booked(credit("a", 500), debit("b", 200), debit("c", 100))
    rows, causes = kept(entries)
    rows[1] = Kept(2, change(entries[1]))

    broken = first_broken(wallet, rows, causes)

    assert broken is not None
    assert (broken.seq, broken.what) == (2, what)


def test_an_entry_rewritten_with_its_own_hash_breaks_the_one_after_it():
    wallet, entries = booked(credit("a", 500), debit("b", 200), debit("c", 100))
    _, forged = booked(credit("a", 500), debit("b", 1))
    rows, causes = kept([entries[0], forged[1], entries[2]])

    broken = first_broken(wallet, rows, causes)

    assert broken is not None
    assert (broken.seq, broken.what) == (3, "it does not follow from the entry before it")


def test_a_ledger_rewritten_to_its_end_is_found_by_the_wallet():
    wallet, _ = booked(credit("a", 500), debit("b", 200))
    _, forged = booked(credit("a", 500), debit("b", 1))

    broken = first_broken(wallet, *kept(forged))

    assert broken is not None
    assert (broken.seq, broken.what) == (2, "the wallet remembers another hash for it")


def test_a_missing_entry_is_named():
    wallet, entries = booked(credit("a", 500), debit("b", 200), debit("c", 100))
    rows, causes = kept(entries)

    in_the_middle = first_broken(wallet, [rows[0], rows[2]], causes)
    at_the_end = first_broken(wallet, rows[:2], causes)

    assert in_the_middle is not None
    assert (in_the_middle.seq, in_the_middle.what) == (2, "it is missing")
    assert at_the_end is not None
    assert (at_the_end.seq, at_the_end.what) == (3, "it is missing")


def test_an_entry_beyond_the_wallet_and_a_wrong_balance_are_named():
    wallet, entries = booked(credit("a", 500), debit("b", 200))
    shorter, _ = booked(credit("a", 500))

    unknown = first_broken(shorter, *kept(entries))
    moved = first_broken(replace(wallet, balances={"usd": 301}), *kept(entries))
    invented = first_broken(replace(wallet, balances={"usd": 300, "eur": 1}), *kept(entries))

    assert unknown is not None
    assert (unknown.seq, unknown.what) == (2, "the wallet's balance does not know it")
    assert moved is not None
    assert (moved.seq, moved.what) == (2, "the wallet holds 301 usd, its entries sum to 300")
    assert invented is not None
    assert invented.what == "the wallet holds 1 eur, its entries sum to 0"


def test_causes_that_do_not_fit_are_named():
    wallet, entries = booked(credit("a", 500), debit("b", 200))
    rows, causes = kept(entries)

    lost = first_broken(wallet, rows, {"a": 1})
    swapped = first_broken(wallet, rows, {"a": 2, "b": 1})
    extra = first_broken(wallet, rows, {**causes, "c": 3})

    assert lost is not None
    assert (lost.seq, lost.what) == (2, "its cause b is on record for entry None")
    assert swapped is not None
    assert swapped.seq == 1
    assert extra is not None
    assert (extra.seq, extra.what) == (3, "c is on record, its entry is missing")
