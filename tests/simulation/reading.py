"""The table read whole after every act, at the price of what was written since: the rest is as it was.

What only a written row can break is looked at again where a row was written, and nowhere else; so a violation is still
found at the very act that made it.
"""

from __future__ import annotations

from typing import Any, Protocol

from chalicelib.domain.account import Account
from chalicelib.store import keys
from chalicelib.store.accounts import loaded_from
from chalicelib.store.memory import MemoryTable
from chalicelib.store.rows import Stored, loaded
from chalicelib.store.table import Key, Row, Table
from tests.support.invariants import Around, Seen, claims, customers

ACCOUNT, NUMBER, CUSTOMER = keys.partition(""), "N#", "C#"


Snapshot = dict[str, dict[str, Stored]]
"""Partition → what is stored in it."""


class Whole(Table, Protocol):
    """A table that a world stands on: it can be read whole and put back whole, as nothing in the app ever does."""

    written: set[str]
    """Partitions that were written to, until somebody has looked."""

    def rows(self, pk: str) -> dict[str, Stored]: ...

    def snapshot(self) -> Snapshot:
        """Partitions without any row are left out."""

    def go_back(self, to: Snapshot) -> None: ...


class NotingTable(MemoryTable):
    def __init__(self) -> None:
        super().__init__()
        self.written: set[str] = set()

    def _store(self, key: Key, *rest: object) -> None:
        self.written.add(key.pk)
        super()._store(key, *rest)  # type: ignore[arg-type]

    def rows(self, pk: str) -> dict[str, Stored]:
        partition = self._partitions.get(pk)
        # Rows are replaced, never changed, so it is enough to remember which they were.
        return dict(partition.rows) if partition is not None else {}

    def snapshot(self) -> Snapshot:
        return {pk: rows for pk in self._partitions if (rows := self.rows(pk))}

    def go_back(self, to: Snapshot) -> None:
        now = self.snapshot()
        for pk in {*now, *to}:
            was, rows = now.get(pk, {}), to.get(pk, {})
            for sk in {*was, *rows}:
                if was.get(sk) is not rows.get(sk):
                    self._store(Key(pk, sk), was.get(sk), rows.get(sk), [])


class Reading:
    def __init__(self, table: Whole) -> None:
        self._table = table
        self._known: dict[str, dict[str, tuple[Stored, Row]]] = {}
        self.accounts: dict[str, Seen] = {}
        """Partition → what stands in it."""
        self._loaded: dict[str, tuple[Row, Account]] = {}
        self._read_as: dict[str, dict[str, tuple[Row, Any]]] = {}
        self._owners: dict[str, str] = {}
        self._claims: dict[str, list[str]] = {}

    def catch_up(self) -> tuple[list[Row], list[Seen]]:
        """The rows that were written since the last time, and the accounts that they may have changed."""
        written, self._table.written = self._table.written, set()
        fresh = [row for pk in sorted(written) for row in self._read(pk)]
        changed = {pk for pk in written if pk.startswith(ACCOUNT)}
        if any(pk.startswith((NUMBER, CUSTOMER)) for pk in written):
            # Whose they are is compared with every account: a claim may also be missing where nothing was written.
            self._owners = customers(self._beside(CUSTOMER))
            self._claims = claims(self._beside(NUMBER))
            changed |= set(self.accounts)
        return fresh, [self.accounts[pk] for pk in sorted(changed) if pk in self.accounts]

    def around(self, carrier: dict[str, dict[str, object]]) -> Around:
        return Around(self._owners, self._claims, carrier)

    def _read(self, pk: str) -> list[Row]:
        """Each row that is not the very one seen before."""
        before = self._known.get(pk, {})
        now: dict[str, tuple[Stored, Row]] = {}
        fresh: list[Row] = []
        for sk, values in self._table.rows(pk).items():
            seen = before.get(sk)
            # In memory a row that was not written is the very one; over HTTP it is one that says the same.
            if seen is None or (seen[0] is not values and seen[0] != values):
                seen = values, loaded(values)
                fresh.append(seen[1])
            now[sk] = seen
        self._known[pk] = now
        if pk.startswith(ACCOUNT):
            self.accounts.pop(pk, None)
            if "account" in now:
                rows = [now[sk][1] for sk in sorted(now)]
                read = self._read_as.setdefault(pk, {})
                self.accounts[pk] = Seen(self._account(pk, now["account"][1]), rows, read)
        return fresh

    def _account(self, pk: str, row: Row) -> Account:
        known = self._loaded.get(pk)
        if known is None or known[0] is not row:
            known = self._loaded[pk] = row, loaded_from(row).account
        return known[1]

    def _beside(self, kind: str) -> list[Row]:
        return [
            row
            for pk, rows in self._known.items()
            if pk.startswith(kind)
            for _, row in rows.values()
        ]
