"""The JSON Schema of a policy file, made of the very records that read it: editors complete and check with it.

Committed as docs/reference/policy.schema.json; `lapse policy schema > docs/reference/policy.schema.json` renews it.
What must hold between two keys is beyond a schema: `lapse policy check` says it.
"""

from __future__ import annotations

import ast
import inspect
import types
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from chalicelib.domain import policy as records
from chalicelib.domain.policy import Policy, Text
from chalicelib.policies.checking import NAME
from chalicelib.policies.reading import choices_of, most_of

Json = dict[str, Any]
Path = tuple[str | int, ...]
TEXT: Json = {
    "description": "A sentence for a customer, in the languages we ship. English is always there.",
    "anyOf": [
        {"type": "string", "minLength": 1},
        {
            "type": "object",
            "properties": {
                "en": {"type": "string", "minLength": 1},
                "fr": {"type": "string", "minLength": 1},
            },
            "required": ["en"],
            "additionalProperties": False,
        },
    ],
}
PRICES: Json = {
    "type": "object",
    "properties": {
        interval: {"type": "integer", "minimum": 0, "maximum": most_of(("price_minor",))}
        for interval in ("month", "year")
    },
    "minProperties": 1,
    "additionalProperties": False,
}


def schema() -> Json:
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A company's policy for Lapse",
        **_record(Policy, ()),
    }


@cache
def docstrings() -> dict[str, str]:
    """`Record.key` → what domain/policy.py says of it, on one line."""
    found: dict[str, str] = {}
    for node in ast.parse(inspect.getsource(records)).body:
        if isinstance(node, ast.ClassDef):
            for key, said in zip(node.body, node.body[1:], strict=False):
                if isinstance(key, ast.AnnAssign) and isinstance(key.target, ast.Name):
                    text = _docstring(said)
                    if text is not None:
                        found[f"{node.name}.{key.target.id}"] = text
    return found


def _docstring(node: ast.stmt) -> str | None:
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Constant):
        return None
    return " ".join(str(node.value.value).split())


def _record(kind: type[Any], path: Path) -> Json:
    hints = get_type_hints(kind)
    needed = [
        one.name
        for one in fields(kind)
        if one.default is MISSING and one.default_factory is MISSING
    ]
    return {
        "type": "object",
        "properties": {
            one.name: _described(kind, one.name, _value(hints[one.name], (*path, one.name)))
            for one in fields(kind)
        },
        **({"required": needed} if needed else {}),
        "additionalProperties": False,
    }


def _described(kind: type[Any], name: str, plain: Json) -> Json:
    said = docstrings().get(f"{kind.__name__}.{name}")
    return {"description": said, **plain} if said else plain


def _value(hint: Any, path: Path) -> Json:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _value(next(one for one in inner if one is not type(None)), path)
    if origin is tuple:
        return {"type": "array", "items": _value(inner[0], path)}
    if path[-1] == "price_minor":
        return PRICES
    if origin is not None:
        return {
            "type": "object",
            "propertyNames": {"pattern": f"^{NAME.pattern}$"},
            "additionalProperties": _value(inner[1], (*path, "*")),
        }
    if hint is Text:
        return TEXT
    if is_dataclass(hint):
        return _record(hint, path)  # type: ignore[arg-type]
    return _scalar(hint, path)


def _scalar(hint: Any, path: Path) -> Json:
    if hint is bool:
        return {"type": "boolean"}
    if hint is int:
        return {"type": "integer", "minimum": 0, "maximum": most_of(path)}
    choices = choices_of(path)
    return {"enum": list(choices)} if choices else {"type": "string", "minLength": 1}
