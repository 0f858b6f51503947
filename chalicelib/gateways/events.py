"""Domain events to the outside: what every publisher must do."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol


class Events(Protocol):
    def publish(
        self, *, id: str, type: str, time: datetime, account_id: str, data: Mapping[str, object]
    ) -> None:
        """Publishes at least once; consumers de-duplicate on the id."""
        ...
