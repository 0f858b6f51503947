"""Stripe's answers as they came, in place of the SDK's objects; and its questions without what the SDK says of itself.

The SDK builds an object for every part of an answer, and `gateways.stripe` turns them back into the JSON they were made
of. Every other test lets it; worlds are played by the thousand, and it was a quarter of their time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import msgspec
import stripe._api_requestor
from stripe._stripe_response import StripeResponse, StripeResponseBase

SDK: Any = stripe._api_requestor


class Plain:
    """What `gateways.stripe` uses of an object of the SDK's."""

    __slots__ = ("_body", "last_response")

    def __init__(self, body: dict[str, Any], last_response: Any = None) -> None:
        self._body = body
        self.last_response = last_response

    def __getattr__(self, name: str) -> Any:
        try:
            value = self._body[name]
        except KeyError:
            raise AttributeError(name) from None
        return [Plain(one) for one in value] if name == "data" else value

    def to_dict(self, **_named: Any) -> dict[str, Any]:
        return self._body


@contextmanager
def plain_answers() -> Iterator[None]:
    with (
        patch.object(
            SDK, "_convert_to_stripe_object", lambda *, resp, **_named: Plain(resp.data, resp)
        ),
        patch.object(SDK, "StripeResponse", PlainResponse),
        # It writes each line before it looks whether anybody reads it.
        patch.object(SDK, "log_debug", _nothing),
        patch.object(SDK, "log_info", _nothing),
        # It looks for each of them in the environment before every call.
        patch.object(SDK._APIRequestor, "AI_AGENTS", []),
    ):
        yield


class PlainResponse(StripeResponse):
    """As theirs, with plain dictionaries instead of ordered ones, which are made one by one."""

    def __init__(self, body: str, code: int, headers: Mapping[str, str]) -> None:
        StripeResponseBase.__init__(self, code, headers)
        self.body = body
        self.data = msgspec.json.decode(body)


def _nothing(_message: str, **_params: object) -> None:
    pass
