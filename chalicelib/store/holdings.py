"""What an account holds: its numbers, registrations and scheduled messages, read a bounded page at a time."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TypeVar

from chalicelib.domain.account import Seat
from chalicelib.domain.messages import ScheduledMessage, kept_until
from chalicelib.domain.number_fees import Number
from chalicelib.domain.registrations import Registration
from chalicelib.store import keys
from chalicelib.store.records import from_doc
from chalicelib.store.table import If, Key, Row, Table, Update

T = TypeVar("T")

MANY = 1000
"""Rows asked for at once where there may be thousands; the table cuts a page at 1 MB by itself."""


def number(table: Table, account_id: str, e164: str) -> Number | None:
    return _one(table, keys.number(account_id, e164), Number)


def numbers(table: Table, account_id: str) -> Iterator[Number]:
    return _all(table, account_id, keys.NUMBER, Number)


def owner_of_number(table: Table, e164: str) -> str | None:
    row = table.get(keys.live_number(e164))
    return row["state"] if row else None


def registration(table: Table, account_id: str, registration_id: str) -> Registration | None:
    return _one(table, keys.registration(account_id, registration_id), Registration)


def registrations(table: Table, account_id: str) -> Iterator[Registration]:
    return _all(table, account_id, keys.REGISTRATION, Registration)


def seats(table: Table, account_id: str, subscription_id: str) -> Iterator[Seat]:
    return _all(table, account_id, keys.seats_of(subscription_id), Seat)


def message(table: Table, account_id: str, message_id: str) -> ScheduledMessage | None:
    row = table.get(keys.message(account_id, message_id))
    return message_from(row) if row else None


def messages(table: Table, account_id: str) -> Iterator[ScheduledMessage]:
    return (message_from(row) for row in message_rows(table, account_id))


def message_rows(table: Table, account_id: str) -> Iterator[Row]:
    """Those of long ago are tidied up, and the rest come in pages as large as the table gives them."""
    return rows(table, account_id, keys.MESSAGE, limit=MANY)


def messages_named(
    table: Table, account_id: str, ids: Sequence[str]
) -> dict[str, ScheduledMessage]:
    found = table.get_many([keys.message(account_id, id) for id in ids])
    known = [message_from(row) for row in found.values()]
    return {message.id: message for message in known}


def message_outcome(
    account_id: str, message: ScheduledMessage, state: str, at: datetime, by: str | None = None
) -> Update:
    """The one write that decides what becomes of a message; whoever comes second is refused. From then on it is
    only kept for a while. `by` is the step that credited it."""
    return Update(
        keys.message(account_id, message.id),
        {"state": state, "op": by, "expires_at": int(kept_until(message, at).timestamp())},
        If(equals={"state": "scheduled"}),
    )


def message_from(row: Row) -> ScheduledMessage:
    """The message; its outcome is the attribute that conditions read, not the document."""
    return from_doc(ScheduledMessage, {**row["doc"], "state": row["state"]})


def rows(table: Table, account_id: str, prefix: str = "", *, limit: int = 100) -> Iterator[Row]:
    after: str | None = None
    while True:
        page = table.query(keys.partition(account_id), prefix, limit=limit, after=after)
        yield from page.rows
        if page.after is None:
            return
        after = page.after


def _one(table: Table, key: Key, kind: type[T]) -> T | None:
    row = table.get(key)
    return from_doc(kind, row["doc"]) if row else None


def _all(table: Table, account_id: str, prefix: str, kind: type[T]) -> Iterator[T]:
    return (from_doc(kind, row["doc"]) for row in rows(table, account_id, prefix))
