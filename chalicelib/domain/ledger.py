"""M1-5: the prepaid wallet, apart from every plan invoice. A double-entry ledger, append-only and hash-chained.

Each entry is booked under its business cause, once. Its lines sum to zero per currency; the wallet's balance is the
sum of the lines on `wallet`. The wallet may go below zero: that is a balance due (SC-6).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.domain.moments import rfc3339
from chalicelib.domain.money import Money

WALLET = "wallet"
GENESIS = "0" * 64


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
    note: Mapping[str, object]
    previous: str
    hash: str


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
    """The wallet after the posting, and its entry. Raises ValueError when the lines do not balance."""
    sums = _sums(posting.lines)
    if not posting.cause or not posting.lines or any(sums.values()):
        raise ValueError("a posting needs a cause, and lines that sum to zero per currency")
    seq = wallet.seq + 1
    digest = _digest(wallet.hash, seq, posting)
    entry = Entry(
        seq=seq,
        cause=posting.cause,
        kind=posting.kind,
        at=posting.at,
        lines=posting.lines,
        note=posting.note,
        previous=wallet.hash,
        hash=digest,
    )
    mine = _sums(tuple(line for line in posting.lines if line.account == WALLET))
    balances = {**wallet.balances}
    for currency, amount in mine.items():
        balances[currency] = balances.get(currency, 0) + amount
    return Wallet(seq=seq, hash=digest, balances=balances), entry


def wallet_change(entry: Entry) -> Money:
    """What the entry did to the wallet (an entry is in one currency)."""
    mine = [line.money for line in entry.lines if line.account == WALLET]
    return sum(mine[1:], mine[0])


def _sums(lines: tuple[Line, ...]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for line in lines:
        sums[line.money.currency] = sums.get(line.money.currency, 0) + line.money.amount
    return sums


def _digest(previous: str, seq: int, posting: Posting) -> str:
    said = {
        "previous": previous,
        "seq": seq,
        "cause": posting.cause,
        "kind": posting.kind,
        "at": rfc3339(posting.at),
        "lines": [[ln.account, ln.money.amount, ln.money.currency] for ln in posting.lines],
        "note": posting.note,
    }
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
