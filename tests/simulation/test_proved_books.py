"""A ledger is proved from where it was proved before; a change in what was proved is seen all the same."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from chalicelib.domain.ledger import Entry, Posting, Wallet, book, to_wallet
from chalicelib.domain.money import Money
from tests.support.invariants import Books, _booked

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def ledger(length: int) -> list[Entry]:
    wallet, entries = Wallet(), []
    for n in range(length):
        lines = to_wallet(Money(100, "usd"), "revenue:top_ups")
        wallet, entry = book(
            wallet, Posting(cause=f"top_up:{n}", kind="top_up", at=NOW, lines=lines)
        )
        entries.append(entry)
    return entries


def test_what_comes_after_what_was_proved_is_proved_as_from_the_beginning() -> None:
    entries = ledger(4)

    assert _booked(entries, _booked(entries[:2], None)) == _booked(entries, None)
    assert _booked(entries, None).balances == {"usd": 400}


@pytest.mark.parametrize("at", range(4))
def test_a_changed_entry_breaks_the_chain_wherever_it_is(at: int) -> None:
    entries = ledger(4)
    proved = _booked(entries[:2], None)
    entries[at] = replace(entries[at], kind="correction")

    with pytest.raises(AssertionError, match=f"breaks at {at + 1}"):
        _booked(entries, proved)


def test_an_entry_that_is_gone_is_missed() -> None:
    entries = ledger(4)
    proved = _booked(entries, None)

    with pytest.raises(AssertionError):
        _booked(entries[1:], proved)
    assert _booked(entries[:3], proved).wallet.seq == 3
    assert _booked([], proved) == Books()
