"""The way to our own page without logging in once more: a link with a one-time code, for whoever's page prefers ours.

The code stands in the address's fragment, which no server and no log sees. It is exchanged once, within a minute, for a
token that the page keeps in memory. Both name their account, so that they are looked for in its partition only.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from chalicelib.domain.moments import rfc3339
from chalicelib.handlers import shapes, strict_json
from chalicelib.handlers.call import Answer, Call, Request, refused
from chalicelib.handlers.origins import origin_of
from chalicelib.handlers.page_sessions import PREFIX, account_in, new_secret
from chalicelib.handlers.problems import Problem, malformed, storage_unavailable
from chalicelib.store import page_links
from chalicelib.store.page_links import Visit
from chalicelib.store.table import StoreError
from chalicelib.wiring import World

CODE_LIVES = timedelta(seconds=60)
SESSION_LIVES = timedelta(minutes=30)
LARGEST_BODY = 4096


def leads_to_ours(call: Call[shapes.PortalSession]) -> bool:
    """SC-7, M1-2: the policy prefers our page for looking and for cancelling; cards are changed at Stripe always."""
    return (
        call.policy.cancellation.page == "ours"
        and _address(call.world) is not None
        and call.body.flow in (None, "subscription_cancel")
    )


def link(call: Call[shapes.PortalSession]) -> Answer:
    code = new_secret(call.account.id)
    visit = Visit(
        sub=call.caller.sub,
        email=call.caller.email,
        roles=tuple(sorted(call.caller.roles)),
        until=call.now + CODE_LIVES,
        return_url=call.body.return_url,
        subscription_id=call.body.subscription_id if call.body.flow else None,
    )
    page_links.keep_code(call.world.table, call.account.id, code, visit)
    return Answer(201, {"url": f"{_address(call.world)}/membership#code={code}"})


def _address(world: World) -> str | None:
    """Where our pages are, with the path of a stage if there is one."""
    url = world.settings.public_url or ""
    return url.rstrip("/") if origin_of(url) is not None and "#" not in url else None


def exchange(world: World, request: Request) -> Answer:
    """`POST /v1/page-codes/exchange`: whoever holds the code is who it was made for."""
    try:
        return _exchange(world, request)
    except Problem as problem:
        return refused(problem, request.request_id)
    except StoreError:
        return refused(storage_unavailable(), request.request_id)


def _exchange(world: World, request: Request) -> Answer:
    code, now = _code(request.raw), world.clock.now()
    account_id = account_in(code)
    visit = page_links.visit_of(world.table, account_id, code) if account_id else None
    if account_id is None or visit is None or visit.until <= now:
        raise _no_good()
    token, until = PREFIX + new_secret(account_id), now + SESSION_LIVES
    if not page_links.begin(world.table, account_id, code, token, visit, until):
        raise _no_good()
    return Answer(
        200,
        {
            "token": token,
            "expires_at": rfc3339(until),
            "return_url": visit.return_url,
            "subscription_id": visit.subscription_id,
        },
    )


def _code(raw: bytes) -> str:
    if len(raw) > LARGEST_BODY:
        raise Problem(413, "body_too_large", f"A body may have {LARGEST_BODY} bytes here.")
    try:
        body: Any = strict_json.read(raw or b"{}")
    except ValueError as error:
        raise malformed("The body is not JSON.") from error
    code = body.get("code") if isinstance(body, dict) else None
    if not isinstance(code, str):
        raise Problem(422, "invalid_request", "code is missing: it stands in the page's address.")
    return code


def _no_good() -> Problem:
    return Problem(
        404,
        "not_found",
        "This link was used already, or is older than a minute. Go back and open the page again.",
    )
