"""One call to the API, and the one way each is answered.

The order of checks is the same everywhere: 401 → 404 for ids that are not the caller's → 422 shape → the stored answer
if this is a repeat of a completed request → 403 role → what the route itself decides.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import unquote

import msgspec

from chalicelib import log
from chalicelib.domain.account import Account
from chalicelib.domain.policy import Policy
from chalicelib.gateways.stripe import StripeUnavailable
from chalicelib.gateways.tokens import Caller, TokenError
from chalicelib.handlers import repeats
from chalicelib.handlers.problems import (
    Problem,
    invalid,
    malformed,
    not_found,
    role_required,
    storage_unavailable,
    stripe_unavailable,
    unexpected,
)
from chalicelib.store import accounts
from chalicelib.store.accounts import Loaded
from chalicelib.store.holdings import owner_of_number
from chalicelib.store.table import StoreError
from chalicelib.wiring import World

LARGEST_BODY = 256 * 1024
MOST_ID_CHARACTERS = 200

B = TypeVar("B")
Whose = Literal["caller", "body", "query", "path", "number", "none"]
"""Where the account comes from: the caller's token; or, for back-end callers, the body, the query, the path,
or the number that the path names."""


@dataclass(slots=True)
class Call(Generic[B]):
    world: World
    request_id: str
    now: datetime
    caller: Caller
    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: B
    loaded: Loaded | None = None

    @property
    def known(self) -> Loaded:
        assert self.loaded is not None
        return self.loaded

    @property
    def account(self) -> Account:
        return self.known.account

    @property
    def policy(self) -> Policy:
        return self.world.policies.get(self.account.policy)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


Act = Callable[[Call[Any]], Answer]
Roles = Callable[[Call[Any]], frozenset[str]] | frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A row of the route table."""

    method: str
    path: str
    act: Act
    summary: str
    roles: Roles
    whose: Whose = "caller"
    body: type[Any] | None = None
    find: Callable[[Call[Any]], object] | None = None
    """Raises 404 for ids in the path that are not the account's."""
    repeated: Callable[[Call[Any]], Answer | None] | None = None
    """The stored answer, if this request was completed before."""
    success: int = 200


@dataclass(frozen=True, slots=True)
class Request:
    """What came in, before anything is known about it."""

    params: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    raw: bytes
    request_id: str


def answer(world: World, route: Route, request: Request, tokens: Any) -> Answer:
    """The route's answer, or the problem that keeps it from one. Raises nothing."""
    try:
        return _answer(world, route, request, tokens)
    except Problem as problem:
        return refused(problem, request.request_id)
    except StripeUnavailable as error:
        log.problem("stripe_unavailable", error, request_id=request.request_id, route=route.path)
        return refused(stripe_unavailable(), request.request_id)
    except StoreError as error:
        log.problem("storage_unavailable", error, request_id=request.request_id, route=route.path)
        return refused(storage_unavailable(), request.request_id)
    except Exception as error:  # noqa: BLE001 - the last door: the cause goes to the log, a sentence to the caller
        log.problem("unexpected", error, request_id=request.request_id, route=route.path)
        return refused(
            unexpected("Something went wrong on our side. It was noted."), request.request_id
        )


def refused(problem: Problem, request_id: str) -> Answer:
    headers = {"Content-Type": "application/problem+json", **problem.headers}
    return Answer(problem.status, problem.document(request_id), headers)


def _answer(world: World, route: Route, request: Request, tokens: Any) -> Answer:
    if len(request.raw) > LARGEST_BODY:
        raise Problem(413, "body_too_large", f"A body may have {LARGEST_BODY} bytes here.")
    now = world.clock.now()
    caller = _caller(tokens, request, now)
    plain = _json(request.raw) if route.body is not None else None
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
    if route.find is not None:
        route.find(call)
    if route.body is not None:
        call.body = shaped(route.body, plain)
    return repeats.once(call, route, lambda: _act(call, route))


def _act(call: Call[Any], route: Route) -> Answer:
    stored = route.repeated(call) if route.repeated else None
    if stored is not None:
        return stored
    roles = route.roles(call) if callable(route.roles) else route.roles
    if not call.caller.roles & roles:
        raise role_required(sorted(roles))
    return route.act(call)


def _caller(tokens: Any, request: Request, now: datetime) -> Caller:
    try:
        caller: Caller = tokens.caller(request.headers.get("authorization"), now)
    except TokenError as error:
        header = {"WWW-Authenticate": "Bearer"}
        raise Problem(401, error.code, str(error), headers=header) from error
    return caller


def _account(call: Call[Any], whose: Whose) -> Loaded | None:
    """The account the call is about. Another's is not found, exactly like one that does not exist."""
    if whose == "none":
        return None
    account_id = call.caller.account_id or _named_account(call, whose)
    if account_id is None:
        raise invalid("/account_id", "Say which account: account_id is missing.")
    if not call.caller.may_see(account_id) or not is_id(account_id):
        raise not_found("account")
    loaded = accounts.load(call.world.table, account_id)
    if loaded is None:
        raise not_found("account")
    return loaded


def _named_account(call: Call[Any], whose: Whose) -> str | None:
    named: Any = None
    if whose == "body":
        named = call.body.get("account_id") if isinstance(call.body, dict) else None
    elif whose == "number":
        named = call.query.get("account_id") or owner_of_number(
            call.world.table, call.params["e164"].replace("%2B", "+")
        )
        if named is None:
            raise not_found("number")
    elif whose == "path":
        named = call.params.get("id")
    else:
        named = call.query.get("account_id")
    if named is not None and not isinstance(named, str):
        raise invalid("/account_id", "account_id must be a text.")
    return named


def is_id(text: str) -> bool:
    return 0 < len(text) <= MOST_ID_CHARACTERS and text.isprintable()


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw or b"{}", parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise malformed("The body is not JSON.") from error


def _no_constant(word: str) -> Any:
    raise ValueError(word)


def shaped(kind: type[B], plain: Any) -> B:
    """The body as the route's own type. Unknown fields are ignored; a wrong one is named by its pointer."""
    try:
        return msgspec.convert(plain, kind)
    except (msgspec.ValidationError, ValueError, RecursionError, UnicodeError) as error:
        detail, _, where = str(error).partition(" - at `$")
        pointer = "/" + where.rstrip("`").lstrip(".").replace("[", "/").replace("]", "").replace(
            ".", "/"
        ).lstrip("/")
        raise invalid(pointer if where else "", f"{detail}.".replace("..", ".")) from error
