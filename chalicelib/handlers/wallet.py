"""The wallet: its balance and its entries, newest first."""

from __future__ import annotations

import re
from typing import Any

from chalicelib.domain.ledger import Entry
from chalicelib.domain.money import Money
from chalicelib.handlers import shapes
from chalicelib.handlers.asking import limit
from chalicelib.handlers.call import Answer, Call
from chalicelib.handlers.problems import invalid
from chalicelib.store import wallet

_CURSOR = re.compile("[0-9]{12}")


def balance(call: Call[None]) -> Answer:
    account = call.account
    purse = wallet.load(call.world.table, account.id)
    held = purse.balance(account.currency)
    others = sorted({*purse.balances} - {account.currency})
    return Answer(
        200,
        {
            "account_id": account.id,
            "balance": shapes.money(held),
            "balance_due": shapes.money(Money(max(0, -held.amount), account.currency)),
            "other_balances": [shapes.money(purse.balance(currency)) for currency in others],
        },
    )


def entries(call: Call[None]) -> Answer:
    found, more = wallet.entries(
        call.world.table, call.account.id, limit=limit(call), before=cursor(call)
    )
    following = f"{found[-1].seq:012d}" if more else None
    return Answer(200, shapes.page([_entry(one) for one in found], following))


def _entry(one: Entry) -> dict[str, Any]:
    return {**shapes.entry(one), "note": one.note}


def cursor(call: Call[None]) -> int | None:
    """The number of the last entry of the page before."""
    given = call.query.get("cursor")
    if given is None:
        return None
    if not _CURSOR.fullmatch(given):
        raise invalid("/cursor", "cursor is the next_cursor of the page before.")
    return int(given)
