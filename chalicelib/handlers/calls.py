"""One call to the API, and the one way each is answered.

The order of checks is the same everywhere: 401 → 404 for ids that are not the caller's → 422 shape → the stored answer
if this is a repeat of a completed request → 403 role → what the route itself decides.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from chalicelib import lifecycle, log
from chalicelib.domain.capabilities import SwitchedOff
from chalicelib.gateways.jwks import KeysUnavailable
from chalicelib.gateways.roles import RolesUnavailable
from chalicelib.gateways.stripe import StripeRefused, StripeUnavailable
from chalicelib.gateways.tokens import Caller, TokenError
from chalicelib.handlers import page_sessions, repeats, shapes, strict_json
from chalicelib.handlers.call import Answer, Call, Request, Route, Whose, refused
from chalicelib.handlers.problems import (
    Problem,
    invalid,
    malformed,
    not_found,
    role_required,
    roles_unknown,
    storage_unavailable,
    stripe_refused,
    stripe_unavailable,
    switched_off,
    unexpected,
    unverifiable,
)
from chalicelib.handlers.shaping import shaped
from chalicelib.store import cases
from chalicelib.store.accounts import Loaded
from chalicelib.store.holdings import owner_of_number
from chalicelib.store.table import StoreError
from chalicelib.wiring import World

LARGEST_BODY = 256 * 1024
MOST_ID_CHARACTERS = 200

PEOPLE = ("billing_admin", "super_admin")
"""Whom a route for an account's people asks for when a back end calls it without naming an account."""


def answer(world: World, route: Route, request: Request, tokens: Any) -> Answer:
    """The route's answer, or the problem that keeps it from one. Raises nothing."""
    try:
        return _answer(world, route, request, tokens)
    except Problem as problem:
        return refused(problem, request.request_id)
    except StripeUnavailable as error:
        log.problem("stripe_unavailable", error, request_id=request.request_id, route=route.path)
        return refused(stripe_unavailable(error), request.request_id)
    except KeysUnavailable as error:
        log.problem("keys_unavailable", error, request_id=request.request_id, route=route.path)
        return refused(unverifiable(), request.request_id)
    except StoreError as error:
        log.problem("storage_unavailable", error, request_id=request.request_id, route=route.path)
        return refused(storage_unavailable(), request.request_id)
    except Exception as error:  # noqa: BLE001 - the last door: the cause goes to the log, a sentence to the caller
        log.problem("unexpected", error, request_id=request.request_id, route=route.path)
        return refused(
            unexpected("Something went wrong on our side. It was noted."), request.request_id
        )


def _answer(world: World, route: Route, request: Request, tokens: Any) -> Answer:
    if len(request.raw) > LARGEST_BODY:
        raise Problem(413, "body_too_large", f"A body may have {LARGEST_BODY} bytes here.")
    now = world.clock.now()
    caller = _caller(world, tokens, request, now)
    plain = _plain(request.raw) if route.body is not None else None
    call: Call[Any] = Call(
        world=world,
        request_id=request.request_id,
        now=now,
        caller=caller,
        params={name: unquote(value) for name, value in request.params.items()},
        query=request.query,
        headers=request.headers,
        body=plain,
    )
    call.loaded = _account(call, route.whose)
    try:
        return _decided(call, route, plain)
    except SwitchedOff as off:
        raise _with_support(switched_off(off), route, call) from off
    except StripeRefused as no:
        log.problem("stripe_refused", no, request_id=call.request_id, route=route.path)
        raise _with_support(stripe_refused(no), route, call) from no
    except Problem as problem:
        raise _with_support(problem, route, call) from problem


def _with_support(problem: Problem, route: Route, call: Call[Any]) -> Problem:
    """OS-7: whom to turn to stands in every refusal. Not where the account itself must not be given away."""
    if route.whose != "none" and call.loaded is not None:
        problem.more.setdefault("support", shapes.support(call.policy, call.account.locale))
    return problem


def _decided(call: Call[Any], route: Route, plain: Any) -> Answer:
    nobody = call.loaded is None and route.whose == "caller"
    if route.find is not None and not nobody:
        route.find(call)
    if route.body is not None:
        call.body = shaped(route.body, plain)
    if nobody:
        raise role_required(_people(route))
    if route.lists:
        limit(call)
    if route.check is not None:
        route.check(call)
    return repeats.once(call, route, lambda: _act(call, route))


