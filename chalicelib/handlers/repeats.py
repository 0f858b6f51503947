"""`Idempotency-Key`: a POST repeated under the same key gets the first one's answer, for 24 hours.

The key is scoped to account, user and route. The first request marks it as in flight, so that two at once are not
both carried out; a request that failed on our side leaves the key free to be tried again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from chalicelib.domain.moments import rfc3339
from chalicelib.handlers.problems import Problem, invalid
from chalicelib.store import keys
from chalicelib.store.table import Delete, If, Key, Put, Refused, Row, Update

if TYPE_CHECKING:
    from chalicelib.handlers.calls import Answer, Call, Route

KEPT = timedelta(hours=24)
IN_FLIGHT = timedelta(minutes=1)
HEADER = "idempotency-key"
LINKS = frozenset({"/v1/portal-sessions", "/v1/checkout-sessions"})
"""They pass the key on to Stripe and store no answer: a link is never stored."""


def once(call: Call[Any], route: Route, act: Callable[[], Answer]) -> Answer:
    given = call.headers.get(HEADER)
    if route.method != "POST" or given is None or route.path in LINKS:
        return act()
    if not 0 < len(given) <= 255 or not given.isprintable():
        raise invalid("", "An Idempotency-Key has 1 to 255 printable characters.")
    key = _key(call, route, given)
    stored = _begin(call, key)
    if stored is not None:
        return stored
    try:
        answer = act()
    except Problem as problem:
        if problem.status < 500:
            # A refusal changed nothing: the same key may be used again once the reason is gone.
            call.world.table.write(Delete(key))
        raise
    _keep(call, key, answer)
    return answer


def _key(call: Call[Any], route: Route, given: str) -> Key:
    scope = keys.partition(call.account.id) if call.loaded else "B#backend"
    path = route.path.format(**call.params) if call.params else route.path
    return keys.answer(scope, call.caller.sub, f"{route.method} {path}", given)


def _begin(call: Call[Any], key: Key) -> Answer | None:
    """Marks the key as in flight, or answers what is stored under it."""
    row = {
        "pk": key.pk,
        "sk": key.sk,
        "state": "in_flight",
        "claimed_until": rfc3339(call.now + IN_FLIGHT),
        "expires_at": int((call.now + KEPT).timestamp()),
        "doc": {"request": _digest(call), "until": rfc3339(call.now + KEPT)},
    }
    try:
        call.world.table.write(Put(row, If(absent=True)))
    except Refused:
        return _stored(call, key, row)
    return None


def _stored(call: Call[Any], key: Key, mine: Row) -> Answer | None:
    found = call.world.table.get(key)
    if found is None or found["doc"]["until"] <= rfc3339(call.now):
        call.world.table.write(Put(mine))
        return None
    if found["doc"]["request"] != mine["doc"]["request"]:
        raise Problem(
            422, "idempotency_key_reused", "This Idempotency-Key was used for another request."
        )
    if found["state"] == "done":
        return _answer_from(found["doc"])
    try:
        # Whoever began it may have died: after a while the next one takes over.
        call.world.table.write(
            Update(
                key,
                {"claimed_until": mine["claimed_until"]},
                If(
                    equals={"state": "in_flight"},
                    before={"claimed_until": rfc3339(call.now)},
                ),
            )
        )
    except Refused:
        raise Problem(
            409, "idempotency_in_flight", "The first request under this key is still running."
        ) from None
    return None


def _keep(call: Call[Any], key: Key, answer: Answer) -> None:
    doc = {
        "request": _digest(call),
        "until": rfc3339(call.now + KEPT),
        "status": answer.status,
        "body": json.dumps(answer.body),
    }
    call.world.table.write(Update(key, {"state": "done", "doc": doc, "claimed_until": None}))


def _answer_from(doc: dict[str, Any]) -> Answer:
    from chalicelib.handlers.calls import Answer

    return Answer(doc["status"], json.loads(doc["body"]))


def _digest(call: Call[Any]) -> str:
    import msgspec

    said = msgspec.json.encode([call.body, dict(call.query)], order="sorted")
    return hashlib.sha256(said).hexdigest()
