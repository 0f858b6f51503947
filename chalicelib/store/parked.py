"""Events we could not apply yet, kept durably with the reason (never the payload: Stripe is asked again).

A parked event lies under its customer, so that all of them are found when the account appears, and in the due
index, so that the schedule retries it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.moments import rfc3339
from chalicelib.store import keys
from chalicelib.store.records import from_doc, to_doc
from chalicelib.store.table import Delete, If, Key, Refused, Row, Table, Update

KIND = "parked"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedEvent:
    event_id: str
    type: str
    created: datetime
    object_id: str | None = None
    customer_id: str | None = None
    reason: str
    parked_at: datetime
    attempts: int = 0


def park(table: Table, event: ParkedEvent, next_try: datetime, shards: int) -> None:
    """Idempotent: parking an event again only moves its next try and keeps the newest reason."""
    table.write(
        Update(
            keys.parked(event.customer_id, event.event_id),
            {
                "doc": to_doc(event),
                "due_kind": keys.due_kind(KIND, event.event_id, shards),
                "due_at": rfc3339(next_try),
            },
        )
    )


def postpone(table: Table, key: Key, event: ParkedEvent, next_try: datetime) -> None:
    """Moves a parked event's next try. One that was applied or purged in the meantime stays away."""
    later = {"doc": to_doc(event), "due_at": rfc3339(next_try)}
    with suppress(Refused):
        table.write(Update(key, later, If(present=True)))


def remove(table: Table, key: Key) -> None:
    table.write(Delete(key))


def load(table: Table, key: Key) -> ParkedEvent | None:
    row = table.get(key)
    return from_row(row) if row else None


def of_customer(table: Table, customer_id: str) -> Iterator[tuple[Key, ParkedEvent]]:
    after: str | None = None
    while True:
        page = table.query(keys.parked_of(customer_id), keys.PARKED, after=after)
        for row in page.rows:
            yield Key(row["pk"], row["sk"]), from_row(row)
        if page.after is None:
            return
        after = page.after


def from_row(row: Row) -> ParkedEvent:
    return from_doc(ParkedEvent, row["doc"])
