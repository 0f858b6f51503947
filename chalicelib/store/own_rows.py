"""What a purge deletes of our own rows, what it only empties, and what it leaves (SC-10).

Every row of the account's partition is enumerated by its raw key, so that a kind this code does not know is not
missed. What law makes a business keep stays, without content: the ledger, the evidence, and what was decided on cases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from chalicelib.domain.erasure import Erasure
from chalicelib.domain.moments import from_rfc3339
from chalicelib.domain.registrations import Registration
from chalicelib.store import cases, keys
from chalicelib.store.records import from_doc
from chalicelib.store.table import Delete, If, Key, Refused, Row, Table, Update

LEFT = (
    *("account", "wallet", keys.ENTRY, keys.CAUSE, keys.CONFIRMATION),
    # How far the history is published, and where the receipt of this purge goes until it is sent.
    *(keys.PUBLISHED, keys.RECEIPT),
    # How far this purge is, and the proofs of earlier ones.
    *(keys.PURGER, keys.CERTIFICATE),
)
HISTORY_KEPT = ("id", "what", "by", "at", "version", "previous")
EMPTIED: Mapping[str, Callable[[Row], Row]] = {
    # That it happened stays, not whom or what it concerned.
    keys.HISTORY: lambda doc: {name: doc[name] for name in HISTORY_KEPT if name in doc},
    # Who agreed to what stays, not what they wrote in their own words.
    keys.EVIDENCE: lambda doc: {name: doc[name] for name in doc if name != "comment"},
}
AT: Mapping[str, Callable[[Row], Any]] = {
    keys.HISTORY: lambda doc: doc["at"],
    keys.NOTICE: lambda doc: doc["at"],
    keys.USED: lambda doc: doc["last"],
    keys.ACTIVITY: lambda doc: doc["at"],
    keys.MESSAGE: lambda doc: doc.get("known_since"),
}
"""When a row was written, for what may come while a purge is under way. A kind that is not here goes in any case."""
PAGE = 100


def pages(
    table: Table, wanted: Erasure, after: str | None, through: str | None
) -> Iterator[tuple[list[Row], str]]:
    """What goes or is emptied, a bounded page at a time, and the place up to which that is all."""
    while True:
        page = table.query(keys.partition(wanted.account_id), limit=PAGE, after=after)
        rows = [row for row in page.rows if through is None or row["sk"] <= through]
        if rows:
            yield [row for row in rows if _is_meant(table, row, wanted)], rows[-1]["sk"]
        if page.after is None or len(rows) < len(page.rows):
            return
        after = page.after


def counts(rows: Sequence[Row]) -> dict[str, int]:
    """How many of each kind are deleted; what is only emptied is not counted."""
    found: dict[str, int] = {}
    for row in rows:
        sk: str = row["sk"]
        if not sk.startswith(tuple(EMPTIED)):
            kind = sk.partition("#")[0]
            found[kind] = found.get(kind, 0) + 1
    return found


def _is_meant(table: Table, row: Row, wanted: Erasure) -> bool:
    sk: str = row["sk"]
    if sk.startswith(LEFT):
        return False
    for prefix, emptied in EMPTIED.items():
        if sk.startswith(prefix):
            return not _is_newer(row, wanted.before) and emptied(row["doc"]) != row["doc"]
    if sk.startswith(keys.STEP):
        # One that is to come is of a customer who came back, or this purge itself.
        return row.get("state") != "pending"
    if sk.startswith(keys.NUMBER):
        # One that came after the purge had begun, with the customer who returned in that moment: it is theirs, and
        # paid for. Before, there was none.
        return bool(row["state"] == "released")
    if sk.startswith(keys.REGISTRATION):
        return not from_doc(Registration, row["doc"]).lapses
    if sk.startswith((keys.CASE, keys.REPLY)):
        return cases.is_touched_by_purge(table, wanted.account_id, row)
    return not _is_newer(row, wanted.before)


def _is_newer(row: Row, before: datetime) -> bool:
    for prefix, at in AT.items():
        if row["sk"].startswith(prefix):
            found = at(row["doc"])
            return found is not None and from_rfc3339(found) > before
    return False


def delete(table: Table, account_id: str, rows: Sequence[Row]) -> None:
    for row in rows:
        _delete(table, account_id, row)


def _delete(table: Table, account_id: str, row: Row) -> None:
    sk: str = row["sk"]
    key = Key(row["pk"], sk)
    for prefix, emptied in EMPTIED.items():
        if sk.startswith(prefix):
            table.write(Update(key, {"doc": emptied(row["doc"])}))
            return
    if sk.startswith((keys.CASE, keys.REPLY)):
        cases.purge(table, account_id, row)
        return
    with suppress(Refused):
        # Unless somebody has made it theirs in this moment: a number put anew, a step planned anew.
        table.write(Delete(key, If(equals={"state": row.get("state")})))