def _people(route: Route) -> list[str]:
    if callable(route.roles):
        return sorted(PEOPLE)
    return sorted(route.roles.intersection(PEOPLE))


def _act(call: Call[Any], route: Route) -> Answer:
    stored = route.repeated(call) if route.repeated else None
    if stored is not None:
        return stored
    if route.method != "GET":
        call.caller = _still_holding(call)
    roles = route.roles(call) if callable(route.roles) else route.roles
    if not call.caller.roles & roles:
        raise role_required(sorted(roles))
    if route.needs is not None:
        call.world.gate.must_be_open(route.needs)
    return route.act(call)


def _still_holding(call: Call[Any]) -> Caller:
    """The caller with the roles they have now, where the SaaS can be asked: a token may outlive a role."""
    account_id, endpoint = call.caller.account_id, call.world.roles
    if endpoint is None or account_id is None:
        return call.caller
    try:
        now = endpoint.of(account_id, call.caller.sub)
    except RolesUnavailable as error:
        log.problem("roles_unavailable", error, request_id=call.request_id)
        raise roles_unknown() from error
    return replace(call.caller, roles=call.caller.roles & now)


def _caller(world: World, tokens: Any, request: Request, now: datetime) -> Caller:
    authorization = request.headers.get("authorization")
    try:
        visit = page_sessions.token_in(authorization)
        caller: Caller = (
            page_sessions.caller_of(world.table, visit, now)
            if visit is not None
            else tokens.caller(authorization, now)
        )
    except TokenError as error:
        header = {"WWW-Authenticate": "Bearer"}
        raise Problem(401, error.code, str(error), headers=header) from error
    return caller


def _account(call: Call[Any], whose: Whose) -> Loaded | None:
    """The account the call is about. Another's is not found, exactly like one that does not exist."""
    if whose == "none":
        return None
    account_id = _named(call, whose) or call.caller.account_id or _owner(call, whose)
    if account_id is None and whose == "caller":
        return None
    if account_id is None:
        raise invalid("/account_id", "Say which account: account_id is missing.")
    if not call.caller.may_see(account_id) or not is_id(account_id):
        raise not_found("account")
    loaded = lifecycle.load(call.world, account_id)
    if loaded is None:
        raise not_found("account")
    return loaded


def _named(call: Call[Any], whose: Whose) -> str | None:
    """The account that the request names. People need not name theirs, and may name no other."""
    if whose == "path":
        return call.params.get("id")
    if whose != "body":
        return call.query.get("account_id")
    named = call.body.get("account_id") if isinstance(call.body, dict) else None
    if named is not None and not isinstance(named, str):
        raise invalid("/account_id", "account_id must be a text.")
    return named


def _owner(call: Call[Any], whose: Whose) -> str | None:
    """Whoever holds the number, or the case, that the path names."""
    if whose == "case":
        return _owner_of_case(call)
    if whose != "number":
        return None
    named = e164(call)
    owner = owner_of_number(call.world.table, named) if is_id(named) else None
    if owner is None:
        raise not_found("number")
    return owner


def _owner_of_case(call: Call[Any]) -> str:
    named = call.params["id"]
    owner = cases.owner_of(call.world.table, named) if is_id(named) else None
    if owner is None:
        raise not_found("case")
    return owner


def e164(call: Call[Any]) -> str:
    """The number in the path, whichever way its plus sign was written."""
    return call.params["e164"].replace("%2B", "+").replace("%2b", "+")


def limit(call: Call[Any]) -> int:
    text = call.query.get("limit", "20")
    if not _LIMIT.fullmatch(text):
        raise invalid("/limit", "limit is a whole number from 1 to 100.")
    return int(text)


_LIMIT = re.compile(r"[1-9][0-9]?|100")


def is_id(text: str) -> bool:
    return 0 < len(text) <= MOST_ID_CHARACTERS and text.isprintable()


def _plain(raw: bytes) -> Any:
    try:
        return strict_json.read(raw or b"{}")
    except ValueError as error:
        raise malformed("The body is not JSON.") from error
