"""How a function fails as a whole: Lambda writes down what was raised, so what is raised says nothing that was handed in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from chalicelib import log


class RunFailed(Exception):
    """A run ended before its time. What was due is still due; the log says where it happened."""


@contextmanager
def plainly(function: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001 - the last door of a run: Lambda is told that it failed
        log.problem("run_failed", error, function=function)
        # Not as its cause: that would be written down as well.
        raise RunFailed(log.reason(error)) from None
