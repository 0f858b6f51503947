"""Lets the unmodified SDK talk to an emulator in the same process, without a socket.

The only file here that knows the SDK, and it is imported inside the function alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from .emulator import Emulator


def in_process_http_client(emulator: Emulator) -> Any:
    """A `stripe.HTTPClient` whose requests are handled by the emulator."""
    import stripe

    class InProcessClient(stripe.HTTPClient):
        name = "in_process"

        def request(
            self,
            method: str,
            url: str,
            headers: Mapping[str, str] | None,
            post_data: Any = None,
            *,
            _usage: list[str] | None = None,
        ) -> tuple[str, int, Mapping[str, str]]:
            parts = urlsplit(url)
            path = parts.path[parts.path.find("/v1/") :]
            body = post_data.encode() if isinstance(post_data, str) else post_data or b""
            answer = emulator.handle(method, path, parts.query, headers or {}, body)
            if answer.status == 0:
                raise stripe.APIConnectionError(  # type: ignore[no-untyped-call]
                    "The connection was dropped before an answer came.", should_retry=True
                )
            return answer.body.decode(), answer.status, answer.headers

        def _sleep_time_seconds(self, num_retries: int) -> float:
            # Waiting would be real time; a simulated world has only its own clock.
            return 0.0

        def close(self) -> None:
            """There is nothing to close."""

    return InProcessClient()
