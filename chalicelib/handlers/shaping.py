"""A body as the route's own type. Unknown fields are ignored; a wrong one is named by its pointer, with a sentence
that says what belongs there."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from chalicelib.handlers.problems import invalid

B = TypeVar("B")


def shaped(kind: type[B], plain: Any) -> B:
    """Raises Problem 422."""
    try:
        return msgspec.convert(plain, kind)
    except (msgspec.ValidationError, ValueError, RecursionError) as error:
        said, _, where = str(error).partition(" - at `$")
        steps = _steps(where)
        pointer = "".join(f"/{step}" for step in steps)
        raise invalid(pointer, _expected(kind, steps) or _sentence(said)) from error


def _steps(where: str) -> list[str]:
    """`.messages[3].price` → messages, 3, price."""
    return re.findall(r"[^.\[\]`]+", where)


def _expected(kind: type[Any], steps: list[str]) -> str | None:
    """What the field is for, in the words of its type, if it has some."""
    found: Any = inspect.type_info(kind)
    for step in steps:
        found = _inside(found, step)
    words: str | None = None
    if isinstance(found, inspect.Metadata):
        words, found = (found.extra_json_schema or {}).get("description"), found.type
    if isinstance(found, inspect.LiteralType):
        return f"This is one of {', '.join(str(one) for one in found.values)}."
    return words


def _inside(outer: Any, step: str) -> Any:
    outer = _bare(outer)
    if isinstance(outer, inspect.StructType):
        return _value({field.encode_name: field.type for field in outer.fields}.get(step))
    if isinstance(outer, inspect.ListType):
        return _value(outer.item_type)
    return None


def _bare(found: Any) -> Any:
    return found.type if isinstance(found, inspect.Metadata) else found


def _value(found: Any) -> Any:
    """What a field holds when it holds something: the null of an optional one says nothing."""
    if not isinstance(found, inspect.UnionType):
        return found
    rest = [one for one in found.types if not isinstance(one, inspect.NoneType)]
    return rest[0] if len(rest) == 1 else None


def _sentence(said: str) -> str:
    return said if said.endswith(".") else f"{said}."
