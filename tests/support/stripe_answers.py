"""Stripe answers the n-th of the app's requests as it was told, and has done nothing: through the unmodified SDK."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from requests.structures import CaseInsensitiveDict

from infra.local.stripe_side import DirectClient, no_answer

REQUEST = "req_7vZ0c1AmQY3x9P"
SECRET = "rk_live_51Nv7canary"
NAME = "walrus.private@example.com"
"""Stripe's sentences quote what they were given: neither of these may stand in an answer or in the log."""

Error = Mapping[str, str]


@dataclass(frozen=True)
class Says:
    """A status and an error; no status when no answer comes."""

    status: int
    error: Error = field(default_factory=dict)

    def sent(self) -> tuple[str, int, Mapping[str, str]]:
        if self.status == 0:
            raise no_answer("the line is dead")
        said = {"type": "invalid_request_error", "message": f"No. {SECRET} {NAME}", **self.error}
        headers = CaseInsensitiveDict({"Request-Id": REQUEST})
        return json.dumps({"error": said}), self.status, headers


def gone(what: str, status: int = 404, param: str = "id") -> Says:
    sentence = f"No such {what}: 'x_1 {NAME}'"
    return Says(status, {"code": "resource_missing", "message": sentence, "param": param})


NO_CUSTOMER = gone("customer", 400, "customer")
KEY_REFUSED, KEY_MAY_NOT = Says(401), Says(403)
TOO_OFTEN = Says(429, {"code": "rate_limit"})
BUSY = Says(409, {"code": "lock_timeout"})
DOWN, SILENT = Says(500, {"type": "api_error"}), Says(0)
DECLINED = Says(402, {"type": "card_error", "code": "card_declined"})
PARAMETER = Says(400, {"code": "parameter_invalid_empty", "param": "expand"})
NAMELESS = Says(400)
"""Many of Stripe's refusals have no code at all."""

REFUSALS = {
    "no customer": NO_CUSTOMER, "no subscription": gone("subscription"), "declined": DECLINED, "parameter": PARAMETER,
    "nameless": NAMELESS,
}  # fmt: skip
TROUBLE = {
    "key refused": KEY_REFUSED, "key may not": KEY_MAY_NOT, "too often": TOO_OFTEN, "busy": BUSY, "down": DOWN,
    "silent": SILENT,
}  # fmt: skip


@contextmanager
def stripe_says(answer: Says, at: int = 0) -> Iterator[list[str]]:
    """The request number `at`, and its repetitions by the SDK, are answered so. Yields the requests that were made."""
    asked: list[str] = []
    real = DirectClient.request

    def request(client: Any, method: str, url: str, *args: Any, **named: Any) -> Any:
        named_by = f"{method} {url}"
        if len(asked) > at and asked[-1] == named_by and len(asked) == at + 1:
            return answer.sent()
        asked.append(named_by)
        if len(asked) == at + 1:
            return answer.sent()
        return real(client, method, url, *args, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DirectClient, "request", request)
        yield asked
