"""Two outsiders who write down what reaches them, every time it does, and can be told to fail."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from chalicelib.domain.cloud_events import cloud_event
from chalicelib.domain.news import DomainEvent
from chalicelib.store import outbox, positions


class Listener:
    """Takes events and mail. `fails` says, of an event's type or a mail's subject, with what it fails."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.mail: list[dict[str, Any]] = []
        self.fails: Callable[[str], Exception | None] = lambda _: None

    def publish(self, event: DomainEvent) -> None:
        self._perhaps_fail(event.type)
        self.events.append(cloud_event(event) | {"time": event.time})

    def send(self, **mail: Any) -> None:
        self._perhaps_fail(mail["subject"])
        self.mail.append(mail)

    def _perhaps_fail(self, what: str) -> None:
        error = self.fails(what)
        if error is not None:
            raise error

    @property
    def types(self) -> list[str]:
        """The types of the events in the order in which each was first heard."""
        return list({event["id"]: event["type"] for event in self.events}.values())

    @property
    def keys(self) -> list[str]:
        return [mail["key"] for mail in self.mail]


class Wanting(Listener):
    """An HTTP endpoint, as far as we know it."""

    host, address = "app.example.com", "here"

    def __init__(self) -> None:
        super().__init__()
        self.since = datetime(2000, 1, 1, tzinfo=UTC)
        self.tries = 0

    def send(self, event: DomainEvent) -> None:  # type: ignore[override]
        self.tries += 1
        self.publish(event)


def waiting(stage: Any) -> list[str]:
    """What of publishing still lies in the due index, now or later."""
    return [
        due.key.sk
        for kind in (positions.STUCK, positions.UNSENT_EVENTS, outbox.UNSENT)
        for shard in range(stage.world.settings.due_shards)
        for due in stage.table.due(f"{kind}#{shard}", "9999", limit=1000).due
    ]
