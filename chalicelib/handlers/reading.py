"""How a person reads an answer: in which language, and what its dates and amounts are in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from chalicelib.handlers.call import Call
from chalicelib.texts import moments
from chalicelib.texts.worded import words

LANGUAGES = ("en", "fr")


def asked_language(call: Call[Any]) -> str | None:
    """`?locale=fr`: a person may read another language than their company's. Anything else asks for nothing."""
    asked = call.query.get("locale", "")[:2].lower()
    return asked if asked in LANGUAGES else None


def in_their_language(call: Call[Any]) -> None:
    """For routes that only read: what they answer is said in the language that was asked for."""
    asked = asked_language(call)
    if asked is not None:
        call.loaded = replace(call.known, account=replace(call.account, locale=asked))


def worded(call: Call[Any], answer: dict[str, Any]) -> dict[str, Any]:
    """The answer, and beside it what its instants and amounts are in words, by JSON pointer."""
    return answer | {"words": words(answer, call.account.time_zone, call.account.locale)}


def last_day(call: Call[Any], end: datetime) -> str:
    """OS-6: the last day of access, in the words of the confirmation."""
    language = "fr" if call.account.locale[:2].lower() == "fr" else "en"
    return moments.last_day(end, call.account.time_zone, language)
