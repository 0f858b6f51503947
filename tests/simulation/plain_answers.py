"""Stripe's answers as they came, in place of the SDK's objects; and its questions without what the SDK says of itself.

The SDK builds an object for every part of an answer, and `gateways.stripe` turns them back into the JSON they were made
of. Every other test lets it; worlds are played by the thousand, and it was a quarter of their time. What Chalice finds
out about each answer, whether its type is one of the binary ones, is found out once for each type.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch
from urllib.parse import quote_plus

import chalice.app
import msgspec
import stripe._api_requestor
from stripe._encode import _api_encode
from stripe._stripe_response import StripeResponse, StripeResponseBase

SDK: Any = stripe._api_requestor
CHALICE: Any = chalice.app
FORM = "application/x-www-form-urlencoded"
AS_IT_IS = re.compile(r"[A-Za-z0-9_.~-]*").fullmatch
"""What no form has to quote."""


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
        patch.object(SDK._APIRequestor, "request", _ask),
        patch.object(SDK, "StripeResponse", PlainResponse),
        patch.object(CHALICE, "_matches_content_type", _matches),
    ):
        yield


def _ask(
    self: Any, method: str, url: str, params: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None, *, base_address: str, **_named: Any,
) -> Plain:  # fmt: skip
    """As theirs: the same form, key, version and retries, the same errors. It copies no settings for each call, does not
    look for robots in the environment, and writes no log before it knows whether anybody reads it."""
    settings, key = self._options, (options or {}).get("idempotency_key")
    assert not set(options or ()) - {"idempotency_key"}, f"{options} would be lost here"
    form = "&".join(f"{_quoted(k)}={_quoted(str(v))}" for k, v in _api_encode(params or {}))
    headers = {
        "Authorization": f"Bearer {settings.api_key}",
        "Stripe-Version": settings.stripe_version,
    }
    url = f"{settings.base_addresses[base_address]}{url}"
    if method == "post":
        headers["Content-Type"] = FORM
        key = key or SDK._generate_idempotency_key()
    elif form:
        url = f"{url}?{form}"
    if key:
        headers["Idempotency-Key"] = key
    body, code, answered = self._client.request_with_retries(
        method, url, headers, form if method == "post" else None,
        max_network_retries=settings.max_network_retries,
    )  # fmt: skip
    reply = self._interpret_response(body, code, answered, "V1")
    return Plain(reply.data, reply)


_looked_up = CHALICE._matches_content_type


def _matches(content_type: str, some: list[str]) -> bool:
    return _fits(content_type, tuple(some))


@cache
def _fits(content_type: str, some: tuple[str, ...]) -> bool:
    return bool(_looked_up(content_type, list(some)))


def _quoted(text: str) -> str:
    if AS_IT_IS(text):
        return text
    return quote_plus(text).replace("%5B", "[").replace("%5D", "]")


class PlainResponse(StripeResponse):
    """As theirs, with plain dictionaries instead of ordered ones, which are made one by one."""

    def __init__(self, body: str, code: int, headers: Mapping[str, str]) -> None:
        StripeResponseBase.__init__(self, code, headers)
        self.body = body
        self.data = msgspec.json.decode(body)
