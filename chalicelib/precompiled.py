"""Puts our records together from what the build worked out ahead about them.

A dataclass reads its annotations, writes six methods as text and compiles them whenever its module is loaded, and we load
some two hundred: a quarter of a cold start. Python keeps compiled modules, and these methods are in none. The build keeps
of each record the very methods that `dataclasses` made (infra/packaging/ahead.py), and here they are put back. What
the build does not know, or another Python made, is left to `dataclasses` as ever (decisions/0025).
"""

# mypy: disable-error-code="attr-defined"
# ruff: noqa: SLF001 - what dataclasses keeps of a record has no public name

from __future__ import annotations

import dataclasses
import marshal
import sys
from collections.abc import Mapping
from functools import cache
from inspect import get_annotations
from reprlib import recursive_repr
from types import CellType, CodeType, FunctionType
from typing import Any, Final, NamedTuple

KNOWN: Final[Mapping[str, object]] = {
    "object": object,
    "missing": dataclasses.MISSING,
    "frozen": dataclasses.FrozenInstanceError,
    "made anew": dataclasses._HAS_DEFAULT_FACTORY,
}
"""What a method may hold on to, beside its class and the defaults of its fields."""
OWN_CLASS: Final = "class"


Method = tuple[CodeType, tuple[str, ...], Mapping[str, str], tuple[str, ...]]
"""Its code, its defaults, those that are given by name, and what it holds on to. A value is named by a word of KNOWN,
OWN_CLASS, or `=` and the field whose default it is."""


class Made(NamedTuple):
    """What was made of one record."""

    annotated: tuple[str, ...]
    """Its own fields; a record with others is not the one that the build saw."""
    slots: tuple[str, ...]
    matched: tuple[str, ...]
    declared: tuple[tuple[str, bool], ...]
    """How `dataclasses` was told to make it. Few ways, shared by all records."""
    doc: str
    """What `dataclasses` wrote for a record that says nothing of itself."""
    methods: Mapping[str, Method | None]
    """None: such a record has no hash."""


def use(known: Mapping[str, Any]) -> None:
    dataclasses.dataclass = _looking_up(known, dataclasses.dataclass)


def _looking_up(known: Mapping[str, Any], anew: Any) -> Any:
    def dataclass(cls: type | None = None, /, **how: Any) -> Any:
        def decorated(cls: type) -> type:
            made = _made(cls, known) if how.get("slots") else None
            if made is None:
                return anew(cls, **how)  # type: ignore[no-any-return]
            return _put_together(cls, how, made)

        return decorated if cls is None else decorated(cls)

    return dataclass


def _made(cls: type, known: Mapping[str, Any]) -> Made | None:
    written = known.get(f"{cls.__module__}.{cls.__qualname__}")
    if written is None:
        return None
    # Those that not every function needs are read when one does.
    made = Made(*marshal.loads(written) if isinstance(written, bytes) else written)  # noqa: S302
    return made if made.annotated == tuple(get_annotations(cls)) else None


def _put_together(cls: type, how: Mapping[str, Any], made: Made) -> type:
    fields = _fields(cls, kw_only=bool(how.get("kw_only")))
    values = {**KNOWN, OWN_CLASS: cls}
    for name, one in fields.items():
        is_made = one.default is dataclasses.MISSING
        values[f"={name}"] = one.default_factory if is_made else one.default
    # What a class without slots has, and one with slots has anew.
    left_out = {*fields, "__dict__", "__weakref__"}
    content = {
        **{name: value for name, value in cls.__dict__.items() if name not in left_out},
        "__qualname__": cls.__qualname__,
        "__doc__": cls.__doc__ or made.doc,
        "__slots__": made.slots,
        "__match_args__": made.matched,
        "__dataclass_fields__": fields,
        "__dataclass_params__": _declared(made.declared),
    }
    around = vars(sys.modules[cls.__module__])
    for name, method in made.methods.items():
        content[name] = _method(name, method, values, around) if method else None
    content["__init__"].__annotations__ = {
        **{one.name: one.type for one in fields.values() if one.init},
        "return": None,
    }
    if "__repr__" in made.methods:
        content["__repr__"] = recursive_repr()(content["__repr__"])
    if how.get("frozen"):
        content.setdefault("__getstate__", dataclasses._dataclass_getstate)
        content.setdefault("__setstate__", dataclasses._dataclass_setstate)
    return type(cls)(cls.__name__, cls.__bases__, content)


@cache
def _declared(said: tuple[tuple[str, bool], ...]) -> object:
    one = object.__new__(dataclasses._DataclassParams)
    for name, value in said:
        setattr(one, name, value)
    return one


def _fields(cls: type, *, kw_only: bool) -> dict[str, dataclasses.Field[Any]]:
    found: dict[str, dataclasses.Field[Any]] = {}
    for base in reversed(cls.__mro__[1:]):
        found |= base.__dict__.get("__dataclass_fields__", {})
    for name, type_ in get_annotations(cls).items():
        said = cls.__dict__.get(name, dataclasses.MISSING)
        one: Any = said if isinstance(said, dataclasses.Field) else dataclasses.field(default=said)
        one.name, one.type, one._field_type = name, type_, dataclasses._FIELD
        if one.kw_only is dataclasses.MISSING:
            one.kw_only = kw_only
        found[name] = one
    return found


def _method(
    name: str, made: Method, values: Mapping[str, object], around: dict[str, Any]
) -> FunctionType:
    code, defaults, by_name, holds = made
    function = FunctionType(
        code,
        around,
        name,
        tuple([values[word] for word in defaults]) or None,
        tuple([CellType(values[word]) for word in holds]),
    )
    function.__kwdefaults__ = {name: values[word] for name, word in by_name.items()} or None
    return function
