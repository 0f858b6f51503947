"""What a purge deletes of our own rows, what it only empties, and what it leaves (SC-10).

Every row of the account's partition is enumerated by its raw key, so that a kind this code does not know is not
missed. What law makes a business keep stays, without content: the ledger, the evidence, and what was decided on cases.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from chalicelib.domain.erasure import Erasure
from chalicelib.domain.facts import Left
from chalicelib.domain.moments import from_rfc3339
from chalicelib.domain.registrations import Registration
from chalicelib.store import cases, holdings, keys
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
RESTORED: Mapping[str, Callable[[Row], Any]] = {
    **AT,
    keys.NUMBER: lambda doc: doc["known_since"],
    keys.REGISTRATION: lambda doc: doc["known_since"],
    keys.SEAT: lambda doc: doc["assigned_at"],
    keys.CASE: lambda doc: doc["received_at"],
    keys.REPLY: lambda doc: doc["at"],
    keys.PREVIEW: lambda doc: doc["created_at"],
    keys.EVIDENCE: lambda doc: doc["at"],
    keys.ASIDE: lambda doc: doc["at"],
}
"""When a row was written, for what came back with a backup. Of a kind that is not here nobody can tell."""
OF_THE_LIVING = (keys.NUMBER, keys.REGISTRATION, keys.SEAT, keys.CASE, keys.NOTICE)
"""Of these there was none left when the purge began: one of that very second came after it."""
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
    if wanted.restored:
        return _came_back(row, wanted)
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


def _came_back(row: Row, wanted: Erasure) -> bool:
    """Whether it is of before the purge, and in the table again."""
    sk, doc = row["sk"], row["doc"]
    if sk.startswith(keys.STEP):
        # The account's own record says which of them stay (`forget_steps`).
        return False
    for prefix, emptied in EMPTIED.items():
        if sk.startswith(prefix) and emptied(doc) == doc:
            return False
    if sk.startswith(keys.CASE) and doc.get("purged"):
        return False
    for prefix, at in RESTORED.items():
        if sk.startswith(prefix) and (found := at(doc)) is not None:
            written = from_rfc3339(found)
            return written < wanted.before or (
                written == wanted.before and not sk.startswith(OF_THE_LIVING)
            )
    return not wanted.spares


def forget_steps(table: Table, account_id: str) -> None:
    """What is not to come any more, and names what it was about."""
    for row in holdings.rows(table, account_id, keys.STEP):
        if row.get("state") != "pending" and ":" in row["sk"]:
            _delete(table, account_id, row)


def left(table: Table, account_id: str) -> Left:
    """What the account's own record counts, as the rows have it."""
    held = [n for n in holdings.numbers(table, account_id) if n.state != "released"]
    seats = Counter(
        row["doc"]["subscription_id"] for row in holdings.rows(table, account_id, keys.SEAT)
    )
    return Left(
        numbers=len(held),
        registrations=sum(one.lapses for one in holdings.registrations(table, account_id)),
        seats=dict(seats),
        next_fee_at=min((n.next_fee_at for n in held), default=None),
        cases=frozenset(
            case.id for case in cases.of_account(table, account_id) if case.closed_at is None
        ),
    )


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
    if sk.startswith(keys.NUMBER) and row["state"] != "released":
        # It came back with a backup; its carrier had it back long ago, and by now it may be another account's.
        with suppress(Refused):
            owner = keys.live_number(row["doc"]["e164"])
            table.write(Delete(owner, If(equals={"state": account_id})))
    with suppress(Refused):
        # Unless somebody has made it theirs in this moment: a number put anew, a step planned anew.
        table.write(Delete(key, If(equals={"state": row.get("state")})))
