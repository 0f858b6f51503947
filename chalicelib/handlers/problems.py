"""Refusals a person can act on: RFC 9457 problems, each with its code and sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.domain.capabilities import SwitchedOff
from chalicelib.gateways.stripe import KeyMayNot, KeyRefused, StripeRefused, StripeUnavailable

TITLES: Mapping[int, str] = {
    400: "The request cannot be read",
    401: "Who are you?",
    403: "You may not do this",
    404: "Not found",
    405: "Not this method",
    409: "Not in this state",
    413: "Too large",
    415: "Not this media type",
    422: "Something in the request is wrong",
    429: "Too many tries",
    500: "Something went wrong on our side",
    502: "Stripe refused it",
    503: "Try again in a moment",
}

STATUSES: Mapping[str, int] = {
    "malformed_request": 400,
    "token_missing": 401,
    "token_expired": 401,
    "token_invalid": 401,
    "role_required": 403,
    "identity_not_confirmed": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "blocked": 409,
    "already_canceled": 409,
    "already_decided": 409,
    "already_credited": 409,
    "already_subscribed": 409,
    "no_live_plan": 409,
    "not_resumable": 409,
    "not_recoverable": 409,
    "preview_stale": 409,
    "portal_unavailable": 409,
    "disputed": 409,
    "taken": 409,
    "idempotency_in_flight": 409,
    "body_too_large": 413,
    "invalid_request": 422,
    "consent_missing": 422,
    "reason_missing": 422,
    "return_url_not_allowed": 422,
    "idempotency_key_reused": 422,
    "rate_limited": 429,
    "internal_error": 500,
    "stripe_refused": 502,
    "switched_off": 503,
    "stripe_unavailable": 503,
    "temporarily_unavailable": 503,
}
"""Every code a refusal may have. They are part of the contract: programs are written against them."""


class Problem(Exception):
    """An answer that is a refusal. `more` are further members of the problem document."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.headers = dict(headers or {})
        self.more = more

    def document(self, request_id: str) -> dict[str, Any]:
        return {
            "type": f"urn:lapse:problem:{self.code}",
            "title": TITLES.get(self.status, "Refused"),
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id,
            **{name: value for name, value in self.more.items() if value is not None},
        }


def not_found(what: str) -> Problem:
    return Problem(404, "not_found", f"There is no such {what}.")


def malformed(detail: str) -> Problem:
    return Problem(400, "malformed_request", detail)


def invalid(pointer: str, detail: str, code: str = "invalid_request") -> Problem:
    errors = [{"pointer": pointer, "code": code, "detail": detail}]
    return Problem(422, code, detail, errors=errors)


def role_required(roles: Sequence[str], **more: Any) -> Problem:
    words = " or ".join(sorted(roles))
    return Problem(
        403, "role_required", f"This needs the role {words}.", required_roles=sorted(roles), **more
    )


def taken(detail: str) -> Problem:
    return Problem(409, "taken", detail)


def stripe_unavailable(error: StripeUnavailable) -> Problem:
    ours = isinstance(error, KeyRefused | KeyMayNot)
    return Problem(
        503,
        "stripe_unavailable",
        "Stripe does not let us in for this, which is ours to mend. Nothing is lost: try again later."
        if ours
        else "Stripe did not answer. Nothing is lost: try again in a moment.",
        headers={"Retry-After": "300" if ours else "5"},
    )


def stripe_refused(refused: StripeRefused, why: str | None = None) -> Problem:
    """502: neither the caller's mistake nor ours. Trying again does not help, and nothing of it is done."""
    missing = refused.missing
    if why is None and missing is not None:
        why = f"Stripe does not know this {missing.replace('_', ' ')}, or not any more."
    return Problem(
        502,
        "stripe_refused",
        f"{why or 'Stripe refuses this.'} Nothing was changed, and trying again does not help: please ask support.",
        stripe_code=refused.code,
    )


def switched_off(off: SwitchedOff) -> Problem:
    """503, because it is we who do not do it now, and nothing the caller could change."""
    why = (
        "An operator has stopped everything that leaves this system."
        if off.killed
        else "This is not switched on here yet."
    )
    detail = f"{why} Nothing was changed: please ask support, or try again later."
    return Problem(
        503,
        "switched_off",
        detail,
        headers={"Retry-After": "300"},
        capability=off.capability,
        mode=off.mode,
    )


def storage_unavailable() -> Problem:
    return Problem(
        503,
        "temporarily_unavailable",
        "We could not reach our storage. Try again in a moment.",
        headers={"Retry-After": "5"},
    )


def secret_unavailable() -> Problem:
    return Problem(
        503,
        "temporarily_unavailable",
        "We could not read the secret that this is verified with. Send it again in a moment.",
        headers={"Retry-After": "5"},
    )


def unverifiable() -> Problem:
    return Problem(
        503,
        "temporarily_unavailable",
        "We could not reach the issuer of your access token. Try again in a moment.",
        headers={"Retry-After": "5"},
    )


def roles_unknown() -> Problem:
    return Problem(
        503,
        "temporarily_unavailable",
        "We could not check whether you still may do this. Nothing was done: try again in a moment.",
        headers={"Retry-After": "5"},
    )


def unexpected(detail: str) -> Problem:
    return Problem(500, "internal_error", detail)
