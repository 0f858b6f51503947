"""What a job remembers from one run to the next: how far it came, and what it found. One row a job, or a few.

A note is saved on the version it was read with, so that two runs at once cannot both move it on: the second is told
that somebody else is at it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from chalicelib.store import keys
from chalicelib.store.records import from_doc, to_doc
from chalicelib.store.table import If, Key, Put, Refused, Row, Table, Update

T = TypeVar("T")

STATE = "state"


class Overtaken(Exception):
    """Another run has written since this one read. Whatever it did is safe; it stops here."""


@dataclass(frozen=True, slots=True)
class Note:
    """A note as it was read: version 0 is one that nobody has written yet."""

    doc: dict[str, Any]
    version: int

    def as_(self, kind: type[T]) -> T:
        return from_doc(kind, self.doc)


NOTHING = Note({}, 0)


def read(table: Table, job: str, name: str = STATE) -> Note:
    row = table.get(_key(job, name))
    return Note(row["doc"], row["version"]) if row else NOTHING


def find(table: Table, job: str, name: str = STATE) -> Row | None:
    return table.get(_key(job, name))


def write(table: Table, job: str, before: Note, record: Any, name: str = STATE) -> Note:
    """Raises Overtaken, and the table's errors. In a transaction although it is single: a lost answer must not look
    like somebody else's write."""
    doc = to_doc(record)
    after = Note(doc, before.version + 1)
    condition = If(equals={"version": before.version or None})
    try:
        table.transact([Update(_key(job, name), {"doc": doc, "version": after.version}, condition)])
    except Refused as refused:
        raise Overtaken(job) from refused
    return after


def keep(table: Table, job: str, name: str, record: Any) -> None:
    """Writes one of a job's many notes, whatever stood there: for findings, told again as often as they are found."""
    key = _key(job, name)
    table.write(Put({"pk": key.pk, "sk": key.sk, "doc": to_doc(record)}))


def all_of(table: Table, job: str, prefix: str) -> Iterator[Row]:
    after: str | None = None
    while True:
        page = table.query(keys.job(job), prefix, after=after)
        yield from page.rows
        if (after := page.after) is None:
            return


def _key(job: str, name: str) -> Key:
    return Key(keys.job(job), name)
