"""What several routes ask of a request: who may, which subscription, an instant, a page, an allowed return address."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from chalicelib.domain.account import Subscription
from chalicelib.domain.blockers import cancel_roles
from chalicelib.domain.moments import from_rfc3339
from chalicelib.gateways.tokens import ACCOUNT_ROLES
from chalicelib.handlers import calls
from chalicelib.handlers.call import Call
from chalicelib.handlers.calls import e164, is_id
from chalicelib.handlers.problems import Problem, invalid, not_found
from chalicelib.settings import Settings
from chalicelib.store import holdings

ADMINS = frozenset({"super_admin", "billing_admin"})
SERVICE = frozenset({"service"})
EXPORTERS = frozenset({"super_admin"})
OPERATOR = frozenset({"operator"})
SUPPORT = frozenset({"support_agent"})
ANYBODY = ACCOUNT_ROLES | SERVICE
NOT_MEMBER = ACCOUNT_ROLES - {"member"}

limit = calls.limit


def may_cancel(call: Call[Any]) -> frozenset[str]:
    """GT-7: by plan and by how it was bought."""
    return frozenset(cancel_roles(call.account, subscription(call), call.policy))


def may_ask_to_cancel(call: Call[Any]) -> frozenset[str]:
    """Everybody: who may is judged with all else that stands in the way, so that a refusal can name the whole of it."""
    return call.caller.roles or may_cancel(call)


def subscription(call: Call[Any]) -> Subscription:
    """The subscription the path names. Another account's is not found, like one that does not exist."""
    found = call.account.subscriptions.get(call.params["id"])
    if found is None:
        raise not_found("subscription")
    return found


def number(call: Call[Any]) -> None:
    """The number in the path must be one the account has."""
    named = e164(call)
    found = holdings.number(call.world.table, call.account.id, named) if is_id(named) else None
    if found is None or found.state == "released":
        raise not_found("number")


def registration(call: Call[Any]) -> None:
    named, table = call.params["id"], call.world.table
    if not is_id(named) or holdings.registration(table, call.account.id, named) is None:
        raise not_found("registration")


def message(call: Call[Any]) -> None:
    named, table = call.params["id"], call.world.table
    if not is_id(named) or holdings.message(table, call.account.id, named) is None:
        raise not_found("message")


def instant(text: str, pointer: str) -> datetime:
    try:
        return from_rfc3339(text)
    except (ValueError, OverflowError) as error:
        raise invalid(pointer, "This must be an instant such as 2026-12-01T00:00:00Z.") from error


def reason(call: Call[Any]) -> str:
    """Why an operator does this. Spaces say nothing."""
    said: str = call.body.reason.strip()
    if not said:
        raise invalid("/reason", "Say why, in 1 to 500 characters.")
    return said


def return_url(call: Call[Any], url: str, pointer: str) -> str:
    """The address, if its parsed origin is one of those configured. Anything cleverer is refused."""
    if origin_of(url) not in allowed_origins(call.world.settings):
        why = "This address is not one we may send the customer back to."
        detail = "Its origin is not allowed."
        code = "return_url_not_allowed"
        errors = [{"pointer": pointer, "code": code, "detail": detail}]
        raise Problem(422, code, why, errors=errors)
    return url


def allowed_origins(settings: Settings) -> frozenset[str]:
    """A configured entry that is no origin allows nothing."""
    origins = (origin_of(one) for one in settings.return_origins)
    return frozenset(origin for origin in origins if origin is not None)


def origin_of(url: str) -> str | None:
    """The origin as a browser writes it, or None for whatever a browser might read differently than we do."""
    if not url.isprintable() or not url.isascii() or "\\" in url or " " in url:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    default = _PORTS.get(parts.scheme)
    # Nothing but name and port may stand between `//` and the path: no user, no brackets, no escapes.
    if default is None or not _PLACE.fullmatch(parts.netloc) or not parts.hostname:
        return None
    return f"{parts.scheme}://{parts.hostname}" + (
        f":{port}" if port not in (None, default) else ""
    )


_PORTS = {"http": 80, "https": 443}
_PLACE = re.compile(r"[A-Za-z0-9.-]+(:[0-9]+)?")
