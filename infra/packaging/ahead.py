"""Writes down what `chalicelib/ahead.py` uses: the modules that every function loads, and what `dataclasses` made of our
records, for `chalicelib/precompiled.py` to put together again.

A program of its own, given the folders of the compiled app and of its dependencies (compiling.py runs it). The modules are
those that the webhook loads, which are loaded by every function; their compiled files are of no more use, and go. Then it
loads every module of ours, and looks at each record's finished class. A record that holds on to anything else than is
known there is left to `dataclasses`.
"""

from __future__ import annotations

import dataclasses
import importlib
import marshal
import pkgutil
import re
import sys
from collections.abc import Iterator, Mapping
from importlib.util import MAGIC_NUMBER
from inspect import get_annotations
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

WRITTEN = "<string>"
"""The file that a method's code names which was compiled from text."""
HEAD = 16
"""The bytes of a compiled file before its code."""


def main() -> None:
    top = sys.argv[1]
    sys.path[:0] = sys.argv[1:]
    # Only now can it be found.
    from chalicelib import ahead, precompiled

    before = set(sys.modules)
    importlib.import_module("chalicelib.webhook_app")
    shared = {name for name in set(sys.modules) - before if _is_ours(name)}
    importlib.import_module("app")
    for one in pkgutil.walk_packages(importlib.import_module("chalicelib").__path__, "chalicelib."):
        importlib.import_module(one.name)
    ours = [module for name, module in sorted(sys.modules.items()) if _is_ours(name)]
    records = {
        f"{cls.__module__}.{cls.__qualname__}": (
            made if module.__name__ in shared else marshal.dumps(made)
        )
        for module in ours
        for cls in _records(module)
        if (made := _made(cls, precompiled)) is not None
    }
    modules = {name: _taken(sys.modules[name], Path(top)) for name in sorted(shared)}
    ahead.FILE.write_bytes(MAGIC_NUMBER + marshal.dumps((modules, records)))


def _taken(module: ModuleType, top: Path) -> tuple[str, CodeType]:
    """Where its source lies, and its code as it was compiled: loaded, it would name the folder of this build."""
    assert module.__file__ is not None
    assert module.__cached__ is not None
    compiled = Path(module.__cached__)
    code = marshal.loads(compiled.read_bytes()[HEAD:])  # noqa: S302
    compiled.unlink()
    return Path(module.__file__).relative_to(top).as_posix(), code


def _is_ours(module: str) -> bool:
    return module == "app" or module.partition(".")[0] == "chalicelib"


def _records(module: ModuleType) -> Iterator[type]:
    for thing in vars(module).values():
        if (
            isinstance(thing, type)
            and thing.__module__ == module.__name__
            and "__dataclass_fields__" in vars(thing)
            and "__slots__" in vars(thing)
        ):
            yield thing


def _made(cls: type, precompiled: Any) -> tuple[Any, ...] | None:
    content = vars(cls)
    words = {id(value): word for word, value in precompiled.KNOWN.items()}
    for name, field in content["__dataclass_fields__"].items():
        # No value that is not the field's own: a class variable, or an argument that is not kept.
        if field._field_type is not dataclasses._FIELD:  # type: ignore[attr-defined]  # noqa: SLF001
            return None
        has_none = field.default is dataclasses.MISSING
        words.setdefault(id(field.default_factory if has_none else field.default), f"={name}")
    methods: dict[str, tuple[Any, ...] | None] = {}
    for name, value in content.items():
        method = getattr(value, "__wrapped__", value)
        if isinstance(method, FunctionType) and method.__code__.co_filename == WRITTEN:
            try:
                methods[name] = _method(cls, method, words, precompiled.OWN_CLASS)
            except KeyError:
                return None
    declared = content["__dataclass_params__"]
    if content.get("__hash__", 0) is None:
        methods["__hash__"] = None
    return (
        tuple(get_annotations(cls)),
        content["__slots__"],
        content["__match_args__"],
        tuple((name, getattr(declared, name)) for name in declared.__slots__),
        # It may show a default with the place where it lies in this process.
        re.sub(" at 0x[0-9a-f]+", "", cls.__doc__ or ""),
        methods,
    )


def _method(
    cls: type, method: FunctionType, words: Mapping[int, str], own_class: str
) -> tuple[Any, ...]:
    """Raises KeyError for a value that no word names."""

    def word(value: object) -> str:
        # The class that its methods know is the one before it had slots: of the same name, and another.
        is_own = isinstance(value, type) and value.__qualname__ == cls.__qualname__
        return own_class if is_own else words[id(value)]

    return (
        method.__code__.replace(co_qualname=f"{cls.__qualname__}.{method.__name__}"),
        tuple(word(value) for value in method.__defaults__ or ()),
        {name: word(value) for name, value in (method.__kwdefaults__ or {}).items()},
        tuple(word(cell.cell_contents) for cell in method.__closure__ or ()),
    )


if __name__ == "__main__":
    main()
