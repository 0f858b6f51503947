"""How long a call to an outsider may wait for its turn: as long as the function that makes it has left to live.

Whoever runs a job says so once, around everything it does; a call made for somebody who waits for an answer has a few
seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

IN_A_HURRY = 5.0
"""Seconds, while a person or Stripe itself waits for our answer."""

_left: ContextVar[Callable[[], float] | None] = ContextVar("seconds_left", default=None)


def seconds_left() -> float:
    left = _left.get()
    return IN_A_HURRY if left is None else left()


@contextmanager
def within(left: Callable[[], float]) -> Iterator[None]:
    """Whatever is called in here may wait as long as `left` says, in seconds, when it is asked."""
    token = _left.set(left)
    try:
        yield
    finally:
        _left.reset(token)
