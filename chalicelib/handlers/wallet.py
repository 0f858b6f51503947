"""The wallet: its balance and its entries, newest first."""

from __future__ import annotations

from chalicelib.handlers import shapes
from chalicelib.handlers.asking import limit
from chalicelib.handlers.calls import Answer, Call
from chalicelib.handlers.problems import invalid
from chalicelib.store import keys, wallet


def balance(call: Call[None]) -> Answer:
    purse = wallet.load(call.world.table, call.account.id)
    return Answer(
        200,
        {
            "account_id": call.account.id,
            "balance": shapes.money(purse.balance(call.account.currency)),
        },
    )


def entries(call: Call[None]) -> Answer:
    cursor = call.query.get("cursor")
    if cursor is not None and not (cursor.isdecimal() and len(cursor) == 12):
        raise invalid("/cursor", "cursor is the next_cursor of the page before.")
    after = keys.ENTRY + cursor if cursor else None
    found, more = wallet.entries(call.world.table, call.account.id, limit=limit(call), after=after)
    return Answer(
        200,
        shapes.page(
            [shapes.entry(e) for e in found], more.removeprefix(keys.ENTRY) if more else None
        ),
    )
