"""Reads a policy file. Everything wrong with it is refused with the line and the reason: an unknown key, a missing
part, a wrong type, a negative duration, a word that means nothing."""

from __future__ import annotations

import re
import tomllib
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from chalicelib.domain.access import LOG_IN
from chalicelib.domain.messages import CHANNELS
from chalicelib.domain.policy import Policy, Text

Path = tuple[str | int, ...]

ROLES = ("super_admin", "billing_admin", "product_admin", "billing_contact", "member")
STRIPE_FEEDBACK = (
    "customer_service", "low_quality", "missing_features", "other",
    "switched_service", "too_complex", "too_expensive", "unused",
)  # fmt: skip
UNITS = ("_hours", "_days", "_months", "_years", "_minutes", "_minor")
CHOICES: Mapping[str, tuple[str, ...]] = {
    "open_invoices_on_cancel": ("keep", "stop_collection"),
    "fee_cycle": ("number", "billing"),
    "stripe_feedback": STRIPE_FEEDBACK,
    "roles": ROLES,
    "message_channels": CHANNELS,
}


class PolicyError(Exception):
    """The file cannot be used. The message says where and why."""


class _Wrong(Exception):
    def __init__(self, path: Path, why: str) -> None:
        super().__init__(why)
        self.path = path
        self.why = why


def read_policy(text: str, file_name: str) -> Policy:
    """Raises PolicyError, as `smarter-contact.toml:12: numbers.release_after_hours: must not be negative`."""
    try:
        plain = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(f"{file_name}: {error}") from error
    try:
        policy: Policy = _record(Policy, plain, ())
        _check(policy)
    except _Wrong as wrong:
        where = ".".join(str(part) for part in wrong.path)
        line = line_of(text, wrong.path)
        raise PolicyError(f"{file_name}:{line}: {where or 'the file'}: {wrong.why}") from wrong
    return policy


def _record(kind: type[Any], plain: Any, path: Path) -> Any:
    if kind is Text and isinstance(plain, str):
        return Text(en=plain)
    if not isinstance(plain, dict):
        raise _Wrong(path, f"must be a table, not {_name(plain)}")
    hints = _hints(kind)
    for key in plain:
        if key not in hints:
            known = ", ".join(sorted(hints))
            raise _Wrong((*path, key), f"is not a key we know here (known: {known})")
    for field in fields(kind):
        required = field.default is MISSING and field.default_factory is MISSING
        if required and field.name not in plain:
            raise _Wrong((*path, field.name), "is missing")
    return kind(**{key: _value(hints[key], value, (*path, key)) for key, value in plain.items()})


def _value(hint: Any, plain: Any, path: Path) -> Any:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _value(next(kind for kind in inner if kind is not type(None)), plain, path)
    if origin is tuple:
        if not isinstance(plain, list):
            raise _Wrong(path, f"must be a list, not {_name(plain)}")
        return tuple(_value(inner[0], one, (*path, n)) for n, one in enumerate(plain))
    if origin is not None:
        if not isinstance(plain, dict):
            raise _Wrong(path, f"must be a table, not {_name(plain)}")
        return {key: _value(inner[1], one, (*path, key)) for key, one in plain.items()}
    if is_dataclass(hint):
        return _record(hint, plain, path)  # type: ignore[arg-type]
    return _scalar(hint, plain, path)


def _scalar(hint: Any, plain: Any, path: Path) -> Any:
    if not isinstance(plain, hint) or (hint is int and isinstance(plain, bool)):
        raise _Wrong(path, f"must be {_WORDS[hint]}, not {_name(plain)}")
    names = [part for part in path if isinstance(part, str)]
    if hint is int and plain < 0 and any(name.endswith(UNITS) for name in names):
        raise _Wrong(path, "must not be negative")
    if hint is str:
        if not plain.strip():
            raise _Wrong(path, "must not be empty")
        allowed = CHOICES.get(names[-1])
        if allowed and plain not in allowed:
            raise _Wrong(path, f"must be one of {', '.join(allowed)}, not {plain!r}")
    return plain


def _check(policy: Policy) -> None:
    _must(policy.plans, ("plans",), "needs at least one plan")
    _must(re.fullmatch("[a-z]{3}", policy.currency), ("currency",), "must be a code such as usd")
    try:
        ZoneInfo(policy.time_zone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise _Wrong(("time_zone",), "is no time zone such as Europe/Paris") from error
    for name, plan in policy.plans.items():
        _must(plan.price_minor, ("plans", name, "price_minor"), "needs month or year")
        for interval in plan.price_minor:
            allowed = interval in ("month", "year")
            _must(allowed, ("plans", name, "price_minor", interval), "must be month or year")
        said = LOG_IN not in plan.features
        _must(said, ("plans", name, "features"), f"{LOG_IN} is everybody's, always")
        fees = policy.numbers is not None or not plan.needs_numbers
        _must(fees, ("plans", name, "needs_numbers"), "needs a [numbers] section")
        lapse = policy.registrations is not None or not plan.needs_registrations
        _must(lapse, ("plans", name, "needs_registrations"), "needs a [registrations] section")
        credit = policy.messages is not None or not plan.message_channels
        _must(credit, ("plans", name, "message_channels"), "needs a [messages] section")
    codes = [reason.code for reason in policy.cancellation.reasons]
    _must("other" in codes, ("cancellation", "reasons"), "needs a reason with the code other")
    _must(len(set(codes)) == len(codes), ("cancellation", "reasons"), "names a code twice")
    ids = [one.id for one in policy.cancellation.disclosures]
    _must(len(set(ids)) == len(ids), ("cancellation", "disclosures"), "names an id twice")


def _must(holds: object, path: Path, why: str) -> None:
    if not holds:
        raise _Wrong(path, why)


def line_of(text: str, path: Path) -> int:
    """The line of the key at this path, or of the nearest thing around it that the file names."""
    lines = _lines(text)
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _lines(text: str) -> dict[Path, int]:
    found: dict[Path, int] = {}
    table: Path = ()
    seen: dict[str, int] = {}
    for n, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*(\[\[?)([^\]]+)\]", line)
        key = re.match(r"""\s*("?)([A-Za-z0-9_.-]+)\1\s*=""", line)
        if header:
            name = header[2].strip()
            table = tuple(part.strip().strip('"') for part in name.split("."))
            if header[1] == "[[":
                seen[name] = seen.get(name, -1) + 1
                found.setdefault(table, n)
                table = (*table, seen[name])
            found[table] = n
        elif key:
            found[(*table, *key[2].split("."))] = n
    return found


def _hints(kind: type[Any]) -> dict[str, Any]:
    return get_type_hints(kind)


_WORDS: Mapping[type, str] = {str: "a text", int: "a whole number", bool: "true or false"}


def _name(plain: Any) -> str:
    names: dict[type, str] = {**_WORDS, list: "a list", dict: "a table", float: "a fraction"}
    return names.get(type(plain), type(plain).__name__)
