"""What a world is now, and how it becomes that again: whatever can be reached from it gets its content back.

In place, so whoever refers to a thing goes on referring to it. What cannot be put back is refused by its name, never left
out. Not reached is what modules hold: tests/crashes/test_told_again.py says what of that may change, and why.
"""

from __future__ import annotations

import logging
import types
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from datetime import date, timedelta, tzinfo
from enum import Enum
from functools import cache, partial
from pathlib import PurePath
from re import Pattern
from struct import calcsize
from threading import Lock, RLock, local
from typing import Any, NamedTuple

from chalice.app import Chalice
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

NEVER_CHANGES: tuple[type, ...] = (
    *(str, int, type(None), float, bytes, range, date, timedelta, tzinfo, Enum),
    *(type, PurePath, Pattern, RSAPrivateKey, RSAPublicKey),
    # Whoever held one let it go when the story was over, also by a crash.
    *(type(Lock()), type(RLock())),
    # Of the process, not of a world in it.
    *(types.ModuleType, logging.Logger, Chalice),
)

POINTER = calcsize("P")

Look = Callable[[Any], Any]
Refill = Callable[[Any, Any], object]
Place = tuple[str, Any]
"""What it is called there, and the place of whatever holds it."""


class CannotBePutBack(TypeError):
    """Something that nobody here knows how to put back."""


class Kept(NamedTuple):
    place: Place
    thing: Any
    look: Look
    was: Any
    refill: Refill


class Memento:
    """Everything that can be reached from these, as it is now."""

    def __init__(self, *roots: object) -> None:
        self._kept: list[Kept] = []
        # They are held on to: where one was that is forgotten, another may be made.
        self._seen: dict[int, object] = {}
        waiting: list[tuple[object, Place]] = [(one, (type(one).__name__, None)) for one in roots]
        while waiting:
            one, place = waiting.pop()
            if isinstance(one, NEVER_CHANGES) or id(one) in self._seen:
                continue
            self._seen[id(one)] = one
            for look, refill in _contents(one, place):
                content = look(one)
                if refill is not None:
                    self._kept.append(Kept(place, one, look, content, refill))
                waiting += [(part, (name, place)) for name, part in _named(content)]
            if hasattr(one, "__dict__"):
                waiting.append((vars(one), (f" {type(one).__name__}", place)))

    def put_back(self) -> None:
        for one in self._kept:
            one.refill(one.thing, one.was)

    def changed(self) -> list[str]:
        """Where it is not what it was."""
        return [
            _words(one.place)
            for one in self._kept
            if _in_order(one.look(one.thing)) != _in_order(one.was)
        ]


def _in_order(content: Any) -> Any:
    return list(content.items()) if isinstance(content, dict) else content


def _named(content: Any) -> Iterable[tuple[str, object]]:
    if isinstance(content, dict):
        # Of a key nothing can be put back that its place depends on; but it may hold what can.
        yield from ((" key", key) for key in content if not isinstance(key, str))
        yield from ((f"[{key!r}]", part) for key, part in content.items())
    else:
        yield from (("[]", part) for part in content)


def _words(place: Place | None) -> str:
    return _words(place[1]) + place[0] if place else ""


# -- what holds what


def _contents(one: Any, place: Place) -> Iterable[tuple[Look, Refill | None]]:
    kind: Any = type(one)
    base = next(base for base in HOW if issubclass(kind, base))
    slots = _slots(kind)
    own = POINTER * (len(slots) + (kind.__weakrefoffset__ > 0) + (kind.__dictoffset__ > 0))
    # More room than for what is written in Python: something is kept there that we do not see.
    if kind is not base and kind.__basicsize__ != base.__basicsize__ + own:
        raise CannotBePutBack(f"{_words(place)}: {kind.__module__}.{kind.__qualname__}")
    yield HOW[base]
    if slots:
        yield partial(_in_slots, slots), partial(_fill_slots, slots)


@cache
def _slots(kind: type) -> tuple[str, ...]:
    """By their real names."""
    found: list[str] = []
    for cls in kind.__mro__:
        given = cls.__dict__.get("__slots__", ())
        for name in (given,) if isinstance(given, str) else given:
            if name not in ("__dict__", "__weakref__"):
                private = name.startswith("__") and not name.endswith("__")
                found.append(f"_{cls.__name__.lstrip('_')}{name}" if private else name)
    return tuple(found)


def _in_slots(slots: tuple[str, ...], one: Any) -> dict[str, Any]:
    return {name: getattr(one, name) for name in slots if hasattr(one, name)}


def _in_cell(cell: types.CellType) -> tuple[Any, ...]:
    try:
        return (cell.cell_contents,)
    except ValueError:
        # A name that was not given anything yet.
        return ()


def _fill_dict(one: dict[Any, Any], was: dict[Any, Any]) -> None:
    one.clear()
    one.update(was)


def _fill_list(one: list[Any], was: list[Any]) -> None:
    one[:] = was


def _fill_set(one: set[Any], was: set[Any]) -> None:
    one.clear()
    one |= was


def _fill_deque(one: deque[Any], was: list[Any]) -> None:
    one.clear()
    one.extend(was)


def _fill_slots(slots: tuple[str, ...], one: Any, was: dict[str, Any]) -> None:
    for name in slots:
        # Also those of a frozen record.
        if name in was:
            object.__setattr__(one, name, was[name])
        elif hasattr(one, name):
            object.__delattr__(one, name)


def _fill_cell(cell: types.CellType, was: tuple[Any, ...]) -> None:
    if was:
        (cell.cell_contents,) = was
    elif _in_cell(cell):
        del cell.cell_contents


HOW: dict[type, tuple[Look, Refill | None]] = {
    **dict.fromkeys((OrderedDict, defaultdict, dict), (dict, _fill_dict)),
    list: (list, _fill_list),
    set: (set, _fill_set),
    deque: (list, _fill_deque),
    types.CellType: (_in_cell, _fill_cell),
    # They refer to others for ever.
    **dict.fromkeys((tuple, frozenset), (tuple, None)),
    types.MappingProxyType: (dict, None),
    types.FunctionType: (lambda f: (f.__closure__, f.__defaults__, f.__kwdefaults__), None),
    types.BuiltinFunctionType: (lambda f: (f.__self__,), None),
    types.MethodType: (lambda m: (m.__self__, m.__func__), None),
    partial: (lambda p: (p.func, p.args, p.keywords), None),
    # What is not named above is no more than its members.
    **dict.fromkeys((local, object), (lambda _: (), None)),
}
"""What something is made of → its content, and how it is given back. The first that fits."""
