"""Domain events to Amazon EventBridge: the type as `detail-type`, the event in CloudEvents' words as the detail.

One at a time, so that those of one account arrive in their order as far as EventBridge keeps any.
"""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any

from chalicelib.domain.cloud_events import MOST_BYTES, SOURCE, cloud_event
from chalicelib.domain.news import DomainEvent
from chalicelib.gateways import aws
from chalicelib.gateways.events import EventRefused, OutOfReach

READ_SECONDS = 10
ATTEMPTS = 3
_REFUSALS = frozenset({"MalformedDetail", "InvalidArgument", "ValidationException"})


class EventsUnavailable(OutOfReach):
    """The bus did not take it this time."""


class EventBridge:
    def __init__(self, bus: str, *, region: str, endpoint: str | None = None) -> None:
        self._bus = bus
        self._region = region
        self._endpoint = endpoint

    @cached_property
    def _client(self) -> Any:
        return aws.client(
            "events", self._region, self._endpoint, seconds=READ_SECONDS, attempts=ATTEMPTS
        )

    def publish(self, event: DomainEvent) -> None:
        detail = json.dumps(cloud_event(event))
        if len(detail.encode()) + len(SOURCE) + len(event.type) > MOST_BYTES:
            raise EventRefused("too_large")
        entry = {
            "Source": SOURCE,
            "DetailType": event.type,
            "Detail": detail,
            "EventBusName": self._bus,
            "Time": event.time,
        }
        answer = self._put(entry)
        # It answers 200 when it took none: each entry says for itself how it went.
        if answer.get("FailedEntryCount"):
            code = str(answer["Entries"][0].get("ErrorCode", ""))
            raise EventRefused(code) if code in _REFUSALS else EventsUnavailable(code)

    def _put(self, entry: dict[str, Any]) -> Any:
        from botocore.exceptions import HTTPClientError

        try:
            return self._client.put_events(Entries=[entry])
        except HTTPClientError as error:
            raise EventsUnavailable(type(error).__name__) from error
