"""How every benchmark prints: a heading with the unit, a table, and of each goal whether it is met."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from chalicelib.log import NAME

MOST = "≤"
EXACTLY = "="


def quiet() -> None:
    """The product's log lines are none of what is printed here."""
    logging.getLogger(NAME).addHandler(logging.NullHandler())
    logging.getLogger(NAME).propagate = False


def show(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], notes: Iterable[str] = ()
) -> None:
    """A column whose name begins with `>` is flush right."""
    names = [column.removeprefix(">") for column in columns]
    right = [column.startswith(">") for column in columns]
    every = [list(row) for row in rows]
    widths = [max(len(line[n]) for line in [names, *every]) for n in range(len(names))]
    print(title)
    print("-" * len(title))
    for line in [names, *every]:
        cells = zip(line, widths, right, strict=True)
        padded = [c.rjust(width) if flush else c.ljust(width) for c, width, flush in cells]
        print("  ".join(padded).rstrip())
    for note in notes:
        print(note)
    print()


def goal(value: float, bound: float, unit: str = "", *, how: str = MOST) -> str:
    """The goal, and whether the value meets it."""
    is_met = round(value, 2) <= bound if how == MOST else value == bound
    return f"{how} {bound:g}{unit}: {'met' if is_met else 'MISSED'}"
