"""`GET /v1/openapi.json`: the whole API as OpenAPI 3.1, made from the route table and the shapes it names.

Made when it is first asked for, and then kept: no cold start pays for it. What the table cannot know, which answer a
route gives and which refusals of its own it has, stands here in two tables.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from chalicelib.handlers.problems import STATUSES, TITLES

if TYPE_CHECKING:
    from chalicelib.handlers.call import Route

Json = dict[str, Any]

ANSWERS: Mapping[str, str] = {
    "GET /v1/membership": "Membership",
    "GET /v1/entitlements": "Entitlements",
    "POST /v1/portal-sessions": "Link",
    "POST /v1/checkout-sessions": "CheckoutLink",
    "POST /v1/subscriptions/{id}/cancellation-previews": "CancellationPreview",
    "POST /v1/subscriptions/{id}/cancellation": "Canceled",
    "DELETE /v1/subscriptions/{id}/cancellation": "Resumed",
    "POST /v1/subscriptions/{id}/assisted-cancellation-previews": "CancellationPreview",
    "POST /v1/subscriptions/{id}/assisted-cancellation": "Canceled",
    "POST /v1/scheduled-messages": "MessagesScheduled",
    "POST /v1/maintenance-windows": "MaintenanceWindow",
    "PUT /v1/maintenance-windows/{id}": "MaintenanceWindow",
    "GET /v1/maintenance-windows/{id}": "MaintenanceWindow",
    "GET /v1/wallet": "WalletBalance",
    "GET /v1/wallet/entries": "WalletEntries",
    "POST /v1/refund-requests": "Case",
    "POST /v1/appeals": "Case",
    "GET /v1/cases/{id}": "Case",
    "POST /v1/cases/{id}/replies": "Case",
    "POST /v1/cases/{id}/decision": "Case",
    "POST /v1/admin/numbers/{e164}/recovery": "RecoveryShown",
    "POST /v1/exports": "Export",
    "GET /v1/exports/{id}": "Export",
    "POST /v1/page-codes/exchange": "PageVisit",
    "POST /webhooks/stripe": "WebhookOutcome",
}
"""Route → the answer's type in `answers`. Others answer some object, or a page of them."""

_STRIPE = ("stripe_unavailable", "stripe_refused")
_CANCELING = (*_STRIPE, "preview_stale", "blocked", "already_canceled", "no_live_plan")
_CONSENTING = ("reason_missing", "consent_missing")
_ASSISTED = ("identity_not_confirmed", "rate_limited")
REFUSALS: Mapping[str, tuple[str, ...]] = {
    "POST /v1/portal-sessions": (
        *(*_STRIPE, "portal_unavailable", "no_live_plan", "blocked", "return_url_not_allowed"),
    ),
    "POST /v1/checkout-sessions": (
        *(*_STRIPE, "portal_unavailable", "already_subscribed", "return_url_not_allowed"),
    ),
    "POST /v1/subscriptions/{id}/cancellation-previews": (
        *(*_STRIPE, "already_canceled", "no_live_plan"),
    ),
    "POST /v1/subscriptions/{id}/cancellation": (*_CANCELING, *_CONSENTING),
    "DELETE /v1/subscriptions/{id}/cancellation": (*_STRIPE, "not_resumable"),
    "POST /v1/subscriptions/{id}/assisted-cancellation-previews": (
        *(*_STRIPE, "already_canceled", "no_live_plan", *_ASSISTED),
    ),
    "POST /v1/subscriptions/{id}/assisted-cancellation": (*_CANCELING, *_CONSENTING, *_ASSISTED),
    "PUT /v1/subscriptions/{id}/seats/{user}": ("no_live_plan",),
    "PUT /v1/numbers/{e164}": ("taken",),
    "PUT /v1/registrations/{id}": ("taken",),
    "POST /v1/scheduled-messages": ("no_live_plan", "taken"),
    "POST /v1/scheduled-messages/{id}/sent": ("already_credited",),
    "DELETE /v1/scheduled-messages/{id}": ("already_credited",),
    "POST /v1/activity": ("taken",),
    "POST /v1/usage-charges": ("taken",),
    "POST /v1/refund-requests": (*_STRIPE, "disputed", "blocked", "rate_limited"),
    "POST /v1/appeals": ("rate_limited",),
    "POST /v1/cases/{id}/replies": ("already_decided", "rate_limited"),
    "POST /v1/cases/{id}/decision": (
        *(*_STRIPE, "already_decided", "disputed", "blocked", "reason_missing"),
    ),
    "POST /v1/exports": ("rate_limited", "blocked"),
    "PUT /v1/admin/accounts/{id}": ("taken",),
    "POST /v1/admin/parked-events/{id}/replay": ("blocked",),
    "POST /v1/admin/numbers/{e164}/recovery": (
        *_STRIPE,
        "not_recoverable",
        "taken",
        "no_live_plan",
    ),
    "POST /v1/admin/accounts/{id}/purge-approval": ("blocked",),
    "POST /v1/admin/accounts/{id}/legal-hold": ("blocked",),
    "POST /v1/admin/steps/{key}/hold": ("blocked",),
    "POST /v1/admin/steps/{key}/retry": ("blocked",),
    "POST /v1/admin/steps/{key}/waive": ("blocked",),
}
"""Route → the codes it alone may answer, beside those that every route may."""

