"""`Idempotency-Key`: a POST repeated under the same key gets the first one's answer, for 24 hours.

The key is scoped to account, user and route. The first request claims it, so that two at once are not both carried out.
A request that failed on our side gives its claim up, and one that died loses it after a minute; whoever comes next
goes on *under the first one's id*, so what was done by then is found done, and is not done twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from chalicelib import log
from chalicelib.domain.moments import rfc3339
from chalicelib.handlers.call import Answer, Call, Route
from chalicelib.handlers.problems import Problem, invalid
from chalicelib.store import keys
from chalicelib.store.table import Action, Delete, If, Key, Put, Refused, Row, StoreError, Update

KEPT = timedelta(hours=24)
IN_FLIGHT = timedelta(minutes=1)
"""Longer than any request of ours can run."""
HEADER = "idempotency-key"
LONGEST_KEY = 255
LINKS = frozenset({"/v1/portal-sessions", "/v1/checkout-sessions"})
"""They pass the key on to Stripe and store no answer: a link is never stored."""


@dataclass(frozen=True, slots=True)
class _Claim:
    key: Key
    by: str
    """The request that holds it: nobody else may give it up or answer for it."""

    def held(self) -> If:
        return If(equals={"state": "in_flight", "op": self.by})


def once(call: Call[Any], route: Route, act: Callable[[], Answer]) -> Answer:
    given = call.headers.get(HEADER)
    if route.method != "POST" or given is None:
        return act()
    if not 0 < len(given) <= LONGEST_KEY or not given.isprintable():
        raise invalid("", "An Idempotency-Key has 1 to 255 printable characters.")
    if route.path in LINKS:
        return act()
    claim = _Claim(_key(call, route, given), call.request_id)
    stored = _begin(call, claim)
    if stored is not None:
        return stored
    try:
        answer = act()
    except Problem as problem:
        # A refusal changed nothing: the same key may be used again once the reason is gone.
        _end(call, claim, _forget(claim) if problem.status < 500 else _give_up(claim))
        raise
    except Exception:
        _end(call, claim, _give_up(claim))
        raise
    if not _end(call, claim, _keep(call, claim, answer)):
        _end(call, claim, _give_up(claim))
    return answer


def stripes_key(call: Call[Any], route: str) -> str | None:
    """What Stripe is told instead of the caller's own key: of the same scope, and always short enough for Stripe."""
    given = call.headers.get(HEADER)
    if given is None:
        return None
    return f"{route}:{_hash(call.account.id, call.caller.sub, route, given)}"


def _key(call: Call[Any], route: Route, given: str) -> Key:
    """Hashed: a key of 255 characters from anywhere in Unicode would be too long for a row's key."""
    scope = keys.partition(call.account.id) if call.loaded else "B#backend"
    path = json.dumps(dict(call.params), sort_keys=True)
    return keys.answer(scope, _hash(call.caller.sub), f"POST {route.path}", _hash(path, given))


def _begin(call: Call[Any], claim: _Claim) -> Answer | None:
    """Claims the key, or answers what is stored under it."""
    mine = _row(call, claim)
    try:
        call.world.table.write(Put(mine, If(absent=True)))
    except Refused:
        return _found(call, claim, mine)
    except StoreError:
        # It may have been written all the same, and the caller is about to try again.
        _end(call, claim, _give_up(claim))
        raise
    return None


def _row(call: Call[Any], claim: _Claim) -> Row:
    return {
        "pk": claim.key.pk,
        "sk": claim.key.sk,
        "state": "in_flight",
        "op": claim.by,
        "claimed_until": rfc3339(call.now + IN_FLIGHT),
        "expires_at": int((call.now + KEPT).timestamp()),
        "doc": {
            "request": _digest(call),
            "request_id": call.request_id,
            "until": rfc3339(call.now + KEPT),
        },
    }


def _found(call: Call[Any], claim: _Claim, mine: Row) -> Answer | None:
    found = call.world.table.get(claim.key)
    if found is not None and found.get("op") == claim.by:
        # Our own claim, whose answer was lost on the way: the table's client asked again and was refused.
        return None
    if found is None:
        _take(call, Put(mine, If(absent=True)))
    elif found["doc"]["until"] <= rfc3339(call.now):
        _take(call, Put(mine, If(equals={"op": found.get("op")})))
    elif found["doc"]["request"] != mine["doc"]["request"]:
        raise reused()
    elif found["state"] == "done":
        return _answer_from(found["doc"])
    else:
        _take_over(call, claim, found)
    return None


def _take_over(call: Call[Any], claim: _Claim, found: Row) -> None:
    """Whoever began it failed, or died a while ago: the next one goes on under its name."""
    taken = {"op": claim.by, "claimed_until": rfc3339(call.now + IN_FLIGHT)}
    free = If(
        equals={"state": "in_flight", "op": found.get("op")},
        before={"claimed_until": rfc3339(call.now)},
    )
    _take(call, Update(claim.key, taken, free))
    call.request_id = found["doc"]["request_id"]


def _take(call: Call[Any], action: Action) -> None:
    try:
        call.world.table.write(action)
    except Refused:
        raise in_flight() from None


def _keep(call: Call[Any], claim: _Claim, answer: Answer) -> Action:
    doc = {
        "request": _digest(call),
        "until": rfc3339(call.now + KEPT),
        "status": answer.status,
        "body": json.dumps(answer.body),
    }
    done = {"state": "done", "doc": doc, "claimed_until": None}
    return Update(claim.key, done, claim.held())


def _give_up(claim: _Claim) -> Action:
    return Update(claim.key, {"claimed_until": None}, claim.held())


def _forget(claim: _Claim) -> Action:
    return Delete(claim.key, claim.held())


def _end(call: Call[Any], claim: _Claim, action: Action) -> bool:
    """What was done is done, whether or not we can write it down: else the claim runs out by itself."""
    try:
        call.world.table.write(action)
    except Refused:
        # Written after all, or taken over: either way it is no longer ours to end.
        return True
    except StoreError as error:
        log.problem("claim_not_ended", error, request_id=claim.by)
        return False
    return True


def in_flight() -> Problem:
    return Problem(
        409,
        "idempotency_in_flight",
        "The first request under this key is still running.",
        headers={"Retry-After": "5"},
    )


def reused() -> Problem:
    return Problem(
        422, "idempotency_key_reused", "This Idempotency-Key was used for another request."
    )


def _answer_from(doc: dict[str, Any]) -> Answer:
    return Answer(doc["status"], json.loads(doc["body"]))


def _digest(call: Call[Any]) -> str:
    import msgspec

    # With the key itself, which is kept nowhere: from what is kept, nobody can try out what stood in the body.
    said = msgspec.json.encode(
        [call.headers.get(HEADER), call.body, dict(call.query)], order="sorted"
    )
    return hashlib.sha256(said).hexdigest()


def _hash(*parts: str) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
