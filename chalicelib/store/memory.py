"""A table in memory, for tests and for simulations that run thousands of worlds.

It keeps the promises and the limits of table.py, and holds nothing when the process ends. It never
raises Contended or Unavailable by itself: faults are put around a table, not into it.
"""

from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from threading import RLock
from typing import Final

from chalicelib.store.rows import (
    INDEXES,
    Prepared,
    Stored,
    check_key,
    check_limit,
    check_size,
    check_writes,
    item_bytes,
    loaded,
    parts_of,
    position,
    prepare,
    prepared,
)
from chalicelib.store.table import (
    ALWAYS,
    Action,
    Check,
    Delete,
    Due,
    DuePage,
    If,
    Key,
    Page,
    Put,
    Refused,
    Row,
)

Entry = tuple[str, str, str]
"""One entry of an index: what it is sorted by, then the key of the row."""

_START: Final = "\x00"
"""Where an empty first page "ended": the next page begins where that one did."""
_REMEMBERED_COMMITS: Final = 1000


class MemoryTable:
    """A Table of dictionaries and sorted lists.

    Three knobs make the world as awkward as DynamoDB may be; all are off unless given.
    page_bytes: a page ends with the row that passes this size (DynamoDB: 1 MB).
    max_page: given the limit asked for, how many rows this page may hold; 0 gives an empty page
    that continues.
    index_lag: how many of the latest commits the index being read has not heard of yet.
    """

    def __init__(
        self,
        *,
        page_bytes: int | None = None,
        max_page: Callable[[int], int] | None = None,
        index_lag: Callable[[], int] | None = None,
    ) -> None:
        self._page_bytes = page_bytes
        self._max_page = max_page
        self._index_lag = index_lag
        self._lock = RLock()
        self._partitions: dict[str, _Partition] = {}
        self._indexes = {name: _Index(*attributes) for name, attributes in INDEXES.items()}
        self._commits: deque[list[_Change]] = deque(maxlen=_REMEMBERED_COMMITS)

    def get(self, key: Key) -> Row | None:
        check_key(key)
        with self._lock:
            values = self._find(key)
            return loaded(values) if values is not None else None

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Row]:
        found = {key: self.get(key) for key in keys}
        return {key: row for key, row in found.items() if row is not None}

    def query(
        self,
        pk: str,
        prefix: str = "",
        *,
        limit: int = 100,
        after: str | None = None,
        newest_first: bool = False,
    ) -> Page:
        check_key(Key(pk, prefix or "-"))
        check_limit(limit)
        most = self._most(limit)
        if most == 0:
            return Page([], after or _START)
        with self._lock:
            partition = self._partitions.get(pk, _NOTHING)
            sks = partition.between(prefix, None if after == _START else after, newest_first)
            rows, last = self._page(((sk, partition.rows[sk]) for sk in sks), most)
        return Page([loaded(values) for values in rows], last)

    def due(
        self, due_kind: str, until: str, *, limit: int = 100, after: str | None = None
    ) -> DuePage:
        check_key(Key(due_kind, until))
        return self._read_index("due", due_kind, "", until, limit, after)

    def directory(
        self, dir_kind: str, prefix: str = "", *, limit: int = 100, after: str | None = None
    ) -> DuePage:
        check_key(Key(dir_kind, prefix or "-"))
        return self._read_index("directory", dir_kind, prefix, None, limit, after)

    def write(self, action: Action) -> None:
        check_writes(action)
        self._commit([prepare(action)])

    def transact(self, actions: Sequence[Action]) -> None:
        self._commit(prepared(actions))

    def _commit(self, ready: Sequence[Prepared]) -> None:
        with self._lock:
            found = [self._find(one.key) for one in ready]
            failed = [
                not _holds(one.action.condition, values)
                for one, values in zip(ready, found, strict=True)
            ]
            if any(failed):
                raise Refused(failed)
            # Every new row is worked out before the first is stored: a size may still be refused.
            outcomes = [_outcome(one, old) for one, old in zip(ready, found, strict=True)]
            changes: list[_Change] = []
            for one, old, new in zip(ready, found, outcomes, strict=True):
                self._store(one.key, old, new, changes)
            if self._index_lag is not None:
                self._commits.append(changes)

    def _find(self, key: Key) -> Stored | None:
        partition = self._partitions.get(key.pk)
        return partition.rows.get(key.sk) if partition is not None else None

    def _store(
        self, key: Key, old: Stored | None, new: Stored | None, changes: "list[_Change]"
    ) -> None:
        if new is not None:
            self._partitions.setdefault(key.pk, _Partition()).put(key.sk, new)
        elif old is not None:
            self._partitions[key.pk].remove(key.sk)
        for name, index in self._indexes.items():
            before, after = index.entry(key, old), index.entry(key, new)
            if before != after:
                index.replace(before, after)
                changes.append((name, before, after))

    def _most(self, limit: int) -> int:
        return limit if self._max_page is None else max(0, min(limit, self._max_page(limit)))

    def _page(
        self, found: Iterator[tuple[str, Stored]], most: int
    ) -> tuple[list[Stored], str | None]:
        """As many rows as one page holds, and the sk it stopped at when it did stop."""
        rows: list[Stored] = []
        size = 0
        for sk, values in found:
            rows.append(values)
            if self._page_bytes is not None:
                size += item_bytes(values)
            if len(rows) == most or (self._page_bytes is not None and size > self._page_bytes):
                # DynamoDB stops here without looking whether anything follows, so the next page
                # may be empty. Callers must bear that, so this table does the same.
                return rows, sk
        return rows, None

    def _read_index(
        self, name: str, group: str, prefix: str, until: str | None, limit: int, after: str | None
    ) -> DuePage:
        check_limit(limit)
        most = self._most(limit)
        if most == 0:
            return DuePage([], after or _START)
        with self._lock:
            entries = self._indexes[name].groups.get(group, [])
            if self._index_lag is not None:
                entries = self._as_it_was(name, group, entries, self._index_lag())
            start = bisect_left(entries, (prefix, "", ""))
            if after is not None and after != _START:
                start = max(start, bisect_right(entries, parts_of(after)))
            if until is None:
                stop = bisect_right(entries, prefix, key=lambda entry: entry[0][: len(prefix)])
            else:
                stop = bisect_right(entries, until, key=lambda entry: entry[0])
            page = entries[start : min(start + most, stop)]
        due = [Due(Key(pk, sk), sort) for sort, pk, sk in page]
        return DuePage(due, position(*page[-1]) if len(page) == most else None)

    def _as_it_was(self, name: str, group: str, entries: list[Entry], commits: int) -> list[Entry]:
        """The entries without the latest commits, the newest undone first."""
        past = set(entries)
        for changes in islice(reversed(self._commits), commits):
            for changed, before, after in reversed(changes):
                if changed != name:
                    continue
                if after is not None and after[0] == group:
                    past.discard(after[1])
                if before is not None and before[0] == group:
                    past.add(before[1])
        return sorted(past)


