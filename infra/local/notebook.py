"""What the local stack writes down: small JSON notes, in the order they were made, kept in one SQLite file.

It outlives the process, also a killed one. It does not outlive the machine's power: the write-ahead log
is left to the operating system, which costs microseconds a note instead of milliseconds.
"""

import sqlite3
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec

MEMORY = Path(":memory:")
"""In place of a file: nothing is to outlive the process."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS note (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    book TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, UNIQUE (book, key)
)
"""


class Notebook:
    """Books of notes; a note has a key, unique in its book, and keeps its place when it is changed.

    One process writes, so the file is read once, when the notebook is opened."""

    def __init__(self, path: Path) -> None:
        self._lock = Lock()
        self._notes: dict[str, dict[str, bytes]] = {}
        """Book → key → the note as JSON, so that nobody changes it by changing what they were given."""
        self._file = None if path == MEMORY else _opened(path)
        if self._file is not None:
            found = self._file.execute("SELECT book, key, value FROM note ORDER BY number")
            for book, key, value in found:
                self._notes.setdefault(book, {})[key] = value.encode()

    def get(self, book: str, key: str) -> Any:
        """The note, or None."""
        found = self._notes.get(book, {}).get(key)
        return None if found is None else msgspec.json.decode(found)

    def put(self, book: str, key: str, value: Any) -> None:
        note = msgspec.json.encode(value)
        with self._lock:
            self._write(book, key, note)

    def add(self, book: str, key: str, value: Any) -> bool:
        """Writes a note once. False when there was one under this key: that one stays."""
        note = msgspec.json.encode(value)
        with self._lock:
            if key in self._notes.get(book, {}):
                return False
            self._write(book, key, note)
            return True

    def read(self, book: str) -> list[tuple[str, Any]]:
        """Every note of a book with its key, oldest first."""
        with self._lock:
            found = list(self._notes.get(book, {}).items())
        return [(key, msgspec.json.decode(note)) for key, note in found]

    def close(self) -> None:
        with self._lock:
            if self._file is not None:
                self._file.close()

    def _write(self, book: str, key: str, note: bytes) -> None:
        if self._file is not None:
            self._file.execute(
                "INSERT INTO note (book, key, value) VALUES (?, ?, ?)"
                " ON CONFLICT (book, key) DO UPDATE SET value = excluded.value",
                (book, key, note.decode()),
            )
        # After the file, which may refuse: what is read here is found again after a kill.
        self._notes.setdefault(book, {})[key] = note


def _opened(path: Path) -> sqlite3.Connection:
    file = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    file.execute("PRAGMA journal_mode=WAL")
    file.execute("PRAGMA synchronous=OFF")
    file.execute(SCHEMA)
    return file
