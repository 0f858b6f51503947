"""Sends a domain event to somebody's own HTTP endpoint: the CloudEvent as it is, signed as Standard Webhooks have it.

Any 2xx means that it was taken, whatever else is in the answer. Everything else does not, a redirect neither: it is
sent again, under the same id.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from chalicelib.clock import Clock
from chalicelib.domain.cloud_events import MOST_BYTES, cloud_event
from chalicelib.domain.news import DomainEvent
from chalicelib.gateways import http
from chalicelib.gateways.events import EventRefused, Gone, OutOfReach
from chalicelib.gateways.secrets import Secret, SecretUnavailable
from chalicelib.gateways.standard_webhooks import SecretUnusable, header_safe, signed

SECONDS = 10.0
LARGEST_ANSWER = 64 * 1024
CONTENT_TYPE = "application/cloudevents+json"
GONE = 410
SIGNATURE_REFUSED = frozenset({401, 403})
BUSY = frozenset({408, 425, 429})
LONGEST_WAIT = timedelta(hours=1)
"""Whoever asks for more is asked again after this: a mistake of theirs must not keep their events for days."""


class NotTaken(Exception):
    """It answered, and did not take this event."""


class EventEndpoint:
    def __init__(
        self,
        url: str,
        *,
        secrets: Sequence[Secret],
        since: datetime,
        clock: Clock,
    ) -> None:
        """Each of `secrets` may hold several, separated by commas or spaces."""
        self.since = since
        self.host = urlsplit(url).hostname or ""
        self.address = hashlib.sha256(url.encode()).hexdigest()[:16]
        self._url, self._secrets, self._clock = url, tuple(secrets), clock

    def send(self, event: DomainEvent) -> None:
        body = json.dumps(cloud_event(event), separators=(",", ":")).encode()
        if len(body) > MOST_BYTES:
            raise EventRefused("too_large")
        headers = {"Content-Type": CONTENT_TYPE, **self._signed(event.id, body)}
        try:
            http.send(
                "POST",
                self._url,
                headers=headers,
                body=body,
                seconds=SECONDS,
                largest=LARGEST_ANSWER,
            )
        except http.HttpError as error:
            self._judge(error)

    def _signed(self, id: str, body: bytes) -> dict[str, str]:
        try:
            # By every one that is active, or not at all: whoever knows only the other one would refuse it.
            active = [one for secret in self._secrets for one in secret().replace(",", " ").split()]
            return signed(active, header_safe(id), self._clock.now(), body)
        except SecretUnavailable as error:
            raise OutOfReach("secret_unavailable") from error
        except SecretUnusable as error:
            raise OutOfReach("secret_unusable") from error

    def _judge(self, error: http.HttpError) -> None:
        if error.code == "answer_too_large":
            # Only a 2xx is judged by its length.
            return
        if not isinstance(error, http.Refused):
            raise OutOfReach(error.code) from error
        if error.status == GONE:
            raise Gone(error.code) from error
        if error.status in SIGNATURE_REFUSED:
            for secret in self._secrets:
                secret.refresh()
        if error.status >= 500 or error.status in BUSY:
            raise OutOfReach(error.code, self._asked_for(error.answer)) from error
        raise NotTaken(error.code) from error

    def _asked_for(self, answer: http.Answer) -> timedelta:
        """`Retry-After`, as seconds or as a date. What cannot be read, or lies behind us, asks for nothing."""
        said = answer.headers.get("retry-after", "").strip()
        if said.isascii() and said.isdecimal():
            # More digits than these are longer than the longest in any case.
            return min(timedelta(seconds=int(said[:9])), LONGEST_WAIT)
        try:
            until = parsedate_to_datetime(said)
        except ValueError:
            return timedelta(0)
        if until.tzinfo is None:
            return timedelta(0)
        return min(max(until - self._clock.now(), timedelta(0)), LONGEST_WAIT)
