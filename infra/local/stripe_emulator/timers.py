"""When each thing is next due. Says what comes first; carries nothing out."""

from __future__ import annotations

import heapq


class Timers:
    """One moment per key. Stale heap entries are skipped when met, so setting is cheap."""

    def __init__(self) -> None:
        self._due: dict[tuple[str, str], tuple[int, int, int]] = {}
        self._heap: list[tuple[int, int, int, tuple[str, str]]] = []
        self._count = 0

    def set(self, key: tuple[str, str], at: int | None, rank: int = 0) -> None:
        known = self._due.get(key)
        if at is None:
            self._due.pop(key, None)
        elif known is None or known[:2] != (at, rank):
            self._count += 1
            self._due[key] = (at, rank, self._count)
            heapq.heappush(self._heap, (at, rank, self._count, key))

    def first(self) -> tuple[int, tuple[str, str]] | None:
        while self._heap:
            at, rank, count, key = self._heap[0]
            if self._due.get(key) == (at, rank, count):
                return at, key
            heapq.heappop(self._heap)
        return None

    def due(self, now: int) -> list[tuple[str, str]]:
        """Every key due at `now`, earliest first, each taken off; it must be set anew."""
        keys = []
        while (first := self.first()) and first[0] <= now:
            keys.append(first[1])
            self.set(first[1], None)
        return keys
