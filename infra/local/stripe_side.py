"""The Stripe emulator's place in the local stack: who calls it, where its webhooks go, what it does by itself.

The app reaches it through the unmodified SDK, only without a socket in between. A webhook for our own port is handed
to the app without one either; its bytes, headers and signature are those that would go over the wire.
"""

import http.client
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import stripe
from requests.structures import CaseInsensitiveDict

from infra.local.endpoints import check_loopback
from infra.local.faults import Faults
from infra.local.messages import Answer, Request
from infra.local.stripe_emulator import Emulator

PREFIX = "/_stripe"
DELIVERY_SECONDS = 30

REFUSALS = {
    "error": (500, {"type": "api_error"}),
    "throttle": (429, {"type": "invalid_request_error", "code": "rate_limit"}),
}


class StripeSide:
    def __init__(self, emulator: Emulator, own_port: int, app: Callable[[Request], Answer]) -> None:
        self._emulator = emulator
        self._own = {f"127.0.0.1:{own_port}", f"localhost:{own_port}"}
        self._app = app
        # One deliverer at a time: whoever asks second finds everything delivered when it is its turn.
        self._delivering = Lock()

    def answer(self, request: Request) -> Answer:
        reply = self._emulator.handle(
            request.method,
            request.path.removeprefix(PREFIX) or "/",
            request.query,
            dict(request.headers),
            request.body,
        )
        return Answer(reply.status, tuple(reply.headers.items()), reply.body)

    def next_at(self) -> datetime | None:
        return self._emulator.next_at()

    def run_due(self) -> list[str]:
        """Lets Stripe act up to now and delivers what that gave, until both are quiet; what it did."""
        did: list[str] = []
        if self._emulator.is_quiet():
            return did
        while True:
            acted = self._emulator.run_due()
            did += acted
            if not self.deliver() and not acted:
                return did

    def deliver(self) -> int:
        """How many webhooks were sent."""
        with self._delivering:
            return self._emulator.deliver(self._send)

    def _send(self, url: str, body: bytes, headers: dict[str, str]) -> int:
        """The status of the answer; 0 when there was none."""
        to = urlsplit(url)
        if to.netloc in self._own:
            return self._app(
                Request("POST", to.path, to.query, tuple(headers.items()), body)
            ).status
        return send_over_http(url, body, headers)


def send_over_http(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """To somebody else's receiver on this machine. Nothing of a local stack leaves the machine."""
    check_loopback(url, "a webhook endpoint")
    to = urlsplit(url)
    connection = http.client.HTTPConnection(
        to.hostname or "", to.port or 80, timeout=DELIVERY_SECONDS
    )
    try:
        path = f"{to.path or '/'}{'?' + to.query if to.query else ''}"
        connection.request("POST", path, body, dict(headers))
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


class DirectClient(stripe.HTTPClient):
    """The SDK's transport, ending at the emulator. The SDK's own retries stay, without their waiting:
    the clock stands still, so there is nothing to wait for."""

    name = "lapse-local"

    def __init__(self, side: StripeSide, faults: Faults) -> None:
        super().__init__()
        self._side = side
        self._faults = faults

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        def send() -> tuple[str, int, Mapping[str, str]]:
            # As the SDK puts it together: scheme and host, the path, and perhaps what is asked for.
            where, _, query = url.partition("?")
            path = where[where.index("/", where.index("//") + 2) :]
            body = as_bytes(post_data) if post_data is not None else b""
            sent = tuple((headers or {}).items())
            answer = self._side.answer(Request(method.upper(), path, query, sent, body))
            if answer.status == 0:
                raise no_answer("the connection was dropped")
            return answer.body.decode(), answer.status, CaseInsensitiveDict(answer.headers)

        kind = self._faults.take("stripe")
        if kind in REFUSALS:
            status, error = REFUSALS[kind]
            body = {"error": {**error, "message": "The local stack was told to refuse this."}}
            return json.dumps(body), status, {"Content-Type": "application/json"}
        if kind == "answer_lost":
            send()
        if kind is not None:
            raise no_answer(kind)
        return send()

    def close(self) -> None:
        """There is no connection."""

    def _sleep_time_seconds(self, num_retries: int) -> float:
        return 0.0


def no_answer(why: str) -> stripe.APIConnectionError:
    error: stripe.APIConnectionError = stripe.APIConnectionError(  # type: ignore[no-untyped-call]
        f"No answer from the emulator: {why}", should_retry=True
    )
    return error


def as_bytes(body: Any) -> bytes:
    return body.encode() if isinstance(body, str) else bytes(body)
