"""The history read as an outbox: what is not published yet, and what customers are to be told.

The account names its newest history entry, and each entry the one before it. So what was not published is found by
walking back to where publishing had come, entry by entry, and costs whoever writes history nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chalicelib.domain.moments import from_rfc3339, rfc3339
from chalicelib.domain.news import HistoryEntry
from chalicelib.domain.notices import Notice
from chalicelib.store import keys
from chalicelib.store.records import from_doc, to_doc
from chalicelib.store.table import Action, Delete, If, Key, Put, Refused, Row, Table, Update

STUCK, UNSENT = "publish", "notice"
"""Kinds in the due index: accounts whose publishing waits for its next try, and notices to be mailed."""
TO_SEND, SENT, NOTED, GIVEN_UP = "to_send", "sent", "noted", "given_up"
SHADOWED = "shadowed"
"""It would have been sent, and never is."""
TIDY_AFTER = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Position:
    """How far an account's history is published. `last` is its newest entry, `published` the newest that is out."""

    account_id: str
    last: str | None
    published: str | None
    version: int | None
    attempts: int = 0
    waits_until: datetime | None = None
    """Its next event could not leave, and is tried again then."""

    @property
    def lags(self) -> bool:
        return self.last is not None and self.last != self.published


def position(table: Table, account_id: str) -> Position | None:
    """None for an account nobody knows."""
    return positions(table, [account_id]).get(account_id)


def positions(table: Table, account_ids: Sequence[str]) -> dict[str, Position]:
    wanted = {id: (keys.account(id), keys.published(id)) for id in account_ids}
    rows = table.get_many([key for pair in wanted.values() for key in pair])
    return {
        id: _position(id, rows[account], rows.get(published, {}))
        for id, (account, published) in wanted.items()
        if account in rows
    }


def _position(account_id: str, account: Row, published: Row) -> Position:
    return Position(
        account_id,
        account.get("op"),
        published.get("op"),
        published.get("version"),
        published.get("attempts", 0),
        from_rfc3339(published["due_at"]) if "due_at" in published else None,
    )


def unpublished(table: Table, at: Position) -> list[HistoryEntry]:
    """Every entry behind this position, oldest first."""
    found: list[HistoryEntry] = []
    fact_id = at.last
    while fact_id is not None:
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


