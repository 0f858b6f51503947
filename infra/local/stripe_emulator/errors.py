"""The refusals the emulator can answer with, worded as Stripe words them.

Knows nothing of HTTP beyond a status; `api.py` turns these into responses.
"""

from __future__ import annotations

from typing import Any

INVALID = "invalid_request_error"


class StripeError(Exception):
    """One error answer: a status and the members of Stripe's `error` object."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = INVALID,
        code: str | None = None,
        param: str | None = None,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error: dict[str, Any] = {"type": kind, "message": message}
        if code is not None:
            self.error["code"] = code
            self.error["doc_url"] = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
        if param is not None:
            self.error["param"] = param
        self.error.update({name: value for name, value in more.items() if value is not None})


class ControlError(Exception):
    """A control request that names an unknown action, object or value; its text is a sentence."""


def missing(kind: str, identity: str, param: str = "id", status: int = 404) -> StripeError:
    """Stripe answers 404 for an id in the path and 400 for one in the parameters."""
    name = kind.rsplit(".", maxsplit=1)[-1]
    return StripeError(
        f"No such {name}: '{identity}'", status=status, code="resource_missing", param=param
    )


def unknown_parameter(param: str) -> StripeError:
    return StripeError(
        f"Received unknown parameter: {param}", code="parameter_unknown", param=param
    )


def required(param: str) -> StripeError:
    return StripeError(f"Missing required param: {param}.", code="parameter_missing", param=param)


def declined(message: str, decline_code: str, **more: Any) -> StripeError:
    return StripeError(
        message,
        status=402,
        kind="card_error",
        code="card_declined",
        decline_code=decline_code,
        **more,
    )
