"""How far each account's history has left, along each way out by itself; and how what has not is found.

The account names its newest history entry, and each entry the one before it. So what did not leave is found by walking
back to where that way had come, entry by entry, and costs whoever writes history nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chalicelib.domain.moments import from_rfc3339, rfc3339
from chalicelib.domain.news import HistoryEntry
from chalicelib.store import keys
from chalicelib.store.records import from_doc
from chalicelib.store.table import Action, If, Key, Refused, Row, Table, Update

BUS, NOTICES = "bus", "notices"
"""The event bus, and the noting of what customers are to be told. Every other way is an HTTP endpoint, by its name."""
STUCK, UNSENT_EVENTS = "publish", "send"
"""Kinds in the due index: accounts whose events wait for the bus, and those whose events wait for an endpoint."""
STEPS_BACK = 50
"""After so many entries found one by one, the rest is read page by page."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far an account's history has left along one way. `last` is its newest entry, `left` the newest that is out."""

    account_id: str
    way: str
    last: str | None
    left: str | None
    version: int | None
    """Of the entry that left last."""
    attempts: int = 0
    waits_until: datetime | None = None
    """Its next event could not leave, and is tried again then."""
    fails_since: datetime | None = None

    @property
    def lags(self) -> bool:
        return self.last is not None and self.last != self.left


def position(table: Table, account_id: str, way: str = BUS) -> Position | None:
    """None for an account nobody knows."""
    return of_account(table, account_id, (way,)).get(way)


def of_account(table: Table, account_id: str, ways: Sequence[str]) -> dict[str, Position]:
    """By the way's name. Empty for an account nobody knows."""
    return of_accounts(table, [account_id], ways).get(account_id, {})


def of_accounts(
    table: Table, account_ids: Sequence[str], ways: Sequence[str]
) -> dict[str, dict[str, Position]]:
    wanted = [keys.published(id, way) for id in account_ids for way in ways]
    rows = table.get_many([*map(keys.account, account_ids), *wanted])
    return {
        id: {
            way: _position(id, way, rows[keys.account(id)], rows.get(keys.published(id, way), {}))
            for way in ways
        }
        for id in account_ids
        if keys.account(id) in rows
    }


def _position(account_id: str, way: str, account: Row, published: Row) -> Position:
    doc = published.get("doc", {})
    return Position(
        account_id,
        way,
        account.get("op"),
        published.get("op"),
        published.get("version"),
        published.get("attempts", 0),
        from_rfc3339(published["due_at"]) if "due_at" in published else None,
        from_rfc3339(doc["fails_since"]) if "fails_since" in doc else None,
    )


def missing(table: Table, at: Position) -> list[HistoryEntry]:
    """Every entry behind this position, oldest first."""
    found: list[HistoryEntry] = []
    fact_id = at.last
    while fact_id is not None:
        if len(found) == STEPS_BACK:
            # A way that was shut for weeks: so many single reads would outlive whoever makes them.
            return [*_between(table, at, found[-1].version), *found[::-1]]
        row = table.get(keys.history(at.account_id, fact_id))
        if row is None:
            break
        entry: HistoryEntry = from_doc(HistoryEntry, row["doc"])
        # By version, not by name: what was read of the account may be older than what was read of the position.
        if entry.version <= (at.version or 0):
            break
        found.append(entry)
        fact_id = entry.previous
    return found[::-1]


def _between(table: Table, at: Position, before: int) -> list[HistoryEntry]:
    """Of the whole history, in whatever order it lies, what is older than that version and did not leave yet. Nothing
    of it is written any more, so pages that are read one after the other agree."""
    found: list[HistoryEntry] = []
    after: str | None = None
    while True:
        page = table.query(keys.partition(at.account_id), keys.HISTORY, after=after)
        found += (
            from_doc(HistoryEntry, row["doc"])
            for row in page.rows
            if (at.version or 0) < row["doc"]["version"] < before
        )
        if (after := page.after) is None:
            return sorted(found, key=lambda entry: entry.version)


def advance(
    table: Table, at: Position, to: HistoryEntry, also: Sequence[Action] = ()
) -> Position | None:
    """Moves the position on, with what is set aside meanwhile, all or nothing. None when another publisher did."""
    step = Update(
        keys.published(at.account_id, at.way),
        {
            "op": to.id,
            "version": to.version,
            "attempts": None,
            "due_kind": None,
            "due_at": None,
            "doc": {},
        },
        If(equals={"version": at.version}),
    )
    try:
        if also:
            table.transact([step, *also])
        else:
            table.write(step)
    except Refused:
        return None
    return Position(at.account_id, at.way, at.last, to.id, to.version)


def wait(
    table: Table,
    at: Position,
    kind: str,
    until: datetime,
    shards: int,
    *,
    reason: str,
    attempts: int = 0,
    fails_since: datetime | None = None,
) -> None:
    """Nothing of this account leaves along this way before what could not, so that its order holds. It is tried again
    then, unless another publisher got further meanwhile."""
    doc: dict[str, Any] = {"reason": reason[:200]}
    if fails_since is not None:
        doc["fails_since"] = rfc3339(fails_since)
    _write(
        table,
        at,
        {
            "attempts": attempts or None,
            "due_kind": keys.due_kind(kind, at.account_id, shards),
            "due_at": rfc3339(until),
            "doc": doc,
        },
        If(equals={"version": at.version}),
    )


def settle(table: Table, at: Position) -> None:
    """It caught up by another way: its next try is not needed. Unless a later one was noted meanwhile."""
    if at.waits_until is not None:
        cleared: dict[str, Any] = {
            "attempts": None, "due_kind": None, "due_at": None, "doc": {},
        }  # fmt: skip
        _write(table, at, cleared, If(equals={"due_at": rfc3339(at.waits_until)}))


def _write(table: Table, at: Position, values: dict[str, Any], condition: If) -> None:
    try:
        table.write(Update(keys.published(at.account_id, at.way), values, condition))
    except Refused:
        return


def way_of(key: Key) -> str:
    """The way whose position lies there."""
    return key.sk.removeprefix(keys.PUBLISHED).removeprefix("#") or BUS
