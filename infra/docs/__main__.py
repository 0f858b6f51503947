"""`make docs` writes everything in docs that is made from the code; `python -m infra.docs events api` only those."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from infra.docs import (
    api,
    cli,
    events,
    local_controls,
    metrics,
    policy_keys,
    problems,
    settings,
    states,
)

DOCS = Path(__file__).resolve().parents[2] / "docs"

PARTS: Mapping[str, Callable[[], Mapping[str, str]]] = {"reference/events": events.files}
"""Folder below docs → what lies in it, by name. Nothing else may lie there."""
PAGES: Mapping[str, Callable[[], str]] = {
    "reference/api.md": api.page,
    "reference/cli.md": cli.page,
    "reference/policy.md": policy_keys.page,
    "reference/problems.md": problems.page,
    "reference/settings.md": settings.page,
    "reference/metrics.md": metrics.page,
    "reference/local-controls.md": local_controls.page,
    "explanation/states.md": states.page,
}
"""Page below docs → its text."""


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


def write_page(name: str) -> None:
    (DOCS / name).parent.mkdir(parents=True, exist_ok=True)
    (DOCS / name).write_text(PAGES[name](), encoding="utf-8")


def main(arguments: list[str]) -> int:
    named = {one.rpartition("/")[2].removesuffix(".md"): one for one in (*PARTS, *PAGES)}
    asked = arguments or list(named)
    unknown = [name for name in asked if name not in named]
    if unknown:
        print(f"There is no part called {unknown[0]}. There are: {', '.join(named)}.")
        return 2
    for name in asked:
        if named[name] in PARTS:
            print(f"docs/{named[name]}: {write(named[name])} files")
        else:
            write_page(named[name])
            print(f"docs/{named[name]}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
