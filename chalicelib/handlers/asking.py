"""What several routes ask of a request: who may, which subscription, an instant, a page, an allowed return address."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from chalicelib.domain.account import Subscription
from chalicelib.domain.blockers import cancel_roles
from chalicelib.domain.moments import from_rfc3339
from chalicelib.gateways.tokens import ACCOUNT_ROLES
from chalicelib.handlers import calls
from chalicelib.handlers.call import Call
from chalicelib.handlers.calls import e164, is_id
from chalicelib.handlers.origins import allowed_origins, origin_of
from chalicelib.handlers.problems import Problem, invalid, not_found
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
