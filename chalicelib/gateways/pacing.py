"""How fast the jobs may ask Stripe: a token bucket for each process.

Only those who walk over everything wait here. A customer's own request never does: it takes its chance, and waits no
longer than `patience` allows when Stripe says "too many".
"""

from __future__ import annotations

import time
from collections.abc import Callable


class Pace:
    """At most `per_second` calls a second on average, `burst` of them at once."""

    def __init__(
        self,
        per_second: float,
        *,
        burst: int = 10,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._per_second = per_second
        self._burst = float(burst)
        self._clock = clock
        self._sleep = sleep
        self._tokens = self._burst
        self._filled_at = clock()

    def wait(self) -> None:
        """Comes back when it is our turn."""
        now = self._clock()
        filled = (now - self._filled_at) * self._per_second
        self._tokens = min(self._burst, self._tokens + filled)
        self._filled_at = now
        if self._tokens < 1:
            wait = (1 - self._tokens) / self._per_second
            self._sleep(wait)
            self._tokens += wait * self._per_second
            self._filled_at += wait
        self._tokens -= 1


class NoPace:
    """It is always our turn: for a Stripe that stands beside us."""

    def wait(self) -> None:
        return
