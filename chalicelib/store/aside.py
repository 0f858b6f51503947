"""What could not leave along one way, and never will by itself: kept with its reason until somebody sends it again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.moments import from_rfc3339, rfc3339
from chalicelib.domain.news import HistoryEntry
from chalicelib.store import keys
from chalicelib.store.positions import BUS
from chalicelib.store.records import from_doc
from chalicelib.store.table import Delete, Key, Put, Row, Table


@dataclass(frozen=True, slots=True)
class Aside:
    at: Key
    account_id: str
    way: str
    fact_id: str
    what: str
    said_at: datetime
    """When it happened."""
    put_at: datetime
    """When it was set aside."""
    reason: str

    @property
    def id(self) -> str:
        """As its events begin theirs."""
        return f"{self.account_id}:{self.fact_id}"


def put(
    account_id: str, way: str, entry: HistoryEntry, reason: str, now: datetime, shards: int
) -> Put:
    """The entries after it go on."""
    key = keys.aside(account_id, way, entry.id)
    return Put(
        {
            "pk": key.pk,
            "sk": key.sk,
            "doc": {
                "fact": entry.id,
                "way": way,
                "what": entry.what,
                "at": rfc3339(entry.at),
                "put_at": rfc3339(now),
                "reason": reason[:200],
            },
            "dir_kind": keys.due_kind("aside", account_id, shards),
            "dir_key": f"{rfc3339(entry.at)}#{account_id}",
        }
    )


def everything(table: Table, shards: int) -> Iterator[Aside]:
    """Of all accounts, oldest first within each shard."""
    for shard in range(shards):
        after: str | None = None
        while True:
            page = table.directory(f"aside#{shard}", after=after)
            rows = table.get_many([due.key for due in page.due])
            yield from (_aside(rows[due.key]) for due in page.due if due.key in rows)
            if (after := page.after) is None:
                break


def of_account(table: Table, account_id: str) -> Iterator[Aside]:
    after: str | None = None
    while True:
        page = table.query(keys.partition(account_id), keys.ASIDE, after=after)
        yield from map(_aside, page.rows)
        if (after := page.after) is None:
            return


def _aside(row: Row) -> Aside:
    doc, key = row["doc"], Key(row["pk"], row["sk"])
    return Aside(
        key,
        keys.account_of(key),
        doc.get("way", BUS),
        doc["fact"],
        doc["what"],
        from_rfc3339(doc["at"]),
        from_rfc3339(doc.get("put_at", doc["at"])),
        doc["reason"],
    )


def entry(table: Table, one: Aside) -> HistoryEntry | None:
    """What it is about. None when nobody has it any more."""
    row = table.get(keys.history(one.account_id, one.fact_id))
    return from_doc(HistoryEntry, row["doc"]) if row else None


def forget(table: Table, one: Aside) -> None:
    table.write(Delete(one.at))
