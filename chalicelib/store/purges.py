"""How far each purger has come with an account, and the certificates of the purges that are over."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.domain.erasure import Json, Progress
from chalicelib.store import keys
from chalicelib.store.holdings import rows
from chalicelib.store.records import from_doc, to_doc
from chalicelib.store.table import Contended, If, Put, Refused, Row, Table, Update


@dataclass(frozen=True, slots=True)
class Kept:
    """A purger's progress as it is in the table, at its version."""

    progress: Progress
    version: int | None
    attempts: int = 0
    last_error: str | None = None


def progress(table: Table, account_id: str, name: str, erasure_id: str) -> Kept:
    """A fresh one when this purger has not begun with this erasure."""
    row = table.get(keys.purger(account_id, name))
    if row is None:
        return Kept(Progress(erasure_id=erasure_id), None)
    found = _kept(row)
    if found.progress.erasure_id != erasure_id:
        return Kept(Progress(erasure_id=erasure_id), found.version)
    return found


def all_progress(table: Table, account_id: str) -> dict[str, Kept]:
    """Purger → its progress with the newest erasure."""
    found = rows(table, account_id, keys.PURGER)
    return {row["sk"].removeprefix(keys.PURGER): _kept(row) for row in found}


def _kept(row: Row) -> Kept:
    doc = row["doc"]
    return Kept(
        from_doc(Progress, doc["progress"]),
        row["version"],
        row.get("attempts", 0),
        doc.get("last_error"),
    )


def keep(table: Table, account_id: str, name: str, before: Kept, after: Progress) -> Kept:
    """Raises Contended when another run has gone on with it: two that count at once would count wrong."""
    return _write(table, account_id, name, before, Kept(after, (before.version or 0) + 1))


def keep_failure(table: Table, account_id: str, name: str, before: Kept, reason: str) -> Kept:
    """For whoever looks why it is not done."""
    failed = Kept(before.progress, (before.version or 0) + 1, before.attempts + 1, reason[:200])
    return _write(table, account_id, name, before, failed)


def _write(table: Table, account_id: str, name: str, before: Kept, after: Kept) -> Kept:
    doc = {"progress": to_doc(after.progress), "last_error": after.last_error}
    change = {"version": after.version, "attempts": after.attempts or None, "doc": doc}
    key = keys.purger(account_id, name)
    try:
        table.write(Update(key, change, If(equals={"version": before.version})))
    except Refused:
        # Perhaps our own write, whose answer was lost on the way.
        found = table.get(key)
        if found is None or _kept(found) != after:
            raise Contended(f"another run is at {name}") from None
    return after


def certificate_row(account_id: str, sealed: Json) -> Put:
    """Kept as it was sealed, empty fields and all: its hash is of exactly that."""
    key = keys.certificate(account_id, sealed["id"])
    return Put({"pk": key.pk, "sk": key.sk, "doc": sealed})


def certificates(table: Table, account_id: str) -> list[Json]:
    """Oldest first."""
    found: list[Json] = [row["doc"] for row in rows(table, account_id, keys.CERTIFICATE)]
    return sorted(found, key=lambda one: (one["finished_at"], one["id"]))
