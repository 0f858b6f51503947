"""What several routes ask of a request: who may, which subscription, an instant, a page, an allowed return address."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from chalicelib.domain.account import Subscription
from chalicelib.domain.moments import from_rfc3339
from chalicelib.gateways.tokens import ACCOUNT_ROLES
from chalicelib.handlers.calls import Call
from chalicelib.handlers.problems import Problem, invalid, not_found

ADMINS = frozenset({"super_admin", "billing_admin"})
SERVICE = frozenset({"service"})
OPERATOR = frozenset({"operator"})
ANYBODY = ACCOUNT_ROLES | SERVICE | OPERATOR | frozenset({"support_agent"})
NOT_MEMBER = ACCOUNT_ROLES - {"member"}


def may_cancel(call: Call[Any]) -> frozenset[str]:
    return frozenset(call.policy.cancellation.roles)


def subscription(call: Call[Any]) -> Subscription:
    """The subscription the path names. Another account's is not found, like one that does not exist."""
    found = call.account.subscriptions.get(call.params["id"])
    if found is None:
        raise not_found("subscription")
    return found


def instant(text: str, pointer: str) -> datetime:
    try:
        return from_rfc3339(text)
    except (ValueError, OverflowError) as error:
        raise invalid(pointer, "This must be an instant such as 2026-12-01T00:00:00Z.") from error


def limit(call: Call[Any]) -> int:
    text = call.query.get("limit", "20")
    if not text.isdecimal() or not 1 <= int(text[:4]) <= 100 or len(text) > 3:
        raise invalid("/limit", "limit is a whole number from 1 to 100.")
    return int(text)


def return_url(call: Call[Any], url: str, pointer: str) -> str:
    """The address, if its parsed origin is one of those configured. Anything cleverer is refused."""
    refusal = Problem(
        422,
        "return_url_not_allowed",
        "This address is not one we may send the customer back to.",
        errors=[
            {
                "pointer": pointer,
                "code": "return_url_not_allowed",
                "detail": "Its origin is not allowed.",
            }
        ],
    )
    if not url.isprintable() or not url.isascii() or "\\" in url or " " in url:
        raise refusal
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise refusal from error
    host = parts.hostname
    if parts.scheme not in ("http", "https") or not host or "@" in parts.netloc:
        raise refusal
    default = {"http": 80, "https": 443}[parts.scheme]
    origin = (parts.scheme, host, port or default)
    if origin not in {_origin(allowed) for allowed in call.world.settings.return_origins}:
        raise refusal
    return url


def _origin(allowed: str) -> tuple[str, str | None, int]:
    parts = urlsplit(allowed)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}[parts.scheme]
