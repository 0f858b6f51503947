"""Failures on demand: makes the next calls to an outsider go wrong in one of four ways.

    error         it refuses, nothing happened
    throttle      it is too busy, nothing happened
    timeout       it never answers, nothing happened (and nobody waits for real)
    answer_lost   it did what was asked, but the answer never arrives

What a failure looks like is each outsider's own matter; here is only whose turn it is.
"""

from collections import deque
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any, TypeVar

TARGETS = ("dynamodb", "stripe", "carrier", "mail", "saas")
KINDS = ("error", "timeout", "throttle", "answer_lost")
MOST = 10_000

Result = TypeVar("Result")


class Faults:
    def __init__(self) -> None:
        self._lock = Lock()
        self._coming: dict[str, deque[str]] = {target: deque() for target in TARGETS}

    def order(self, wanted: Mapping[str, Any]) -> None:
        """Takes what `/_faults` was asked. Raises ValueError with a sentence."""
        target, kind = wanted.get("target"), wanted.get("kind")
        count = wanted.get("count", 1)
        if target not in TARGETS:
            raise ValueError(f"target must be one of: {', '.join(TARGETS)}.")
        if kind not in KINDS:
            raise ValueError(f"kind must be one of: {', '.join(KINDS)}.")
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= MOST:
            raise ValueError(f"count must be a whole number from 0 (none any more) to {MOST}.")
        with self._lock:
            if count == 0:
                self._coming[target].clear()
            self._coming[target].extend([kind] * count)

    def take(self, target: str) -> str | None:
        """What is to go wrong with this call, if anything. Each order is used up by one call."""
        with self._lock:
            coming = self._coming[target]
            return coming.popleft() if coming else None

    def view(self) -> dict[str, Any]:
        with self._lock:
            return {target: list(coming) for target, coming in self._coming.items()}

    def around(
        self, target: str, call: Callable[[], Result], failure: Callable[[str], Exception]
    ) -> Result:
        """Makes the call, or fails it in its outsider's words."""
        kind = self.take(target)
        if kind is None:
            return call()
        if kind == "answer_lost":
            call()
        raise failure(kind)
