"""Domain events to the outside: what every publisher must do."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol


class EventRefused(Exception):
    """It will never be taken, however often it is tried. Anything else means: not now. The reason is a code."""


class Events(Protocol):
    def publish(
        self, *, id: str, type: str, time: datetime, account_id: str, data: Mapping[str, object]
    ) -> None:
        """Publishes at least once; consumers de-duplicate on the id."""
        ...
