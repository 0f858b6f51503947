"""Beside an answer: how a person reads each of its instants and amounts, in their language and time zone.

So no page adds up a date or divides an amount by itself. The words stand apart, by JSON pointer, and leave the rest of
the answer as programs know it: `{"at": "2026-02-28T12:00:00Z"}` gets `{"/at": "28 February 2026 at 12:00 (UTC)"}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from chalicelib.domain.moments import from_rfc3339
from chalicelib.domain.money import Money
from chalicelib.texts import moments, money

_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


def words(answer: Any, zone: str, locale: str) -> dict[str, str]:
    language = "fr" if locale[:2].lower() == "fr" else "en"
    return dict(_words("", answer, zone, language))


def _words(pointer: str, value: Any, zone: str, language: str) -> Iterator[tuple[str, str]]:
    if _is_money(value):
        yield pointer, money.amount(Money(value["amount"], value["currency"]), language)
    elif isinstance(value, dict):
        for name, inner in value.items():
            step = str(name).replace("~", "~0").replace("/", "~1")
            yield from _words(f"{pointer}/{step}", inner, zone, language)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _words(f"{pointer}/{place}", inner, zone, language)
    elif isinstance(value, str) and _INSTANT.fullmatch(value):
        said = _moment(value, zone, language, is_deadline=pointer.endswith("_due"))
        if said is not None:
            yield pointer, said


def _moment(text: str, zone: str, language: str, *, is_deadline: bool) -> str | None:
    # A deadline at midnight belongs to the day that it ends, not to the next one.
    say = moments.last_day if is_deadline else moments.moment
    try:
        return say(from_rfc3339(text), zone, language)
    except (ValueError, OverflowError):
        # A text of somebody's that only looks like an instant is shown as it is.
        return None


def _is_money(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"amount", "currency"}
