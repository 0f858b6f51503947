"""Domain events to the outside: what every publisher must do. The reason of each failure is a code."""

from datetime import datetime, timedelta
from typing import Protocol

from chalicelib.domain.news import DomainEvent


class EventRefused(Exception):
    """It will never be taken, however often it is tried. Anything else means: not now."""


class OutOfReach(Exception):
    """Nobody took it this time, and the next event would fare no better: there is nobody, or they are too busy."""

    def __init__(self, code: str, asked_for: timedelta = timedelta(0)) -> None:
        """`asked_for`: so long they want to be left alone."""
        super().__init__(code)
        self.asked_for = asked_for


class Gone(Exception):
    """Nobody wants any event there any more, and says so."""


class Events(Protocol):
    def publish(self, event: DomainEvent) -> None:
        """Publishes at least once; consumers de-duplicate on the id."""
        ...


class Endpoint(Protocol):
    """Somebody who wants every event by HTTP."""

    @property
    def host(self) -> str: ...

    @property
    def address(self) -> str:
        """A name of where it is, without anything secret in it. Another one for another address."""
        ...

    @property
    def since(self) -> datetime:
        """What happened before is not sent there."""
        ...

    def send(self, event: DomainEvent) -> None:
        """At least once, under the event's own id. Raises EventRefused, OutOfReach, Gone; any other error means: not
        this one, not now."""
        ...
