"""Where in a policy's file each key stands, and which comment stands above it: the sentence it keeps."""

from __future__ import annotations

import re
from collections.abc import Iterator

from chalicelib.policies.checking import Path

HEADER = re.compile(r"\s*(\[\[?)([^\]]+)\]")
KEY = re.compile(r"""\s*("?)([A-Za-z0-9_.-]+)\1\s*=""")


def line_of(text: str, path: Path) -> int:
    """The line of the key at this path, or of the nearest thing around it that the file names."""
    lines = places(text)
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def sentence_of(text: str, path: Path) -> str | None:
    """What the comment above this key says; else the one above the table it stands in; for an entry of a list of
    tables, else the one above the list's first entry."""
    lines, known = text.splitlines(), places(text)
    while path:
        said = _comment_above(lines, known[path]) if path in known else None
        if said is not None:
            return said
        path = path[:-1]
    return None


def standing_alone(text: str) -> Iterator[str]:
    """Comments that belong to no key: what the file says of itself, and of what is not promised."""
    lines = [*text.splitlines(), ""]
    for n, line in enumerate(lines):
        if not line.strip() and n and _is_comment(lines[n - 1]):
            said = _comment_above(lines, n + 1)
            if said is not None:
                yield said


def places(text: str) -> dict[Path, int]:
    """Path → line, of every table and key."""
    found: dict[Path, int] = {}
    table: Path = ()
    seen: dict[str, int] = {}
    for n, line in enumerate(text.splitlines(), 1):
        header, key = HEADER.match(line), KEY.match(line)
        if header:
            name = header[2].strip()
            table = tuple(part.strip().strip('"') for part in name.split("."))
            if header[1] == "[[":
                seen[name] = seen.get(name, -1) + 1
                found.setdefault(table, n)
                table = (*table, seen[name])
            found[table] = n
        elif key:
            found[(*table, *key[2].split("."))] = n
    return found


def _comment_above(lines: list[str], line: int) -> str | None:
    """The comment that ends right above this line (counted from 1), as one sentence."""
    said: list[str] = []
    for above in reversed(lines[: line - 1]):
        if not _is_comment(above):
            break
        if not above.startswith("#:"):
            said.insert(0, above.strip().removeprefix("#").strip())
    return " ".join(said) or None


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")