IDS: Mapping[str, str] = {
    "id": "The owner's own id of it: Stripe's for a subscription.",
    "e164": "A phone number as +14155550100; the plus sign may be written %2B.",
    "user": "The user's id.",
    "key": "A step's key.",
}
LONGEST: Mapping[str, int] = {"key": 2000}


@lru_cache(maxsize=1)
def published(routes: Sequence[Route]) -> Json:
    import msgspec

    from chalicelib.handlers import answers

    bodies = sorted({route.body for route in routes if route.body}, key=lambda body: body.__name__)
    described = [getattr(answers, name) for name in {*ANSWERS.values(), "Page", "Problem"}]
    _, schemas = msgspec.json.schema_components(
        [*bodies, *sorted(described, key=lambda answer: str(answer.__name__))],
        ref_template="#/components/schemas/{name}",
    )
    paths: dict[str, Json] = {
        "/healthz": {"get": _open("Is it there?", None, "healthz")},
        "/v1/openapi.json": {"get": _open("This document.", None, "openapi")},
        "/v1/page-codes/exchange": {"post": _exchange()},
        "/webhooks/stripe": {"post": _webhook()},
    }
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Lapse", "version": "1", "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "parameters": _PARAMETERS,
            "headers": _HEADERS,
            "examples": {
                code: {"value": _example(status, code)} for code, status in STATUSES.items()
            },
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
            },
        },
        "security": [{"token": []}],
    }


_ABOUT = (
    "What happens after a subscription is cancelled, resumed or ended. Instants are RFC 3339 in UTC, money is in whole "
    "minor units, refusals are RFC 9457 problems with a code. Unknown fields in a request are ignored; fields may be "
    "added to an answer. A POST repeated under the same Idempotency-Key within 24 hours gets the first one's answer."
)


def _operation(route: Route) -> Json:
    name = f"{route.method} {route.path}"
    shown: Json = {
        "operationId": _id(name),
        "summary": route.summary,
        "description": _who(route),
        "parameters": _parameters(route),
        "responses": {
            **{
                str(status): _success(name, route)
                for status in (route.success, route.looks)
                if status
            },
            **_refusals(name, route),
        },
    }
    if route.body is not None:
        schema = _ref(route.body.__name__)
        shown["requestBody"] = {"required": True, "content": {"application/json": schema}}
    return shown


def _id(name: str) -> str:
    """`POST /v1/subscriptions/{id}/cancellation` → post_subscriptions_id_cancellation."""
    return "_".join(re.findall(r"[a-z0-9]+", name.lower().replace("/v1/", "/")))


def _who(route: Route) -> str:
    if callable(route.roles):
        return "Roles: as the account's policy says."
    return f"Roles: {', '.join(sorted(route.roles))}."


def _parameters(route: Route) -> list[Json]:
    found = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": IDS.get(name, "An id."),
            "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST.get(name, 200)},
        }
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    if route.whose in ("query", "number"):
        found.append(_shared("parameters", "account_id"))
    found += [_question(name, says) for name, says in QUESTIONS.get(route.path, {}).items()]
    if route.lists:
        found += [_shared("parameters", "limit"), _shared("parameters", "cursor")]
    if route.method == "POST":
        found.append(_shared("parameters", "idempotency_key"))
    return found


def _question(name: str, says: str) -> Json:
    return {"name": name, "in": "query", "description": says, "schema": {"type": "string"}}


