"""Form bodies and query strings, decoded and checked against what Stripe's own SDK knows.

`parameters.json` was read out of the SDK by a test tool; an unknown name or a wrong type is
refused here with Stripe's words. Whether values make sense together is the resources' business.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

from .errors import StripeError, unknown_parameter

Json = dict[str, Any]

_TABLE = json.loads((Path(__file__).parent / "parameters.json").read_text())
_OPERATIONS: dict[str, int] = _TABLE["operations"]
_CLASSES: list[dict[str, Json]] = _TABLE["classes"]
# Known to Stripe and to the SDK, but not emulated though it would change what is billed. Passing
# over these in silence would make a test lie; harmless ones are accepted without effect.
_NOT_EMULATED = {
    "POST /v1/subscriptions": {
        "application_fee_percent",
        "backdate_start_date",
        "billing_cycle_anchor_config",
        "billing_schedules",
        "billing_thresholds",
        "default_tax_rates",
        "discounts",
        "pending_invoice_item_interval",
        "transfer_data",
    },
    "POST /v1/checkout/sessions": {"discounts", "optional_items", "shipping_options"},
}
_NOT_EMULATED["POST /v1/subscriptions/{id}"] = _NOT_EMULATED["POST /v1/subscriptions"]
_KEY = re.compile(r"\[([^\]]*)\]")


def check(route: str, text: str) -> Json:
    """The parameters of one call to `route`, typed."""
    params = _members(decode(text), _CLASSES[_OPERATIONS[route]], "")
    for name in sorted(_NOT_EMULATED.get(route, set()) & set(params)):
        raise StripeError(f"The emulator does not support `{name}` here.", param=name)
    return params


def decode(text: str) -> Json:
    """`a[b]=1&c[0]=2` as nested dictionaries of strings; lists are still digit-keyed."""
    tree: Json = {}
    for pair in text.split("&"):
        if not pair:
            continue
        name, _, value = pair.partition("=")
        key = _unquoted(name)
        if "[" in key:
            head = key.split("[", 1)[0]
            _place(tree, [head, *_KEY.findall(key[len(head) :])], _unquoted(value), key)
        else:
            tree[key] = _unquoted(value)
    return tree


def _unquoted(text: str) -> str:
    return unquote_plus(text, errors="replace") if "%" in text or "+" in text else text


def _place(tree: Json, path: list[str], value: str, key: str) -> None:
    node = tree
    for depth, part in enumerate(path):
        name = str(len(node)) if part == "" and depth else part
        if depth == len(path) - 1:
            node[name] = value
            return
        node = node.setdefault(name, {})
        if not isinstance(node, dict):
            raise StripeError(f"Invalid request: conflicting values for {key}", param=key)


def _members(tree: Json, known: dict[str, Json], path: str) -> Json:
    typed = {}
    for name, value in tree.items():
        full = f"{path}[{name}]" if path else name
        if name not in known:
            raise unknown_parameter(full)
        typed[name] = _value(value, known[name], full)
    return typed


def _value(value: Any, schema: Json, path: str) -> Any:
    if isinstance(value, dict):
        return _nested(value, schema, path)
    for kind in ("int", "bool", "float"):
        if kind in schema.get("types", ()) and (read := _SCALARS[kind](value)) is not None:
            return read
    if value in schema.get("enum", ()):
        return value
    return _text(value, schema, path)


def _nested(value: Json, schema: Json, path: str) -> Any:
    if "list" in schema and all(name.isdigit() for name in value):
        ordered = sorted(value.items(), key=lambda entry: int(entry[0]))
        return [_value(entry, schema["list"], f"{path}[{name}]") for name, entry in ordered]
    if "ref" in schema:
        return _members(value, _CLASSES[schema["ref"]], path)
    if schema.get("map") and all(isinstance(entry, str) for entry in value.values()):
        return value
    if "list" in schema:
        raise StripeError("Invalid array", param=path)
    raise StripeError(f"Invalid string: {value}", param=path)


def _text(value: str, schema: Json, path: str) -> str:
    """A free string, unless the SDK names the values it may have: those are closed at Stripe."""
    kinds = schema.get("types", ())
    choices = [choice for choice in schema.get("enum", ()) if choice]
    if "int" in kinds:
        raise StripeError(f"Invalid integer: {value}", code="parameter_invalid_integer", param=path)
    if "bool" in kinds or "float" in kinds:
        raise StripeError(f"Invalid {kinds[0]}: {value}", param=path)
    if choices:
        raise StripeError(f"Invalid {path}: must be one of {', '.join(choices)}", param=path)
    if "str" not in kinds:
        raise StripeError("Invalid array" if "list" in schema else "Invalid object", param=path)
    if value == "":
        raise StripeError(
            f"You passed an empty string for '{path}'. We assume empty values are an attempt to"
            f" unset a parameter; however '{path}' cannot be unset. You should remove '{path}'"
            " from your request or supply a non-empty value.",
            code="parameter_invalid_empty",
            param=path,
        )
    return value


def _integer(text: str) -> int | None:
    return int(text) if re.fullmatch(r"-?[0-9]{1,15}", text) else None


def _boolean(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text)


def _number(text: str) -> float | None:
    return float(text) if re.fullmatch(r"-?[0-9]{1,15}(\.[0-9]{1,12})?", text) else None


_SCALARS = {"int": _integer, "bool": _boolean, "float": _number}
