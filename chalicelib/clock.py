"""The one place that asks what time it is. Everybody else is handed `now`.

An instant is an aware datetime in UTC, cut to whole seconds: Stripe speaks in seconds, and a promise
that ends "at E" must not depend on a fraction nobody showed the customer.
"""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime: ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC).replace(microsecond=0)
