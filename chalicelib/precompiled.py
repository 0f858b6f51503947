"""Uses what the build compiled ahead of the methods of our records; without it, everything is compiled as it is loaded.

A dataclass writes the source of its methods and compiles it whenever its module is loaded: four fifths of what one costs,
and we load some two hundred. Python keeps compiled modules, and these methods are in none. The build keeps them beside
us: source → code. What is not found there, or was compiled by another Python, is compiled as ever (decisions/0025).
"""

from __future__ import annotations

import dataclasses
import marshal
from collections.abc import Mapping
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_suffix(".marshal")


def use(file: Path = FILE) -> None:
    try:
        written = file.read_bytes()
    except OSError:
        return
    # What Python itself asks of a compiled module.
    if written.startswith(MAGIC_NUMBER):
        # Trusted as the compiled modules beside it are: whoever can write here can write those.
        _look_up_in(marshal.loads(written[len(MAGIC_NUMBER) :]))  # noqa: S302


def _look_up_in(codes: Mapping[str, bytes]) -> None:
    def execute(source: str, *where: Any) -> None:
        known = codes.get(source)
        exec(source if known is None else marshal.loads(known), *where)  # noqa: S102, S302 - as dataclasses does

    # The name by which that module compiles and runs what it wrote; Python's own is left alone.
    dataclasses.exec = execute  # type: ignore[attr-defined]
