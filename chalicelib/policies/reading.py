"""Reads a policy file. Everything wrong with it is refused with the line and the reason: an unknown key, a missing
part, a wrong type, a negative duration, a word that means nothing."""

from __future__ import annotations

import pathlib
import re
import sys
import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

from chalicelib.domain.messages import CHANNELS
from chalicelib.domain.money import LARGEST
from chalicelib.domain.policy import Policy, Text
from chalicelib.domain.steps import REMINDABLE
from chalicelib.policies.checking import Path, Wrong, check, must
from chalicelib.policies.places import line_of

ROLES = ("super_admin", "billing_admin", "product_admin", "billing_contact", "member")
STRIPE_FEEDBACK = (
    "customer_service", "low_quality", "missing_features", "other",
    "switched_service", "too_complex", "too_expensive", "unused",
)  # fmt: skip
MOST: Mapping[str, int] = {
    "hours": 100 * 366 * 24,
    "days": 100 * 366,
    "years": 100,
    "minutes": 366 * 24 * 60,
    "minor": LARGEST,
}
"""The unit at the end of a key's name → the most it may say. A date beyond the calendar is a slip of the pen."""
CHOICES: Mapping[str, tuple[str, ...]] = {
    "cancellation.open_invoices_on_cancel": ("keep", "stop_collection"),
    "cancellation.page": ("stripe", "ours"),
    "cancellation.roles": ROLES,
    "cancellation.representative_roles": ROLES,
    "cancellation.reasons.stripe_feedback": STRIPE_FEEDBACK,
    "numbers.fee_cycle": ("number", "billing"),
    "registrations.counted_from": ("end", "request"),
    "plans.*.cancel_roles": ROLES,
    "plans.*.message_channels": CHANNELS,
    "refunds.kind": ("none", "zero_usage"),
    "refunds.top_ups": ("none", "considered"),
    "reminders.before": REMINDABLE,
}
"""A key, with `*` for a name of the company's own → the words it may say."""
LARGEST_FILE = 256 * 1024


class PolicyError(Exception):
    """The file cannot be used. The message says where and why."""


def read_file(file: pathlib.Path) -> tuple[Policy, str]:
    """The policy in this file, and the file's own text. Raises PolicyError."""
    try:
        with file.open("rb") as opened:
            raw = opened.read(LARGEST_FILE + 1)
        text = raw.decode("utf-8-sig")
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise PolicyError(f"{file.name}: cannot be read: {why}") from error
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise PolicyError(f"{file.name}:{line}: is not written in UTF-8") from error
    if len(raw) > LARGEST_FILE:
        raise PolicyError(f"{file.name}: is larger than {LARGEST_FILE} bytes: no policy is")
    return read_policy(text, file.name), text


def read_policy(text: str, file_name: str) -> Policy:
    """Raises PolicyError, as `smarter-contact.toml:12: numbers.release_after_hours: must not be negative`."""
    # A webhook's cold start waits for no reader of policies before an account is found.
    import tomllib

    try:
        plain = tomllib.loads(text)
    except RecursionError as error:
        raise PolicyError(f"{file_name}: is nested too deeply") from error
    except tomllib.TOMLDecodeError as error:
        raise PolicyError(_in_the_toml(file_name, text, str(error))) from error
    except ValueError as error:
        # Python's own limit, which tomllib lets through.
        line = text[: _endless_number(text)].count("\n") + 1
        raise PolicyError(f"{file_name}:{line}: a number has too many digits") from error
    try:
        policy: Policy = _record(Policy, plain, ())
        check(policy)
    except Wrong as wrong:
        where = ".".join(str(part) for part in wrong.path)
        line = line_of(text, wrong.path)
        raise PolicyError(f"{file_name}:{line}: {where or 'the file'}: {wrong.why}") from wrong
    return policy


def _endless_number(text: str) -> int:
    """Where it begins."""
    found = re.search(rf"[0-9_]{{{sys.get_int_max_str_digits()},}}", text)
    return found.start() if found else 0


def _in_the_toml(file_name: str, text: str, why: str) -> str:
    """tomllib says where in its own words, at the end."""
    found = re.fullmatch(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", why, re.DOTALL)
    if found is None:
        return f"{file_name}:1: {why}"
    return f"{file_name}:{found[2] or len(text.splitlines())}: {found[1]}"


def _record(kind: type[Any], plain: Any, path: Path) -> Any:
    if kind is Text and isinstance(plain, str):
        return Text(en=plain)
    if not isinstance(plain, dict):
        raise Wrong(path, f"must be a table, not {_name(plain)}")
    hints = _hints(kind)
    for key in plain:
        if key not in hints:
            known = ", ".join(sorted(hints))
            raise Wrong((*path, key), f"is not a key we know here (known: {known})")
    for field in fields(kind):
        required = field.default is MISSING and field.default_factory is MISSING
        if required and field.name not in plain:
            raise Wrong((*path, field.name), "is missing")
    return kind(**{key: _value(hints[key], value, (*path, key)) for key, value in plain.items()})


def _value(hint: Any, plain: Any, path: Path) -> Any:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _value(next(kind for kind in inner if kind is not type(None)), plain, path)
    if origin is tuple:
        if not isinstance(plain, list):
            raise Wrong(path, f"must be a list, not {_name(plain)}")
        return tuple(_value(inner[0], one, (*path, n)) for n, one in enumerate(plain))
    if origin is not None:
        if not isinstance(plain, dict):
            raise Wrong(path, f"must be a table, not {_name(plain)}")
        return {key: _value(inner[1], one, (*path, key)) for key, one in plain.items()}
    if is_dataclass(hint):
        return _record(hint, plain, path)  # type: ignore[arg-type]
    return _scalar(hint, plain, path)


def _scalar(hint: Any, plain: Any, path: Path) -> Any:
    if not isinstance(plain, hint) or (hint is int and isinstance(plain, bool)):
        raise Wrong(path, f"must be {_WORDS[hint]}, not {_name(plain)}")
    if hint is int:
        must(plain >= 0, path, "must not be negative")
        most = most_of(path)
        must(plain <= most, path, f"must not be more than {most}")
    if hint is str:
        must(plain.strip(), path, "must not be empty")
        allowed = choices_of(path)
        if allowed and plain not in allowed:
            raise Wrong(path, f"must be one of {', '.join(allowed)}, not {plain!r}")
    return plain


def most_of(path: Path) -> int:
    """The most that the number at this path may be: by the unit its key, or the table around it, ends with."""
    units = [str(part).rpartition("_")[2] for part in path]
    return next((MOST[unit] for unit in reversed(units) if unit in MOST), LARGEST)


def choices_of(path: Path) -> tuple[str, ...]:
    """The words that may stand at this path; none when any may."""
    names = [part for part in path if isinstance(part, str)]
    if names[0] == "plans":
        names[1] = "*"
    return CHOICES.get(".".join(names), ())


def _hints(kind: type[Any]) -> dict[str, Any]:
    return get_type_hints(kind)


_WORDS: Mapping[type, str] = {str: "a text", int: "a whole number", bool: "true or false"}


def _name(plain: Any) -> str:
    names: dict[type, str] = {**_WORDS, list: "a list", dict: "a table", float: "a fraction"}
    return names.get(type(plain), type(plain).__name__)
