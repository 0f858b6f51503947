"""`python -m infra.docs events` writes docs/reference/events anew."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from infra.docs.events import files

DOCS = Path(__file__).resolve().parents[2] / "docs"

PARTS: Mapping[str, Callable[[], Mapping[str, str]]] = {"reference/events": files}
"""Folder below docs → what lies in it, by name. Nothing else may lie there."""


def write(folder: str) -> int:
    """How many files were written."""
    where, wanted = DOCS / folder, PARTS[folder]()
    where.mkdir(parents=True, exist_ok=True)
    for old in where.iterdir():
        if old.name not in wanted:
            old.unlink()
    for name, text in wanted.items():
        (where / name).write_text(text, encoding="utf-8")
    return len(wanted)


def main(arguments: list[str]) -> int:
    named = {folder.rpartition("/")[2]: folder for folder in PARTS}
    asked = arguments or list(named)
    unknown = [name for name in asked if name not in named]
    if unknown:
        print(f"There is no part called {unknown[0]}. There are: {', '.join(named)}.")
        return 2
    for name in asked:
        print(f"docs/{named[name]}: {write(named[name])} files")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
