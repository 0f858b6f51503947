"""Where a list goes on, as one word that needs no escaping in an address. Nobody else should read it."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any

from chalicelib.handlers.call import Call
from chalicelib.handlers.problems import Problem, invalid
from chalicelib.store.rows import MalformedError, parts_of

LONGEST = 8000


def written(*parts: str | None) -> str:
    return urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def given(call: Call[Any], parts: int) -> list[str | None] | None:
    """What `written` wrote, or None for a first page. Raises Problem 422."""
    text = call.query.get("cursor")
    if text is None:
        return None
    try:
        found = json.loads(_decoded(text))
    except (ValueError, RecursionError) as error:
        raise wrong() from error
    if not isinstance(found, list) or len(found) != parts:
        raise wrong()
    if not all(isinstance(part, str | None) for part in found):
        raise wrong()
    return found


def _decoded(text: str) -> bytes:
    if len(text) > LONGEST or not text.isascii():
        raise ValueError("no cursor is so long")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def given_place(call: Call[Any]) -> str | None:
    """A place in an index that `written` wrote, or None for a first page. Raises Problem 422."""
    found = given(call, 1)
    if found is None:
        return None
    (after,) = found
    if place(after) is None:
        raise wrong()
    return after


def place(after: str | None) -> str | None:
    """Under what a place in an index is sorted there, or None for what is no such place."""
    try:
        parts: tuple[Any, ...] = parts_of(after or "")
    except MalformedError:
        return None
    if not all(isinstance(part, str) and part for part in parts):
        return None
    return str(parts[0])


def wrong() -> Problem:
    return invalid("/cursor", "cursor is the next_cursor of the page before.")
