"""Domain events to the outside: what every publisher must do."""

from typing import Protocol

from chalicelib.domain.news import DomainEvent


class EventRefused(Exception):
    """It will never be taken, however often it is tried. Anything else means: not now. The reason is a code."""


class Events(Protocol):
    def publish(self, event: DomainEvent) -> None:
        """Publishes at least once; consumers de-duplicate on the id."""
        ...
