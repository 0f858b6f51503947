"""Every route of the API in one table, and the doors through which requests come in."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from chalice.app import Blueprint, Response
from chalice.app import Request as ChaliceRequest

from chalicelib import wiring
from chalicelib.gateways.tokens import Tokens
from chalicelib.handlers import (
    admin,
    cancellations,
    holdings,
    links,
    membership,
    messages,
    shapes,
    wallet,
    webhook,
)
from chalicelib.handlers.asking import (
    ADMINS,
    ANYBODY,
    NOT_MEMBER,
    OPERATOR,
    SERVICE,
    may_cancel,
    subscription,
)
from chalicelib.handlers.calls import Answer, Request, Route, answer
from chalicelib.settings import Settings

ROUTES: tuple[Route, ...] = (
    Route(
        method="GET", path="/v1/membership", act=membership.membership,
        roles=ANYBODY, whose="query",
        summary="The whole membership page in one answer.",
    ),
    Route(
        method="GET", path="/v1/entitlements", act=membership.entitlements,
        roles=ANYBODY, whose="query",
        summary="What the account may use at this instant, judged by the clock.",
    ),
    Route(
        method="POST", path="/v1/portal-sessions", act=links.portal_session,
        body=shapes.PortalSession, find=links.find_subscription, roles=ADMINS, success=201,
        summary="A link to Stripe's customer portal.",
    ),
    Route(
        method="POST", path="/v1/checkout-sessions", act=links.checkout_session,
        body=shapes.CheckoutSession, roles=ADMINS, success=201,
        summary="A Checkout link for a plan.",
    ),
    Route(
        method="POST", path="/v1/subscriptions/{id}/cancellation-previews",
        act=cancellations.preview, find=subscription, roles=NOT_MEMBER, success=201,
        summary="What cancelling will lead to, dated and priced.",
    ),
    Route(
        method="POST", path="/v1/subscriptions/{id}/cancellation", act=cancellations.cancel,
        body=shapes.Cancellation, find=cancellations.find_preview, roles=may_cancel,
        repeated=cancellations.repeated,
        summary="Turns renewal off, as previewed and consented to.",
    ),
    Route(
        method="DELETE", path="/v1/subscriptions/{id}/cancellation", act=cancellations.resume,
        find=subscription, roles=may_cancel,
        summary="Resumes: undoes a scheduled cancellation, up to the last second.",
    ),
    Route(
        method="PUT", path="/v1/numbers/{e164}", act=holdings.put_number,
        body=shapes.NumberShape, whose="body", roles=SERVICE,
        summary="A phone number the account has bought.",
    ),
    Route(
        method="DELETE", path="/v1/numbers/{e164}", act=holdings.delete_number,
        whose="number", roles=ADMINS | SERVICE,
        summary="Removes a number: it is released at its carrier and costs nothing more.",
    ),
    Route(
        method="PUT", path="/v1/registrations/{id}", act=holdings.put_registration,
        body=shapes.RegistrationShape, whose="body", roles=SERVICE,
        summary="A 10DLC or sign-up registration.",
    ),
    Route(
        method="DELETE", path="/v1/registrations/{id}", act=holdings.delete_registration,
        whose="query", roles=ADMINS | SERVICE,
        summary="Declines a pending registration, or withdraws an active one.",
    ),
    Route(
        method="POST", path="/v1/scheduled-messages", act=messages.register,
        body=shapes.MessagesShape, whose="body", roles=SERVICE,
        summary="Schedules up to 100 messages and debits their prices from the wallet.",
    ),
    Route(
        method="POST", path="/v1/scheduled-messages/{id}/sent", act=messages.sent,
        whose="query", roles=SERVICE,
        summary="The message is sent: it will never be credited.",
    ),
    Route(
        method="DELETE", path="/v1/scheduled-messages/{id}", act=messages.delete,
        whose="query", roles=SERVICE,
        summary="The message is withdrawn and its price given back.",
    ),
    Route(
        method="GET", path="/v1/wallet", act=wallet.balance,
        whose="query", roles=ANYBODY - {"member"},
        summary="The wallet's balance.",
    ),
    Route(
        method="GET", path="/v1/wallet/entries", act=wallet.entries,
        whose="query", roles=ANYBODY - {"member"},
        summary="The wallet's entries, newest first.",
    ),
    Route(
        method="PUT", path="/v1/admin/accounts/{id}", act=admin.put_account,
        body=shapes.AccountShape, whose="none", find=admin.find_account,
        roles=OPERATOR | SERVICE,
        summary="Creates or updates an account; its parked events are applied at once.",
    ),
    Route(
        method="GET", path="/v1/admin/accounts/{id}/timeline", act=admin.timeline,
        whose="path", roles=OPERATOR,
        summary="What happened to the account, and what will.",
    ),
    Route(
        method="GET", path="/v1/admin/parked-events", act=admin.parked_events,
        whose="none", roles=OPERATOR,
        summary="Stripe events that wait to be applied.",
    ),
    Route(
        method="POST", path="/v1/admin/parked-events/{id}/replay", act=admin.replay_parked,
        whose="none", roles=OPERATOR,
        summary="Tries a parked event again, now.",
    ),
)  # fmt: skip

api = Blueprint(__name__)

_tokens: dict[int, Tokens] = {}


def _register(path: str, routes: Mapping[str, Route]) -> None:
    def view(**params: str) -> Response:
        request, request_id = api.current_request, _new_request_id()
        if request.method == "OPTIONS":
            return _respond(request, _preflight(routes), request_id)
        given = answer(
            wiring.world(),
            routes[request.method],
            _request(request, params, request_id),
            _verifier(),
        )
        return _respond(request, given, request_id)

    # Chalice tells handlers apart by name, and passes path parameters by theirs.
    view.__name__ = "".join(c if c.isalnum() else "_" for c in path)
    api.route(path, methods=[*routes, "OPTIONS"], content_types=[])(view)


def _request(request: ChaliceRequest, params: Mapping[str, str], request_id: str) -> Request:
    return Request(
        params=params,
        query=dict(request.query_params or {}),
        headers={name.lower(): value for name, value in request.headers.items()},
        raw=_raw(request),
        request_id=request_id,
    )


def _raw(request: ChaliceRequest) -> bytes:
    """The exact bytes that were sent, be they handed to us as text or as base64."""
    raw = request.raw_body
    return raw.encode() if isinstance(raw, str) else raw


def _new_request_id() -> str:
    """Ours, even when the caller sends one: it names a fact in the history."""
    return uuid.uuid4().hex


def _verifier() -> Tokens:
    settings = wiring.world().settings
    return _tokens.setdefault(id(settings), Tokens(settings))


def _respond(request: ChaliceRequest, given: Answer, request_id: str) -> Response:
    headers: dict[str, str | list[str]] = {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        "Request-Id": request_id,
        **given.headers,
        **_cors(request, wiring.world().settings),
    }
    return Response(body=given.body, status_code=given.status, headers=headers)


def _cors(request: ChaliceRequest, settings: Settings) -> dict[str, str]:
    """Origins we may send customers back to are the ones whose pages may ask."""
    origin = request.headers.get("origin")
    if origin is None or origin not in settings.return_origins:
        return {"Vary": "Origin"}
    return {
        "Vary": "Origin",
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": "Request-Id, Retry-After",
    }


def _preflight(routes: Mapping[str, Route]) -> Answer:
    return Answer(
        204,
        "",
        {
            "Access-Control-Allow-Methods": ", ".join(routes),
            "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key",
            "Access-Control-Max-Age": "600",
        },
    )


@api.route("/webhooks/stripe", methods=["POST"], content_types=[])
def stripe_webhook() -> Response:
    request, request_id = api.current_request, _new_request_id()
    given = webhook.receive(
        wiring.world(), _raw(request), request.headers.get("stripe-signature"), request_id
    )
    return _respond(request, given, request_id)


@api.route("/healthz", methods=["GET"])
def healthz() -> Response:
    return _respond(api.current_request, Answer(200, {"status": "ok"}), _new_request_id())


def _by_path() -> dict[str, dict[str, Route]]:
    paths: dict[str, dict[str, Route]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method] = route
    return paths


for _path, _routes in _by_path().items():
    _register(_path, _routes)
