"""The account's record as it is stored: whoever writes it pays by the begun kilobyte, so the usual account stays below one.

What equals its default is left out, an instant is a number of seconds, an id that a key says is not said again, and the
names that every account has are short. Rows of before, with all of it in full, are read as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any

import msgspec

from chalicelib.domain.account import Account

SHORT = {
    "policy": "po", "currency": "cu", "created_at": "cr", "email": "em", "stripe_customer_id": "sc",
    "subscriptions": "su", "numbers": "nu", "registrations": "re", "next_fee_at": "fe", "given_up": "gu",
    "in_flight": "fl", "begun": "be", "steps": "st", "done": "do",
    # of a subscription
    "status": "ss", "started_at": "sa", "period_start": "ps", "period_end": "pe", "cancel_at": "ca",
    "canceled_at": "cd", "ended_at": "ea", "paid_until": "pu", "price_minor": "pm", "as_of": "ao",
    "as_of_events": "ae", "evidence_id": "ev",
}  # fmt: skip
"""Name → as it is stored. A short name, once here, never stands for another."""
LONG = {short: name for name, short in SHORT.items()}

Doc = dict[str, Any]

_KNOWN = frozenset(field.name for field in fields(Account))
_PLAIN = frozenset({str, int, bool, type(None)})
_REQUIRED = object()


def packed(account: Account) -> Doc:
    doc: Doc = _pack(account)
    del doc["id"]
    for subscription in doc.get(SHORT["subscriptions"], {}).values():
        del subscription["id"]
    return doc


def unpacked(account_id: str, doc: Doc) -> tuple[Account, Doc]:
    """The account, and what a newer version of this code wrote beside it."""
    named = {"id": account_id, **_in_full(doc)}
    known = {name: value for name, value in named.items() if name in _KNOWN}
    known["subscriptions"] = {
        id: {"id": id, **_in_full(one)} for id, one in known.get("subscriptions", {}).items()
    }
    unknown = {name: value for name, value in named.items() if name not in _KNOWN}
    # Not strict: an instant may be a number.
    return msgspec.convert(known, Account, strict=False), unknown


def _pack(value: Any) -> Any:
    kind: Any = type(value)
    if kind in _PLAIN:
        return value
    if kind is datetime:
        return int(value.timestamp())
    if kind is dict or isinstance(value, Mapping):
        return {key: _pack(inner) for key, inner in value.items()}
    if isinstance(value, tuple):
        return [_pack(inner) for inner in value]
    stored, values = _stored(kind)
    return {
        name: _pack(inner)
        for (name, default), inner in zip(stored, values(value), strict=True)
        if inner != default
    }


@cache
def _stored(kind: type) -> tuple[tuple[tuple[str, Any], ...], Callable[[Any], tuple[Any, ...]]]:
    """Each field as it is stored, with the value that is left out; and what reads them all at once."""
    every = fields(kind)
    # Of one name alone it would read no tuple. No record of an account is so small.
    assert len(every) > 1
    stored = tuple((SHORT.get(one.name, one.name), _default(one)) for one in every)
    return stored, attrgetter(*(one.name for one in every))


def _default(field: Field[Any]) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return _REQUIRED if field.default is MISSING else field.default


def _in_full(doc: Doc) -> Doc:
    return {LONG.get(name, name): value for name, value in doc.items()}
