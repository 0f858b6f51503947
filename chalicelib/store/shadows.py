"""What would have been done, had its capability been on: a row for each step and date, found by a directory index.

A note is written once, and again only where a later look has more to say (another month's fee). It changes nothing
about the account, and goes with its purge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from heapq import merge
from typing import Any

from chalicelib.domain.moments import rfc3339
from chalicelib.domain.steps import Step
from chalicelib.store import keys
from chalicelib.store.records import from_doc, to_doc
from chalicelib.store.table import ALWAYS, If, Key, Put, Refused, Table

KIND = "shadow"
PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    what: str
    """A step's id, or `mail:` and its key."""
    due: datetime
    at: datetime
    """When it was first found due, in shadow."""
    capability: str
    policy: str
    would: Mapping[str, Any] = field(default_factory=dict)
    """Counts and amounts, no content."""
    again_at: datetime | None = None
    """From then on there is more to say."""


def is_noted(table: Table, account_id: str, step: Step, now: datetime) -> bool:
    known = find(table, account_id, step.id, step.due)
    return known is not None and (known.again_at is None or now < known.again_at)


def find(table: Table, account_id: str, what: str, due: datetime) -> Noted | None:
    row = table.get(keys.shadow(account_id, what, rfc3339(due)))
    return from_doc(Noted, row["doc"]) if row else None


def note(table: Table, account_id: str, noted: Noted, shards: int) -> None:
    known = find(table, account_id, noted.what, noted.due)
    if known is not None:
        noted = replace(noted, at=known.at)
    try:
        table.write(put(account_id, noted, shards, If(absent=True) if known is None else ALWAYS))
    except Refused:
        # Another run noted the same in this moment.
        return


def put(account_id: str, noted: Noted, shards: int, condition: If = ALWAYS) -> Put:
    key = keys.shadow(account_id, noted.what, rfc3339(noted.due))
    return Put(
        {
            "pk": key.pk,
            "sk": key.sk,
            "doc": to_doc(noted),
            "dir_kind": keys.due_kind(KIND, account_id, shards),
            "dir_key": f"{rfc3339(noted.due)}#{account_id}#{noted.what}",
        },
        condition,
    )


def every(table: Table, shards: int) -> Iterator[tuple[str, Noted]]:
    """Account and note, in the order in which they fell due."""
    for _, key in merge(*(_shard(table, shard) for shard in range(shards))):
        row = table.get(Key(*key))
        if row is not None:
            yield keys.account_of(Key(*key)), from_doc(Noted, row["doc"])


def _shard(table: Table, shard: int) -> Iterator[tuple[str, tuple[str, str]]]:
    after: str | None = None
    while True:
        page = table.directory(f"{KIND}#{shard}", limit=PAGE, after=after)
        yield from ((due.due_at, (due.key.pk, due.key.sk)) for due in page.due)
        if (after := page.after) is None:
            return


def of_account(table: Table, account_id: str) -> Iterator[tuple[str, Noted]]:
    after: str | None = None
    found: list[Noted] = []
    while True:
        page = table.query(keys.partition(account_id), keys.SHADOW, after=after)
        found += [from_doc(Noted, row["doc"]) for row in page.rows]
        if (after := page.after) is None:
            break
    yield from ((account_id, noted) for noted in sorted(found, key=lambda one: one.due))
