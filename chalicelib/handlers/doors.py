"""The doors through which HTTP comes in: every path, and who answers there.

One takes whatever leads nowhere: API Gateway would answer that in its own words.
"""

from __future__ import annotations

from collections.abc import Callable

from chalice.app import Blueprint

from chalicelib import wiring
from chalicelib.gateways.tokens import Tokens
from chalicelib.handlers import openapi, page_links, pages, webhook
from chalicelib.handlers.call import Answer, Request, Route
from chalicelib.handlers.calls import answer
from chalicelib.handlers.door import Handle, opened
from chalicelib.handlers.routes import ROUTES
from chalicelib.settings import Settings
from chalicelib.wiring import World

ELSEWHERE = "/{proxy+}"
"""API Gateway's own spelling of "any other path"."""

api = Blueprint(__name__)
_tokens: Tokens | None = None


def _verifier(settings: Settings) -> Tokens:
    """Kept, with the issuer's keys it has, for as long as the world stays the same."""
    global _tokens  # noqa: PLW0603 - one process serves one world
    if _tokens is None or _tokens.settings is not settings:
        _tokens = Tokens(settings)
    return _tokens


def _through_checks(route: Route) -> Handle:
    def handle(request: Request) -> Answer:
        world = wiring.world()
        return answer(world, route, request, _verifier(world.settings))

    return handle


def _healthz(_: Request) -> Answer:
    return Answer(200, {"status": "ok"})


def _openapi(_: Request) -> Answer:
    return Answer(200, openapi.published(ROUTES))


def _for_anybody(act: Callable[[World, Request], Answer]) -> Handle:
    """It asks for no token."""
    return lambda request: act(wiring.world(), request)


def _doors() -> dict[str, dict[str, Handle]]:
    doors: dict[str, dict[str, Handle]] = {
        "/healthz": {"GET": _healthz},
        "/membership": {"GET": _for_anybody(pages.membership)},
        "/console": {"GET": _for_anybody(pages.console)},
        "/pages/{name}": {"GET": _for_anybody(pages.asset)},
        "/pages/{version}/{name}": {"GET": _for_anybody(pages.asset)},
        "/v1/openapi.json": {"GET": _openapi},
        "/v1/page-codes/exchange": {"POST": _for_anybody(page_links.exchange)},
        "/webhooks/stripe": {"POST": webhook.answer},
        ELSEWHERE: {},
    }
    for route in ROUTES:
        doors.setdefault(route.path, {})[route.method] = _through_checks(route)
    return doors


for _path, _handles in _doors().items():
    opened(api, _path, _handles)
