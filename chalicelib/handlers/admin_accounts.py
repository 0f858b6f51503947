"""Operators find an account, and see what happened to it and what will (NX-1).

A search asks three places, one after the other: what has exactly this name (a Stripe customer, a subscription, a phone
number), whose e-mail this is, and whose id begins so. Each is a bounded read.
"""

from __future__ import annotations

from chalicelib import recounting
from chalicelib.handlers import cursors, shapes
from chalicelib.handlers.asking import limit
from chalicelib.handlers.call import Answer, Call
from chalicelib.handlers.calls import MOST_ID_CHARACTERS
from chalicelib.handlers.problems import invalid
from chalicelib.store import directory

MOST_CHARACTERS = 254
"""The longest e-mail address there is."""
NAMED, EMAIL, PREFIX = "named", "email", "prefix"
Found = tuple[list[str], str | None]
"""Accounts, and the cursor of what follows."""


def check_search(call: Call[None]) -> None:
    query = call.query.get("query", "")
    if len(query) > MOST_CHARACTERS or not query.isprintable():
        raise invalid("/query", "query has at most 254 printable characters.")
    _begin(call)


def search(call: Call[None]) -> Answer:
    """A page may be short while more follows."""
    query, wanted = call.query.get("query", "").strip(), limit(call)
    place, after = _begin(call)
    ids: list[str] = []
    following: str | None = None
    for here in (NAMED, EMAIL, PREFIX)[(NAMED, EMAIL, PREFIX).index(place) :]:
        room = wanted - len(ids)
        if room <= 0:
            following = cursors.written(here, None)
            break
        found, more = _ask(call, here, query, room, after)
        ids += [id for id in found if id not in ids]
        after = None
        if more is not None:
            following = cursors.written(here, more)
            break
    return Answer(200, shapes.page(recounting.accounts_shown(call.world, ids), following))


def _ask(call: Call[None], place: str, query: str, room: int, after: str | None) -> Found:
    table, shards = call.world.table, call.world.settings.due_shards
    if place == NAMED:
        return (directory.named(table, query) if query else []), None
    if place == EMAIL:
        if "@" not in query:
            return [], None
        return directory.with_email(table, query, limit=room, after=after)
    if len(query) > MOST_ID_CHARACTERS:
        return [], None
    found, more = directory.beginning_with(table, query, shards, limit=room, after=after)
    told = directory.told_already(table, query, found) if query else set()
    return [id for id in found if id not in told], more


def _begin(call: Call[None]) -> tuple[str, str | None]:
    given = cursors.given(call, 2)
    if given is None:
        return NAMED, None
    place, after = given
    query = call.query.get("query", "").strip()
    if place == PREFIX and _follows(after, query):
        return place, after
    if place == EMAIL and "@" in query and (after is None or 0 < len(after) <= MOST_CHARACTERS):
        return place, after
    raise cursors.wrong()


def _follows(after: str | None, query: str) -> bool:
    """A place in the index among the accounts that begin so."""
    if after is None:
        return True
    found = cursors.place(after)
    return found is not None and found.startswith(query)


def timeline(call: Call[None]) -> Answer:
    """What happened and what will."""
    return Answer(200, recounting.timeline_shown(call.world, call.account))
