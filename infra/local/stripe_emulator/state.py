"""The SQLite file that lets the emulator outlive its process. It stores what it is given.

Only death of the process is guarded against, not of the machine: the write-ahead log is left to
the operating system to flush, which survives SIGKILL and keeps a commit at some microseconds.
"""

from __future__ import annotations

import json
import sqlite3
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Json = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS object (
    kind TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, id)
);
"""


class StateFile:
    """Rows of (kind, id, JSON), read back in the order in which they were first written."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        weakref.finalize(self, self._file.close)
        self._file.execute("PRAGMA journal_mode=WAL")
        self._file.execute("PRAGMA synchronous=OFF")
        self._file.executescript(_SCHEMA)

    def read(self) -> Iterator[tuple[str, str, Json]]:
        rows = self._file.execute("SELECT kind, id, body FROM object ORDER BY rowid")
        for kind, identity, body in rows:
            yield kind, identity, json.loads(body)

    def write(
        self, changed: Iterable[tuple[str, str, Json]], removed: Iterable[tuple[str, str]]
    ) -> None:
        """All of it or nothing: a half-written step would be carried out twice after a crash."""
        self._file.execute("BEGIN")
        self._file.executemany("DELETE FROM object WHERE kind = ? AND id = ?", removed)
        self._file.executemany(
            "INSERT INTO object (kind, id, body) VALUES (?, ?, ?)"
            " ON CONFLICT (kind, id) DO UPDATE SET body = excluded.body",
            ((kind, identity, json.dumps(body)) for kind, identity, body in changed),
        )
        self._file.execute("COMMIT")
