"""What customers are to be told: each notice kept once under its own key, until it is sent, and to be read after that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chalicelib.domain.moments import from_rfc3339, rfc3339
from chalicelib.domain.news import HistoryEntry
from chalicelib.domain.notices import Notice
from chalicelib.store import keys
from chalicelib.store.records import from_doc, to_doc
from chalicelib.store.table import Action, Delete, If, Key, Put, Refused, Row, Table, Update

UNSENT = "notice"
"""Notices to be mailed, in the due index."""
TO_SEND, SENT, NOTED, GIVEN_UP = "to_send", "sent", "noted", "given_up"
SHADOWED = "shadowed"
"""It would have been sent, and never is."""
TIDY_AFTER = timedelta(days=90)


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