def advance(
    table: Table, at: Position, to: HistoryEntry, also: Sequence[Action]
) -> Position | None:
    """Moves the position on, with what is to be sent next, all or nothing. None when another publisher did."""
    step = Update(
        keys.published(at.account_id),
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
    return Position(at.account_id, at.last, to.id, to.version)


def stuck(table: Table, at: Position, reason: str, again: datetime, shards: int) -> None:
    """Publishing waits: nothing of this account goes out before what could not, so that its order holds."""
    table.write(
        Update(
            keys.published(at.account_id),
            {
                "attempts": at.attempts + 1,
                "due_kind": keys.due_kind(STUCK, at.account_id, shards),
                "due_at": rfc3339(again),
                "doc": {"reason": reason[:200]},
            },
        )
    )


def unstick(table: Table, account_id: str) -> None:
    """It caught up by another way: its next try is not needed."""
    table.write(
        Update(
            keys.published(account_id),
            {"attempts": None, "due_kind": None, "due_at": None},
            If(present=True),
        )
    )


# -- what customers are told


@dataclass(frozen=True, slots=True)
class Unsent:
    """A notice as it is kept. `key` is what it is sent under: the same however often it is tried."""

    at: Key
    fact_id: str
    said_at: datetime
    notice: Notice
    state: str
    attempts: int
    n: int
    doc: Mapping[str, Any]

    @property
    def account_id(self) -> str:
        return keys.account_of(self.at)

    @property
    def key(self) -> str:
        return f"{self.account_id}:{self.fact_id}:{self.n}"


def notices_of(entry: HistoryEntry) -> list[Notice]:
    given: list[Any] = entry.data.get("notices", [])
    return [from_doc(Notice, one) for one in given]


def keep(
    table: Table,
    account_id: str,
    entry: HistoryEntry,
    n: int,
    notice: Notice,
    claimed_until: datetime,
    shards: int,
) -> Key | None:
    """To be sent by whoever keeps it; if that one dies, by the schedule when the claim has run out. None when it was
    kept before."""
    key = keys.notice(account_id, entry.version, n)
    row = {
        "pk": key.pk,
        "sk": key.sk,
        "state": TO_SEND,
        "due_kind": keys.due_kind(UNSENT, account_id, shards),
        "due_at": rfc3339(claimed_until),
        "claimed_until": rfc3339(claimed_until),
        "expires_at": int((entry.at + TIDY_AFTER).timestamp()),
        "doc": {"fact": entry.id, "at": rfc3339(entry.at), "n": n, "notice": to_doc(notice)},
    }
    try:
        table.write(Put(row, If(absent=True)))
    except Refused:
        return None
    return key


def load(table: Table, key: Key) -> Unsent | None:
    row = table.get(key)
    return _unsent(row) if row and "doc" in row else None


def recent(table: Table, account_id: str, limit: int) -> list[Unsent]:
    """The account's notices, newest first."""
    page = table.query(keys.partition(account_id), keys.NOTICE, limit=limit, newest_first=True)
    return [_unsent(row) for row in page.rows]


def _unsent(row: Row) -> Unsent:
    doc = row["doc"]
    return Unsent(
        at=Key(row["pk"], row["sk"]),
        fact_id=doc["fact"],
        said_at=from_rfc3339(doc["at"]),
        notice=from_doc(Notice, doc["notice"]),
        state=row["state"],
        attempts=row.get("attempts", 0),
        n=doc["n"],
        doc=doc,
    )


def finish(table: Table, unsent: Unsent, state: str, also: Sequence[Action] = ()) -> None:
    """Sent, or nothing to send: out of the index. It stays to be read in the product until it is tidied up."""
    done = Update(
        unsent.at,
        {"state": state, "due_kind": None, "due_at": None, "claimed_until": None},
        If(equals={"state": TO_SEND}),
    )
    try:
        table.transact([done, *also])
    except Refused:
        # Another run finished it, or a purge took it away.
        return


def try_later(table: Table, unsent: Unsent, reason: str, again: datetime) -> None:
    try:
        table.write(
            Update(
                unsent.at,
                {
                    "attempts": unsent.attempts + 1,
                    "due_at": rfc3339(again),
                    "claimed_until": None,
                    "doc": {**unsent.doc, "last_error": reason[:200]},
                },
                If(equals={"state": TO_SEND}),
            )
        )
    except Refused:
        return


def confirmation(unsent: Unsent, sent_at: datetime) -> Put:
    """Proof that the confirmation of a cancellation went out. It outlives the notice, and the purge."""
    notice, key = unsent.notice, keys.confirmation(unsent.account_id, unsent.fact_id)
    doc = {
        "evidence_id": notice.evidence_id,
        "subscription_id": notice.subscription_id,
        "access_ends_at": notice.at,
        "sent_at": sent_at,
        "key": unsent.key,
    }
    return Put({"pk": key.pk, "sk": key.sk, "doc": to_doc(doc)})


def receipt_address(table: Table, account_id: str) -> str | None:
    row = table.get(keys.receipt(account_id))
    return row["doc"]["email"] if row else None


def forget_receipt(account_id: str) -> Delete:
    return Delete(keys.receipt(account_id))


# -- what cannot be published


def aside(account_id: str, entry: HistoryEntry, reason: str, shards: int) -> Put:
    """Kept with its reason, listed, and put back by hand; the entries after it go on."""
    key = keys.aside(account_id, entry.id)
    doc: Mapping[str, object] = {
        "fact": entry.id, "what": entry.what, "at": rfc3339(entry.at), "reason": reason[:200],
    }  # fmt: skip
    return Put(
        {
            "pk": key.pk,
            "sk": key.sk,
            "doc": doc,
            "dir_kind": keys.due_kind("aside", account_id, shards),
            "dir_key": f"{rfc3339(entry.at)}#{account_id}",
        }
    )


def all_aside(table: Table, shards: int) -> Iterator[Key]:
    for shard in range(shards):
        after: str | None = None
        while True:
            page = table.directory(f"aside#{shard}", after=after)
            yield from (due.key for due in page.due)
            if (after := page.after) is None:
                break


def entry_aside(table: Table, key: Key) -> HistoryEntry | None:
    row = table.get(key)
    if row is None:
        return None
    kept = table.get(keys.history(keys.account_of(key), row["doc"]["fact"]))
    return from_doc(HistoryEntry, kept["doc"]) if kept else None


def put_back(table: Table, key: Key) -> None:
    table.write(Delete(key))
