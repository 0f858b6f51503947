"""Request units by DynamoDB's published rules, counted while a story runs on the in-memory table. No clock, no machine.

A write costs one unit for each begun KB of the larger of the old row and the new, two in a transaction, and as much when
its condition fails. An index costs one for each of its entries that appears or goes. A strongly consistent read costs one
unit for each begun 4 KB, of a query all its rows together; an index is read for half.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

from chalicelib.store.memory import MemoryTable
from chalicelib.store.rows import item_bytes, prepare
from chalicelib.store.table import Action, DuePage, Key, Page, Refused, Row

INDEXES = (("due_kind", "due_at"), ("dir_kind", "dir_key"))
ENTRY_BYTES = 200
"""Of an index that holds keys only: four texts with their names, and what DynamoDB adds."""


class MeteredTable(MemoryTable):
    def __init__(self) -> None:
        super().__init__()
        self.written = 0.0
        self.read = 0.0
        self.requests = 0

    def start(self) -> None:
        self.written, self.read, self.requests = 0.0, 0.0, 0

    # -- reads

    def get(self, key: Key) -> Row | None:
        self.requests += 1
        self.read += _read_units(self._size(key))
        return super().get(key)

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Row]:
        self.requests += ceil(len(keys) / 100)
        self.read += sum(_read_units(self._size(key)) for key in keys)
        found = {key: MemoryTable.get(self, key) for key in keys}
        return {key: row for key, row in found.items() if row is not None}

    def query(self, pk: str, prefix: str = "", **how: Any) -> Page:
        self.requests += 1
        page = super().query(pk, prefix, **how)
        size = sum(self._size(Key(row["pk"], row["sk"])) for row in page.rows)
        self.read += _read_units(size)
        return page

    def due(self, due_kind: str, until: str, **how: Any) -> DuePage:
        return self._of_index(super().due(due_kind, until, **how))

    def directory(self, dir_kind: str, prefix: str = "", **how: Any) -> DuePage:
        return self._of_index(super().directory(dir_kind, prefix, **how))

    def _of_index(self, page: DuePage) -> DuePage:
        self.requests += 1
        self.read += 0.5 * _read_units(ENTRY_BYTES * len(page.due))
        return page

    # -- writes

    def write(self, action: Action) -> None:
        self.requests += 1
        self._written([action], each=1)

    def transact(self, actions: Sequence[Action]) -> None:
        self.requests += 1
        self._written(actions, each=2)

    def _written(self, actions: Sequence[Action], each: int) -> None:
        keys = [prepare(one).key for one in actions]
        before = [self._values(key) for key in keys]
        try:
            super().write(actions[0]) if each == 1 else super().transact(actions)
        except Refused:
            self.written += each * sum(_write_units(_bytes(old)) for old in before)
            raise
        after = [self._values(key) for key in keys]
        for old, new in zip(before, after, strict=True):
            self.written += each * _write_units(max(_bytes(old), _bytes(new)))
            self.written += sum(_entries_changed(old, new, names) for names in INDEXES)

    def _values(self, key: Key) -> dict[str, Any]:
        return dict(self._find(key) or {})

    def _size(self, key: Key) -> int:
        return _bytes(self._values(key))


def _bytes(values: dict[str, Any]) -> int:
    return item_bytes(values) if values else 0


def _read_units(size: int) -> int:
    return max(1, ceil(size / 4096))


def _write_units(size: int) -> int:
    return max(1, ceil(size / 1024))


def _entries_changed(old: dict[str, Any], new: dict[str, Any], names: tuple[str, str]) -> int:
    one, other = (tuple(row.get(name) for name in names) for row in (old, new))
    if one == other:
        return 0
    return (None not in one) + (None not in other)
