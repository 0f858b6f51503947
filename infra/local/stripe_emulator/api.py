"""One call to /v1: key, version, parameters, idempotency, and the JSON that answers it.

Knows HTTP but no resource. Faults are decided by the hook the emulator hands in.
"""

from __future__ import annotations

import hashlib
import re
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from . import parameters, routes
from .calendar import DAY
from .errors import StripeError
from .rendering import render
from .versions import DEFAULT_VERSION
from .world import World

Json = dict[str, Any]
Faults = Callable[[str, str], str | None]

KEPT_SECONDS = DAY
# A declined card leaves its failed charge behind; every other refusal leaves nothing.
PAYMENT_FAILED = 402
_KEY = re.compile(r"(sk|rk)_test_\w+")
_WITHOUT = "rk_test_without_"
"""A restricted key names what it may only read: `rk_test_without_refunds`."""


@dataclass(frozen=True)
class Response:
    """Status 0 means that no answer is given at all: the connection is dropped."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Call:
    """One request as it came in."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    def header(self, name: str) -> str | None:
        for key, value in self.headers.items():
            if key.lower() == name.lower():
                return value
        return None


# A fault either refuses before anything is done, or loses the answer after it was done.
_BEFORE = {
    "error": StripeError("An unknown error occurred.", status=500, kind="api_error"),
    "throttle": StripeError(
        "Request rate limit exceeded.", status=429, kind="rate_limit_error", code="rate_limit"
    ),
}


def answer(world: World, call: Call, faults: Faults) -> Response:
    identity = world.new_id("req", 14)
    fault = faults(call.method, call.path)
    if fault == "timeout":
        return Response(0)
    try:
        if fault in _BEFORE:
            raise _BEFORE[fault]
        response = _authorized(world, call, identity, lost=fault == "answer_lost_500")
    except StripeError as refusal:
        response = _error(refusal, identity)
    except Exception:  # noqa: BLE001 -- an answer is owed whatever goes wrong
        # A flaw of the emulator itself: said plainly, and to whoever watches the stack.
        traceback.print_exc()
        world.rollback()
        flaw = StripeError("The emulator failed; see its output.", status=500, kind="api_error")
        response = _error(flaw, identity)
    return Response(0) if fault == "answer_lost" else response


def _authorized(world: World, call: Call, identity: str, *, lost: bool) -> Response:
    _check_key(call)
    key = call.header("Idempotency-Key") if call.method == "POST" else None
    world.request = {"id": identity, "idempotency_key": key}
    if key is None:
        return _carried_out(world, call, identity, lost=lost)
    if len(key) > 255:
        raise StripeError("Idempotency keys may be up to 255 characters.", kind="idempotency_error")
    return _once(world, call, key, identity, lost=lost)


def _check_key(call: Call) -> None:
    given = call.header("Authorization") or ""
    scheme, _, key = given.partition(" ")
    if not key:
        raise StripeError("You did not provide an API key.", status=401)
    if scheme.lower() != "bearer" or not _KEY.fullmatch(key.strip()):
        raise StripeError(f"Invalid API Key provided: {key[:8]}****", status=401)
    lacking = key.strip().removeprefix(_WITHOUT)
    if lacking != key.strip() and call.method != "GET" and call.path.startswith(f"/v1/{lacking}"):
        raise StripeError(
            f"The provided key '{key[:8]}****' does not have the required permissions for this endpoint.",
            status=403,
        )


def _once(world: World, call: Call, key: str, identity: str, *, lost: bool) -> Response:
    """The stored answer if this key was used; kept for a day, and errors of ours with it."""
    digest = hashlib.sha256(f"{call.method} {call.path}?{call.query}\n".encode() + call.body)
    known = world.find("_idempotency", key)
    if known and known["at"] + KEPT_SECONDS < world.at:
        world.remove(known)
        known = None
    if known is None:
        route, ids = routes.match(call.method, call.path)
        params = parameters.check(route, call.body.decode("utf-8", "replace"))
        response = _performed(world, call, route, ids, params, identity, lost=lost)
        world.add(
            {
                "object": "_idempotency",
                "id": key,
                "at": world.at,
                "digest": digest.hexdigest(),
                "status": response.status,
                "headers": response.headers,
                "body": response.body.decode(),
            }
        )
        return response
    if known["digest"] != digest.hexdigest():
        raise StripeError(
            "Keys for idempotent requests can only be used with the same parameters they were"
            f" first used with. Try using a key other than '{key}' if you meant to execute a"
            " different request.",
            kind="idempotency_error",
        )
    headers = {
        **known["headers"],
        "Idempotent-Replayed": "true",
        "Original-Request": known["headers"]["Request-Id"],
        "Request-Id": identity,
    }
    return Response(known["status"], headers, known["body"].encode())


def _carried_out(world: World, call: Call, identity: str, *, lost: bool) -> Response:
    route, ids = routes.match(call.method, call.path)
    text = call.body.decode("utf-8", "replace") if call.method == "POST" else call.query
    params = parameters.check(route, text)
    return _performed(world, call, route, ids, params, identity, lost=lost)


def _performed(
    world: World,
    call: Call,
    route: str,
    ids: tuple[str, ...],
    params: Json,
    identity: str,
    *,
    lost: bool,
) -> Response:
    """From here on something may have happened, so that the answer is worth keeping."""
    version = call.header("Stripe-Version") or DEFAULT_VERSION
    try:
        thing = routes.perform(world, route, params, ids)
        shown = render(world, thing, params.get("expand", []), version)
    except StripeError as refusal:
        if refusal.status != PAYMENT_FAILED:
            world.rollback()
        return _error(refusal, identity)
    if lost:
        return _error(_BEFORE["error"], identity)
    headers = {**_headers(identity), "Stripe-Version": version}
    return Response(200, headers, msgspec.json.encode(shown))


def _error(refusal: StripeError, identity: str) -> Response:
    error = {**refusal.error, "request_log_url": f"/requests/{identity}"}
    body = msgspec.json.encode({"error": error})
    return Response(refusal.status, _headers(identity), body)


def _headers(identity: str) -> dict[str, str]:
    return {
        "Content-Type": "application/json",
        "Request-Id": identity,
        "Cache-Control": "no-cache, no-store",
    }
