"""docs/reference/policy.md: every key of a policy file, from the docstrings and defaults of the records that read it."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

from chalicelib.domain.policy import Policy, Text
from chalicelib.policies.reading import choices_of, most_of
from infra.cli.policy_schema import docstrings
from infra.docs.tables import code, codes, made_from, table

HEAD = f"""# Policy keys

{made_from("chalicelib/domain/policy.py")}

One TOML file per company. Each line of a shipped one (`chalicelib/policies/*.toml`) cites the sentence it keeps; the ids
in brackets are those of [the promises](../promises.md). [policy.schema.json](policy.schema.json) is the same for an editor;
`lapse policy check FILE` says what is wrong in a file, with its line, and `lapse policy explain NAME` says all of it in
words. [How to write one](../how-to/write-a-policy.md).

Amounts are whole minor units of the policy's currency. A text is one sentence in English, or a table with `en` and `fr`.
"""


def page() -> str:
    return "\n".join([HEAD, *_record(Policy, (), "The file itself")]).rstrip() + "\n"


def _record(kind: type[Any], path: tuple[str, ...], title: str) -> Iterator[str]:
    hints = get_type_hints(kind)
    inner: list[tuple[type[Any], tuple[str, ...]]] = []
    rows = []
    for one in fields(kind):
        here = (*path, one.name)
        found, shown = _inside(hints[one.name], here)
        if found is not None:
            inner.append((found, shown))
        else:
            rows.append(_row(kind, one, hints[one.name], here))
    yield f"## {title}\n"
    own = (kind.__doc__ or "").strip()
    if path and own and not own.startswith(f"{kind.__name__}("):
        yield " ".join(own.split()) + "\n"
    if rows:
        yield table(("key", "takes", "otherwise", "what it means"), rows)
    for found, shown in inner:
        yield from _record(found, shown, code(_heading(shown, found)))


def _heading(path: tuple[str, ...], _: type[Any]) -> str:
    text = ".".join(path)
    return f"[[{text.removesuffix('[]')}]]" if text.endswith("[]") else f"[{text}]"


def _inside(hint: Any, path: tuple[str, ...]) -> tuple[type[Any] | None, tuple[str, ...]]:
    """The record that a key holds, alone, in a list or by name; and the path that leads there."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _inside(next(one for one in args if one is not types.NoneType), path)
    if origin is tuple and _is_record(args[0]):
        return args[0], (*path[:-1], f"{path[-1]}[]")
    if origin is not None and len(args) == 2 and _is_record(args[1]):
        return args[1], (*path, "NAME")
    return (hint, path) if _is_record(hint) else (None, path)


def _is_record(hint: Any) -> bool:
    return is_dataclass(hint) and hint is not Text


def _row(kind: type[Any], one: Field[Any], hint: Any, path: tuple[str, ...]) -> tuple[str, ...]:
    plain = tuple(part.removesuffix("[]") if part.endswith("[]") else part for part in path)
    said = docstrings().get(f"{kind.__name__}.{one.name}", "")
    takes = _takes(hint, tuple("*" if part == "NAME" else part for part in plain))
    return code(one.name), takes, _otherwise(one), said


def _takes(hint: Any, path: tuple[str | int, ...]) -> str:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _takes(next(one for one in args if one is not types.NoneType), path)
    if path[-1] == "price_minor":
        return f"`month` and/or `year` = amount, up to {most_of(('price_minor',)):,}"
    if origin is tuple:
        return f"list of {_takes(args[0], path)}"
    if origin is not None:
        return f"name = {_takes(args[1], (*path, '*'))}"
    choices = choices_of(path)
    if choices:
        return " or ".join(map(code, choices))
    if hint is int:
        return f"whole number, up to {most_of(path):,}"
    return {bool: "`true` or `false`", Text: "text"}.get(hint, "word")


def _otherwise(one: Field[Any]) -> str:
    if one.default is MISSING and one.default_factory is MISSING:
        return "**needed**"
    value = one.default if one.default is not MISSING else one.default_factory()  # type: ignore[operator]
    if value is None or value in ((), {}):
        return "nothing"
    if isinstance(value, tuple):
        return codes(value)
    return code(str(value).lower() if isinstance(value, bool) else value)
