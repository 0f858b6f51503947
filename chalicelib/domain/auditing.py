"""OS-4, M1-5: is the ledger what was booked? Recomputes every hash, sum and balance, and names the first that is wrong.

It reads what it is handed and changes nothing; where the rows come from is the store's matter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from chalicelib.domain.ledger import GENESIS, Entry, Wallet, digest, wallet_change, what_is_wrong


@dataclass(frozen=True, slots=True)
class Kept:
    """An entry as the table has it: under which number, and None when nobody can read it."""

    place: int
    entry: Entry | None


@dataclass(frozen=True, slots=True)
class Broken:
    """The first entry that is not what was booked, and what is wrong with it."""

    seq: int
    what: str


def first_broken(
    wallet: Wallet, entries: Iterable[Kept], causes: Mapping[str, int]
) -> Broken | None:
    """`entries` from the first on, `causes` as they are on record: cause → the number of its entry."""
    hash_, balances = GENESIS, Counter[str]()
    last = 0
    for kept in entries:
        wrong = _wrong(kept, last + 1, hash_, causes)
        if wrong is not None:
            return wrong
        assert kept.entry is not None
        last, hash_ = kept.place, kept.entry.hash
        change = wallet_change(kept.entry)
        balances[change.currency] += change.amount
    return _wrong_at_the_end(wallet, last, hash_, balances, causes)


def _wrong(kept: Kept, seq: int, previous: str, causes: Mapping[str, int]) -> Broken | None:
    entry = kept.entry
    if kept.place != seq:
        return Broken(seq, "it is missing")
    if entry is None:
        return Broken(seq, "it cannot be read")
    if entry.seq != seq:
        return Broken(seq, f"it carries the number {entry.seq}")
    if entry.previous != previous:
        return Broken(seq, "it does not follow from the entry before it")
    if digest(previous, seq, entry.posting) != entry.hash:
        return Broken(seq, "its content is not what its hash was made of")
    said = what_is_wrong(entry.posting)
    if said is not None:
        return Broken(seq, said)
    if causes.get(entry.cause) != seq:
        return Broken(
            seq, f"its cause {entry.cause} is on record for entry {causes.get(entry.cause)}"
        )
    return None


def _wrong_at_the_end(
    wallet: Wallet, last: int, hash_: str, sums: Mapping[str, int], causes: Mapping[str, int]
) -> Broken | None:
    if wallet.seq > last:
        return Broken(last + 1, "it is missing")
    if wallet.seq < last:
        return Broken(wallet.seq + 1, "the wallet's balance does not know it")
    if wallet.hash != hash_:
        return Broken(last, "the wallet remembers another hash for it")
    for currency in sorted({*sums, *wallet.balances}):
        kept, sum_ = wallet.balances.get(currency, 0), sums.get(currency, 0)
        if kept != sum_:
            return Broken(last, f"the wallet holds {kept} {currency}, its entries sum to {sum_}")
    if len(causes) != last:
        extra = min((c for c, seq in causes.items() if seq > last), default="a cause")
        return Broken(last + 1, f"{extra} is on record, its entry is missing")
    return None
