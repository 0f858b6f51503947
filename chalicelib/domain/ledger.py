"""M1-5: the prepaid wallet, apart from every plan invoice. A double-entry ledger, append-only and hash-chained.

Each entry is booked under its business cause, once, and is in one currency. Its lines sum to zero; the wallet's balance
is the sum of the lines on `wallet`. The wallet may go below zero: that is a balance due (SC-6).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chalicelib.domain.moments import rfc3339
from chalicelib.domain.money import LARGEST, Money

WALLET = "wallet"
GENESIS = "0" * 64
CURRENCY = re.compile("[a-z]{3}")
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode


class Unbookable(ValueError):
    """The posting is no posting: its amounts, its currency, its sum, or the balance it would lead to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    account: str
    """`wallet` is the customer's; the others are ours (`number_fees`, `messages`, …)."""
    money: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """What is to be booked. `cause` is the business fact it follows from; it is booked once."""

    cause: str
    kind: str
    at: datetime
    lines: tuple[Line, ...]
    note: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    seq: int
    cause: str
    kind: str
    at: datetime
    lines: tuple[Line, ...]
    previous: str
    hash: str
    note: Mapping[str, object] = field(default_factory=dict)

    @property
    def posting(self) -> Posting:
        """What was booked, without its place in the chain."""
        return Posting(
            cause=self.cause, kind=self.kind, at=self.at, lines=self.lines, note=self.note
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Wallet:
    seq: int = 0
    hash: str = GENESIS
    balances: Mapping[str, int] = field(default_factory=dict)

    def balance(self, currency: str) -> Money:
        return Money(self.balances.get(currency, 0), currency)


def from_wallet(money: Money, to: str) -> tuple[Line, ...]:
    """The customer pays us."""
    return (Line(account=WALLET, money=-money), Line(account=to, money=money))


def to_wallet(money: Money, origin: str) -> tuple[Line, ...]:
    """We credit the customer."""
    return (Line(account=WALLET, money=money), Line(account=origin, money=-money))


def book(wallet: Wallet, posting: Posting) -> tuple[Wallet, Entry]:
    """The wallet after the posting, and its entry. Raises Unbookable."""
    wrong = what_is_wrong(posting)
    if wrong is not None:
        raise Unbookable(wrong)
    seq = wallet.seq + 1
    note = _plain(posting.note)
    entry = Entry(
        seq=seq,
        cause=posting.cause,
        kind=posting.kind,
        at=posting.at,
        lines=posting.lines,
        note=note,
        previous=wallet.hash,
        hash=digest(wallet.hash, seq, posting),
    )
    return Wallet(seq=seq, hash=entry.hash, balances=_moved(wallet.balances, entry)), entry


def what_is_wrong(posting: Posting) -> str | None:
    """Why this cannot be an entry, in a sentence; None when it can."""
    amounts = [line.money.amount for line in posting.lines]
    currencies = {line.money.currency for line in posting.lines}
    if not posting.cause or not posting.lines:
        return "an entry needs a cause and lines"
    if any(type(amount) is not int or abs(amount) > LARGEST for amount in amounts):
        return "an amount is a whole number of minor units, at most 2^53 - 1"
    if len(currencies) != 1 or not all(CURRENCY.fullmatch(currency) for currency in currencies):
        return "an entry is in one currency, such as usd"
    if sum(amounts):
        return f"its lines sum to {sum(amounts)}, not to zero"
    return None


def wallet_change(entry: Entry) -> Money:
    """What the entry did to the wallet."""
    mine = [line.money for line in entry.lines if line.account == WALLET]
    return sum(mine, Money(0, entry.lines[0].money.currency))


def digest(previous: str, seq: int, posting: Posting) -> str:
    """The hash that ties an entry to all before it. Every word of the entry is in it."""
    said = {
        "previous": previous,
        "seq": seq,
        "cause": posting.cause,
        "kind": posting.kind,
        "at": rfc3339(posting.at),
        "lines": [[ln.account, ln.money.amount, ln.money.currency] for ln in posting.lines],
        "note": _plain(posting.note),
    }
    return hashlib.sha256(_canonical(said).encode()).hexdigest()


def _moved(balances: Mapping[str, int], entry: Entry) -> dict[str, int]:
    change = wallet_change(entry)
    balance = balances.get(change.currency, 0) + change.amount
    if abs(balance) > LARGEST:
        raise Unbookable("the balance would leave what every reader of JSON keeps exactly")
    return {**balances, change.currency: balance}


def _plain(note: Any) -> Any:
    """The note as the table keeps it: without what is empty, so that the hash still holds when it is read again."""
    if isinstance(note, Mapping):
        kept = {name: _plain(value) for name, value in note.items()}
        return {name: value for name, value in kept.items() if value not in (None, {}, [])}
    if isinstance(note, list | tuple):
        return [_plain(value) for value in note]
    if note is None or isinstance(note, str | int):
        return note
    raise Unbookable("a note holds texts, whole numbers and lists of them")
