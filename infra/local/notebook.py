"""What the local stack writes down: small JSON notes in one SQLite file, in the order they were made.

It outlives the process, also a killed one. It does not outlive the machine's power: the write-ahead log
is left to the operating system, which costs microseconds a note instead of milliseconds.
"""

import sqlite3
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec

SCHEMA = """
CREATE TABLE IF NOT EXISTS note (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    book TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, UNIQUE (book, key)
)
"""


class Notebook:
    """Books of notes; a note has a key, unique in its book, and keeps its place when it is changed."""

    def __init__(self, path: Path) -> None:
        self._lock = Lock()
        self._file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._file.execute("PRAGMA journal_mode=WAL")
        self._file.execute("PRAGMA synchronous=OFF")
        self._file.execute(SCHEMA)

    def get(self, book: str, key: str) -> Any:
        """The note, or None."""
        found = self._ask("SELECT value FROM note WHERE book = ? AND key = ?", book, key)
        return msgspec.json.decode(found[0][0]) if found else None

    def put(self, book: str, key: str, value: Any) -> None:
        self._ask(
            "INSERT INTO note (book, key, value) VALUES (?, ?, ?)"
            " ON CONFLICT (book, key) DO UPDATE SET value = excluded.value",
            *(book, key, msgspec.json.encode(value).decode()),
        )

    def add(self, book: str, key: str, value: Any) -> bool:
        """Writes a note once. False when there was one under this key: that one stays."""
        return bool(
            self._ask(
                "INSERT INTO note (book, key, value) VALUES (?, ?, ?)"
                " ON CONFLICT (book, key) DO NOTHING RETURNING number",
                *(book, key, msgspec.json.encode(value).decode()),
            )
        )

    def read(self, book: str) -> list[tuple[str, Any]]:
        """Every note of a book with its key, oldest first."""
        found = self._ask("SELECT key, value FROM note WHERE book = ? ORDER BY number", book)
        return [(key, msgspec.json.decode(value)) for key, value in found]

    def close(self) -> None:
        with self._lock:
            self._file.close()

    def _ask(self, statement: str, *values: str) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._file.execute(statement, values).fetchall()
