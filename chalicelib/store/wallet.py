"""The wallet: balance, entry and the proof of its cause in one transaction, together with what caused it."""

from __future__ import annotations

from collections.abc import Sequence

from chalicelib.domain.ledger import Entry, Posting, Wallet, book
from chalicelib.store import keys
from chalicelib.store.records import from_doc, to_doc
from chalicelib.store.table import Action, Contended, If, Put, Refused, Table, Update

ATTEMPTS = 12
ROOM = 90
"""Further actions that fit in a posting's transaction beside its own three."""


class AlreadyBooked(Exception):
    """This cause was booked before."""


class Overtaken(Exception):
    """One of the accompanying conditions no longer holds. Nothing was booked."""


def load(table: Table, account_id: str) -> Wallet:
    row = table.get(keys.wallet(account_id))
    return from_doc(Wallet, row["doc"]) if row else Wallet()


def post(table: Table, account_id: str, posting: Posting, also: Sequence[Action] = ()) -> Wallet:
    """Books the posting once, with `also` (≤ ROOM actions on other rows of the account), all or nothing.

    Raises AlreadyBooked, Overtaken, and whatever the table raises.
    """
    for _ in range(ATTEMPTS):
        before = load(table, account_id)
        after, entry = book(before, posting)
        own: list[Action] = [
            _wallet(account_id, before, after),
            _cause(account_id, entry),
            _entry(account_id, entry),
        ]
        try:
            table.transact([*own, *also])
        except Contended:
            continue
        except Refused as refused:
            if refused.failed[1]:
                raise AlreadyBooked(posting.cause) from refused
            if any(refused.failed[3:]):
                raise Overtaken(posting.cause) from refused
            continue
        return after
    raise Contended(f"the wallet of {account_id} changed {ATTEMPTS} times in a row")


def entries(
    table: Table, account_id: str, *, limit: int, after: str | None
) -> tuple[list[Entry], str | None]:
    """Newest first."""
    page = table.query(
        keys.partition(account_id), keys.ENTRY, limit=limit, after=after, newest_first=True
    )
    return [from_doc(Entry, row["doc"]) for row in page.rows], page.after


def _wallet(account_id: str, before: Wallet, after: Wallet) -> Update:
    condition = If(equals={"version": before.seq}) if before.seq else If(equals={"version": None})
    return Update(keys.wallet(account_id), {"version": after.seq, "doc": to_doc(after)}, condition)


def _cause(account_id: str, entry: Entry) -> Put:
    key = keys.cause(account_id, entry.cause)
    return Put({"pk": key.pk, "sk": key.sk, "doc": {"seq": entry.seq}}, If(absent=True))


def _entry(account_id: str, entry: Entry) -> Put:
    key = keys.entry(account_id, entry.seq)
    return Put({"pk": key.pk, "sk": key.sk, "doc": to_doc(entry)}, If(absent=True))
