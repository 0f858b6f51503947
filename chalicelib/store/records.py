"""Records to JSON documents and back. Empty fields are left out, so that a record stays small."""

from typing import Any, TypeVar, cast

import msgspec

T = TypeVar("T")


def to_doc(record: Any) -> dict[str, Any]:
    return cast(dict[str, Any], without_empty(msgspec.to_builtins(record)))


def from_doc(kind: type[T], doc: Any) -> T:
    return msgspec.convert(doc, kind)


def without_empty(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {}
        for name, inner in value.items():
            if isinstance(inner, dict | list | tuple):
                inner = without_empty(inner)  # noqa: PLW2901 - it takes the place of what it was
                if not inner:
                    continue
            if inner is not None:
                kept[name] = inner
        return kept
    if isinstance(value, list | tuple):
        return [without_empty(inner) for inner in value]
    return value
