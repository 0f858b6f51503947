"""Numbers and scheduled messages from another system, out of CSV files.

Every line is read and judged before anything is written. A bad one is named by its number and the reason, and keeps
the whole file out unless it is said to skip such lines. What is written may be written again: a file that was
interrupted is simply given once more.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TextIO

from chalicelib import scheduling
from chalicelib.domain.account import Account
from chalicelib.domain.facts import NumberPut
from chalicelib.domain.ledger import Posting, to_wallet
from chalicelib.domain.messages import CHANNELS, ScheduledMessage
from chalicelib.domain.moments import from_rfc3339
from chalicelib.domain.money import Money
from chalicelib.domain.number_fees import E164, Number, cycle_of, first_fee_at
from chalicelib.lifecycle import tell
from chalicelib.store import accounts, holdings, wallet
from chalicelib.wiring import World

BY = "backfill"
NUMBER_COLUMNS = ("account_id", "number", "provider", "provider_id", "monthly_fee", "currency",
                  "bought_at")  # fmt: skip
MESSAGE_COLUMNS = ("account_id", "id", "channel", "send_at", "price", "currency")
DEAREST = 10**9


class Bad(Exception):
    """A line that cannot be taken. The message says why."""


@dataclass(frozen=True, slots=True)
class BadLine:
    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Line:
    line: int
    account: Account
    thing: Any


@dataclass(slots=True)
class Sheet:
    """A file as it was read: what can be taken, and what cannot."""

    good: list[Line] = field(default_factory=list)
    bad: list[BadLine] = field(default_factory=list)


Read = Callable[[World, Account, dict[str, str]], Any]


def read(world: World, file: TextIO, columns: Sequence[str], one: Read, key: str) -> Sheet:
    """Raises Bad when it is no such file at all."""
    rows = csv.DictReader(file, strict=True)
    head = _head(rows)
    missing = [name for name in columns if name not in head]
    if missing:
        raise Bad(f"the first line must name the columns; missing: {', '.join(missing)}")
    sheet, known, first = Sheet(), dict[str, Account | None](), dict[str, int]()
    for line, row in _lines(rows):
        try:
            plain = {name: (row.get(name) or "").strip() for name in columns}
            if None in row:
                raise Bad("more values than columns")
            thing = one(world, _account(world, known, plain["account_id"]), plain)
            before = first.setdefault(plain[key], line)
            if before != line:
                raise Bad(f"{key} {plain[key]} stands in line {before} already")
            account = known[plain["account_id"]]
            assert account is not None
            sheet.good.append(Line(line, account, thing))
        except Bad as bad:
            sheet.bad.append(BadLine(line, str(bad)))
    return sheet


def _head(rows: csv.DictReader[str]) -> Sequence[str]:
    try:
        return rows.fieldnames or ()
    except csv.Error as error:
        raise Bad(f"the first line is no CSV: {error}") from error


def _lines(rows: csv.DictReader[str]) -> Iterator[tuple[int, dict[Any, Any]]]:
    try:
        for row in rows:
            yield rows.line_num, row
    except csv.Error as error:
        raise Bad(f"line {rows.line_num} is no CSV: {error}") from error


def _account(world: World, known: dict[str, Account | None], account_id: str) -> Account:
    if not account_id:
        raise Bad("account_id is empty")
    _must_be_id(account_id, "account_id")
    if account_id not in known:
        loaded = accounts.load(world.table, account_id)
        known[account_id] = loaded.account if loaded else None
    account = known[account_id]
    if account is None:
        raise Bad(f"there is no account {account_id}")
    return account


def number(world: World, account: Account, row: dict[str, str]) -> Number:
    now, e164 = world.clock.now(), row["number"]
    if not E164.fullmatch(e164):
        raise Bad("number is no number such as +14155550100")
    if row["provider"] not in world.carriers:
        known = ", ".join(sorted(world.carriers)) or "none"
        raise Bad(f"provider: no carrier of this name is set up (known: {known})")
    if not row["provider_id"]:
        raise Bad("provider_id is empty")
    _must_be_id(row["provider_id"], "provider_id")
    bought_at = _instant(row, "bought_at")
    if bought_at > now:
        raise Bad("bought_at lies ahead")
    owner = holdings.owner_of_number(world.table, e164)
    if owner not in (None, account.id):
        raise Bad("the number is held by another account")
    policy = world.policies.get(account.policy)
    return Number(
        e164=e164,
        provider=row["provider"],
        provider_id=row["provider_id"],
        monthly_fee=_money(account, row, "monthly_fee"),
        bought_at=bought_at,
        known_since=now,
        next_fee_at=first_fee_at(bought_at, now, cycle_of(account, policy, bought_at)),
    )


def message(world: World, account: Account, row: dict[str, str]) -> ScheduledMessage:
    _must_be_id(row["id"], "id")
    if row["channel"] not in CHANNELS:
        raise Bad(f"channel is one of {', '.join(CHANNELS)}")
    return ScheduledMessage(
        id=row["id"],
        channel=row["channel"],
        send_at=_instant(row, "send_at"),
        price=_money(account, row, "price"),
        known_since=world.clock.now(),
    )


def _must_be_id(text: str, name: str) -> None:
    if not (0 < len(text) <= 200 and text.isprintable()):
        raise Bad(f"{name} has 1 to 200 printable characters")


def _instant(row: dict[str, str], name: str) -> datetime:
    try:
        return from_rfc3339(row[name])
    except (ValueError, OverflowError) as error:
        raise Bad(f"{name} is no instant such as 2026-12-01T00:00:00Z") from error


def _money(account: Account, row: dict[str, str], name: str) -> Money:
    text = row[name]
    if not (text.isascii() and text.isdigit() and len(text) < 12 and int(text) <= DEAREST):
        raise Bad(f"{name} is a whole number of minor units (126 for 1.26)")
    if row["currency"] != account.currency:
        raise Bad(f"currency: the account's is {account.currency}")
    return Money(int(text), account.currency)


# -- doing it


def put_numbers(world: World, lines: Iterable[Line]) -> list[BadLine]:
    """Those that could not be put after all."""
    failed: list[BadLine] = []
    for line in lines:
        put: Number = line.thing

        def fact(account: Account, put: Number = put) -> NumberPut:
            known = holdings.number(world.table, account.id, put.e164)
            return NumberPut(number=put, existing=known)

        try:
            tell(world, line.account.id, fact, id=f"import:{world.new_id()}", by=BY)
        except accounts.Taken:
            failed.append(BadLine(line.line, "the number is held by another account"))
    return failed


def schedule_messages(world: World, lines: Iterable[Line], *, are_paid: bool) -> list[BadLine]:
    """Each is debited, as any that is scheduled. `are_paid`: they were paid in the other system, so as much is brought
    forward into the wallet."""
    by_account: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        by_account[line.account.id].append(line)
    failed: list[BadLine] = []
    for mine in by_account.values():
        account = mine[0].account
        outcomes = scheduling.register(world, account, [line.thing for line in mine])
        for line in mine:
            outcome = outcomes[line.thing.id]
            if outcome not in ("scheduled", "already_scheduled"):
                failed.append(BadLine(line.line, outcome))
            elif are_paid:
                _bring_forward(world, account.id, line.thing)
    return failed


def _bring_forward(world: World, account_id: str, message: ScheduledMessage) -> None:
    posting = Posting(
        cause=f"brought_forward:{message.id}",
        kind="brought_forward",
        at=world.clock.now(),
        lines=to_wallet(message.price, "brought_forward"),
        note={"message": message.id},
    )
    try:
        wallet.post(world.table, account_id, posting)
    except wallet.AlreadyBooked:
        return