class _Partition:
    """The rows of one pk, with their sort keys in order."""

    __slots__ = ("rows", "sks")

    def __init__(self) -> None:
        self.rows: dict[str, Stored] = {}
        self.sks: list[str] = []

    def put(self, sk: str, values: Stored) -> None:
        if sk not in self.rows:
            insort(self.sks, sk)
        self.rows[sk] = values

    def remove(self, sk: str) -> None:
        del self.rows[sk]
        del self.sks[bisect_left(self.sks, sk)]

    def between(self, prefix: str, after: str | None, newest_first: bool) -> Iterator[str]:
        """Sort keys that start with prefix and lie beyond `after`, in the order asked for."""
        start, stop = 0, len(self.sks)
        if prefix:
            start = bisect_left(self.sks, prefix)
            stop = bisect_right(self.sks, prefix, lo=start, key=lambda sk: sk[: len(prefix)])
        if after is not None and newest_first:
            stop = min(stop, bisect_left(self.sks, after))
        elif after is not None:
            start = max(start, bisect_right(self.sks, after))
        places = range(stop - 1, start - 1, -1) if newest_first else range(start, stop)
        return (self.sks[place] for place in places)


_NOTHING: Final = _Partition()

Grouped = tuple[str, Entry]
_Change = tuple[str, Grouped | None, Grouped | None]
"""What one commit did to one index: its name, the entry taken out, the entry put in."""


class _Index:
    """The entries of one index, grouped and in order.

    Sparse: a row without both attributes is not in it.
    """

    def __init__(self, group_attribute: str, sort_attribute: str) -> None:
        self._group = group_attribute
        self._sort = sort_attribute
        self.groups: dict[str, list[Entry]] = {}

    def entry(self, key: Key, values: Stored | None) -> Grouped | None:
        if values is None or self._group not in values or self._sort not in values:
            return None
        return str(values[self._group]), (str(values[self._sort]), key.pk, key.sk)

    def replace(self, before: Grouped | None, after: Grouped | None) -> None:
        if before is not None:
            group, entry = before
            entries = self.groups[group]
            del entries[bisect_left(entries, entry)]
        if after is not None:
            group, entry = after
            insort(self.groups.setdefault(group, []), entry)


def _holds(condition: If, values: Stored | None) -> bool:
    if condition is ALWAYS:
        return True
    if condition.absent and values is not None:
        return False
    if condition.present and values is None:
        return False
    have = values or {}
    return all(have.get(name) == value for name, value in condition.equals.items()) and all(
        name not in have or have[name] < value  # type: ignore[operator]
        for name, value in condition.before.items()
    )


def _outcome(one: Prepared, old: Stored | None) -> Stored | None:
    """The row after the action, None when there is none."""
    match one.action:
        case Put():
            return one.values
        case Delete():
            return None
        case Check():
            return old
        case _:
            new = {"pk": one.key.pk, "sk": one.key.sk, **(old or {}), **one.values}
            for name in one.removed:
                new.pop(name, None)
            check_size(new)
            return new