QUESTIONS: Mapping[str, Mapping[str, str]] = {
    "/v1/admin/accounts": {
        "query": "The start of an account's id, or exactly a Stripe customer, a subscription, an "
        "e-mail or a phone number.",
    },
    "/v1/admin/deadlines": {
        "until": "Only what is due by this instant.",
        "kind": "Only this kind of step, or of what a case waits for.",
    },
}
"""Path → what may be asked beside the page, and in which words."""

_PARAMETERS: Json = {
    "account_id": {
        "name": "account_id",
        "in": "query",
        "description": "Which account, for callers whose token names none.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 200},
    },
    "limit": {
        "name": "limit",
        "in": "query",
        "description": "How many at most.",
        "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20},
    },
    "cursor": {
        "name": "cursor",
        "in": "query",
        "description": "The next_cursor of the page before.",
        "schema": {"type": "string"},
    },
    "idempotency_key": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Makes the request safe to repeat, for 24 hours.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    },
    "stripe_signature": {
        "name": "Stripe-Signature",
        "in": "header",
        "required": True,
        "schema": {"type": "string"},
    },
}
_HEADERS: Json = {
    "Request-Id": {"description": "Ours, for support.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds.", "schema": {"type": "string"}},
}


def _success(name: str, route: Route) -> Json:
    answer = ANSWERS.get(name, "Page" if route.lists else None)
    schema = _ref(answer) if answer else {"schema": {"type": "object"}}
    return {
        "description": "Done.",
        "headers": {"Request-Id": _shared("headers", "Request-Id")},
        "content": {"application/json": schema},
    }


def _refusals(name: str, route: Route) -> Json:
    codes = ["token_missing", "token_expired", "token_invalid", "role_required"]
    codes += ["internal_error", "temporarily_unavailable", *REFUSALS.get(name, ())]
    if route.whose != "none" or "{" in route.path:
        codes.append("not_found")
    if route.body is not None:
        codes += ["malformed_request", "body_too_large"]
    # A caller whose token names no account has to name it.
    asks = route.body is not None or route.lists or route.check or route.whose == "query"
    if asks or route.method == "POST":
        codes.append("invalid_request")
    if route.method == "POST":
        codes += ["idempotency_in_flight", "idempotency_key_reused"]
    return _problems(codes)


def _problems(codes: Sequence[str]) -> Json:
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(STATUSES[code], []).append(code)
    return {str(status): _refusal(status, found) for status, found in sorted(by_status.items())}


def _refusal(status: int, codes: Sequence[str]) -> Json:
    headers = ["Request-Id", *(["Retry-After"] if status in (429, 503) else [])]
    examples = {code: _shared("examples", code) for code in codes}
    return {
        "description": f"{TITLES[status]}: {', '.join(codes)}.",
        "headers": {name: _shared("headers", name) for name in headers},
        "content": {"application/problem+json": {**_ref("Problem"), "examples": examples}},
    }


def _example(status: int, code: str) -> Json:
    return {
        "type": f"urn:lapse:problem:{code}",
        "title": TITLES[status],
        "status": status,
        "detail": "What is wrong, and what to do, in a sentence.",
        "code": code,
        "request_id": "0123456789abcdef0123456789abcdef",
    }


def _open(summary: str, answer: str | None, name: str) -> Json:
    content = _ref(answer) if answer else {"schema": {"type": "object"}}
    return {
        "operationId": name,
        "summary": summary,
        "security": [],
        "responses": {"200": {"description": "Here.", "content": {"application/json": content}}},
    }


def _webhook() -> Json:
    shown = _open("Stripe's signed events.", "WebhookOutcome", "stripe_webhook")
    shown["parameters"] = [_shared("parameters", "stripe_signature")]
    codes = ["malformed_request", "internal_error", "temporarily_unavailable"]
    shown["responses"].update(_problems(codes))
    shown["requestBody"] = {
        "required": True,
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
    return shown


def _exchange() -> Json:
    about = "A link's one-time code becomes the token of a visit to our own page."
    shown = _open(about, "PageVisit", "exchange_page_code")
    codes = ["malformed_request", "not_found", "body_too_large", "invalid_request"]
    shown["responses"].update(_problems([*codes, "internal_error", "temporarily_unavailable"]))
    code = {"type": "string", "minLength": 1, "maxLength": 1000}
    body = {"type": "object", "properties": {"code": code}, "required": ["code"]}
    shown["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return shown


def _ref(name: str) -> Json:
    return {"schema": _shared("schemas", name)}


def _shared(kind: str, name: str) -> Json:
    return {"$ref": f"#/components/{kind}/{name}"}
