"""What jobs that look at everything have found and could not put right: one row for each finding, for a person to act on.

Looked at again, an account's findings are written anew: what is mended is gone, and what was found before keeps the
moment at which it was first seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.store import keys
from chalicelib.store.records import from_doc, to_doc
from chalicelib.store.table import Delete, Key, Put, Table

NOBODYS = "-"
"""Stands for the account where none is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    kind: str
    subject: str
    says: str
    """What is wrong, and what to do."""
    found_at: datetime
    account_id: str = NOBODYS


def save(table: Table, job: str, account_id: str, found: Sequence[Finding]) -> None:
    """These are all of the account's findings now."""
    pk, prefix = keys.job(job), keys.findings_of(account_id)
    known = {row["sk"]: row["doc"] for row in table.query(pk, prefix).rows}
    now = {keys.finding(one.account_id, one.kind, one.subject): one for one in found}
    for sk, one in now.items():
        before = from_doc(Finding, known[sk]) if sk in known else None
        kept = replace(one, found_at=before.found_at) if before else one
        if before != kept:
            table.write(Put({"pk": pk, "sk": sk, "doc": to_doc(kept)}))
    for sk in known.keys() - now.keys():
        table.write(Delete(Key(pk, sk)))


def add(table: Table, job: str, one: Finding) -> None:
    key = Key(keys.job(job), keys.finding(one.account_id, one.kind, one.subject))
    if table.get(key) is None:
        table.write(Put({"pk": key.pk, "sk": key.sk, "doc": to_doc(one)}))


def drop(table: Table, job: str, one: Finding) -> None:
    table.write(Delete(Key(keys.job(job), keys.finding(one.account_id, one.kind, one.subject))))


def all_of(table: Table, job: str, account_id: str | None = None) -> Iterator[Finding]:
    after: str | None = None
    while True:
        page, after = listed(table, job, limit=100, after=after, account_id=account_id)
        yield from page
        if after is None:
            return


def listed(
    table: Table, job: str, *, limit: int, after: str | None = None, account_id: str | None = None
) -> tuple[list[Finding], str | None]:
    prefix = keys.FINDING if account_id is None else keys.findings_of(account_id)
    page = table.query(keys.job(job), prefix, limit=limit, after=after)
    return [from_doc(Finding, row["doc"]) for row in page.rows], page.after
