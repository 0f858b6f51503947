"""How fast the jobs may ask Stripe: a token bucket for each process, and patience when Stripe says "too many".

Only those who walk over everything wait here. A customer's own request never does: it takes its chance, as always.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

TRIES = 5
"""One second, two, four, eight between them: together less than a job keeps spare before its time runs out."""


class TooMany(Exception):
    """Turned away for asking too often. Nothing was done."""


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

    def call(self, ask: Callable[[], T]) -> T:
        """The answer, in its turn. Raises TooMany when waiting did not help, and whatever `ask` raises."""
        for attempt in range(TRIES):
            self._take()
            try:
                return ask()
            except TooMany:
                # Whatever is left in the bucket is worth nothing now.
                self._tokens = 0.0
                if attempt + 1 == TRIES:
                    raise
                self._sleep(float(1 << attempt))
        raise AssertionError("the last try answers or raises")

    def _take(self) -> None:
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._filled_at) * self._per_second)
        self._filled_at = now
        if self._tokens < 1:
            wait = (1 - self._tokens) / self._per_second
            self._sleep(wait)
            self._tokens += wait * self._per_second
            self._filled_at += wait
        self._tokens -= 1


class NoPace:
    """Asks at once and takes no for an answer: for a Stripe that stands beside us."""

    def call(self, ask: Callable[[], T]) -> T:
        return ask()
