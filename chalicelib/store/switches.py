"""The kill switch: one row that every process reads, and a row for each time somebody turned it.

Turning it is one transaction, on the version that was read, so that of two who turn it at once the second one sees
what the first one did; what they said stays for good.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from chalicelib.store import keys
from chalicelib.store.records import from_doc, to_doc
from chalicelib.store.table import If, Put, Refused, Row, Table

ATTEMPTS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    """Somebody turned it, and said why."""

    on: bool
    at: datetime
    by: str
    reason: str


def kill_switch(table: Table) -> Turned | None:
    """How it stands, and who turned it last; None when nobody ever did: then it is off."""
    row = table.get(keys.kill_switch())
    return from_doc(Turned, row["doc"]) if row else None


def turn(table: Table, turned: Turned) -> Turned:
    """Answers how it stands now: as it was, if it stood that way already."""
    for _ in range(ATTEMPTS):
        row = table.get(keys.kill_switch())
        standing: Turned | None = from_doc(Turned, row["doc"]) if row else None
        if standing is not None and standing.on == turned.on:
            return standing
        if standing is None and not turned.on:
            return turned
        version = row["version"] if row else 0
        condition = If(equals={"version": version}) if row else If(absent=True)
        key, log = keys.kill_switch(), keys.kill_switch_turned(version + 1)
        doc = to_doc(turned)
        try:
            table.transact([
                Put({"pk": key.pk, "sk": key.sk, "version": version + 1, "doc": doc}, condition),
                Put({"pk": log.pk, "sk": log.sk, "doc": doc}, If(absent=True)),
            ])  # fmt: skip
        except Refused:
            continue
        return turned
    raise Refused([True])


def turnings(table: Table, limit: int = 20) -> list[Turned]:
    """Newest first."""
    page = table.query(keys.SWITCHES, keys.TURNED, limit=limit, newest_first=True)
    return [_turned(row) for row in page.rows]


def _turned(row: Row) -> Turned:
    turned: Turned = from_doc(Turned, row["doc"])
    return turned
