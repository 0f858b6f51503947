"""Uses what the build made ahead of a cold start, out of one file; without it, each module is loaded by itself.

A module by itself is looked for, opened and read, and whatever names it shares with others are read once more: a
twentieth of a cold start, for the hundred modules that every function loads. The build puts those, compiled, into one
file, and with them what `dataclasses` made of our records (infra/packaging/ahead.py, precompiled.py).
"""

from __future__ import annotations

import marshal
import sys
from collections.abc import Mapping
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import MAGIC_NUMBER, spec_from_file_location
from pathlib import Path
from types import CodeType
from typing import Final

from chalicelib import precompiled

FILE: Final = Path(__file__).with_suffix(".marshal")
TOP: Final = str(Path(__file__).parent.parent)

Modules = Mapping[str, tuple[str, CodeType]]
"""By their names, each with where its source lies below TOP."""


def use(file: Path = FILE) -> None:
    try:
        written = file.read_bytes()
    except OSError:
        return
    # What Python itself asks of a compiled module.
    if written.startswith(MAGIC_NUMBER):
        # Trusted as the compiled modules beside it are: whoever can write here can write those.
        modules, records = marshal.loads(memoryview(written)[len(MAGIC_NUMBER) :])  # noqa: S302
        sys.meta_path.insert(0, _Finder(modules))
        precompiled.use(records)


class _Finder:
    def __init__(self, modules: Modules) -> None:
        self._modules = modules

    def find_spec(
        self, name: str, _path: object = None, _target: object = None
    ) -> ModuleSpec | None:
        if name not in self._modules:
            return None
        source, code = self._modules[name]
        place = f"{TOP}/{source}"
        folder, _, file = place.rpartition("/")
        return spec_from_file_location(
            name,
            place,
            loader=_Loader(name, place, code),
            submodule_search_locations=[folder] if file == "__init__.py" else None,
        )


class _Loader(SourceFileLoader):
    """As if from its source, which lies in its place: a traceback shows its lines."""

    def __init__(self, name: str, place: str, code: CodeType) -> None:
        super().__init__(name, place)
        self._code = code

    def get_code(self, fullname: str) -> CodeType:
        return self._code
