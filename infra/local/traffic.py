"""Who may pass when: requests together, the moving clock alone.

While the clock moves, work of many instants is done; a request in the middle of it would see a world that
never was. So a move waits for the requests under way, and later ones wait for the move.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition


class Traffic:
    def __init__(self) -> None:
        self._changed = Condition()
        self._passing = 0
        self._alone = False
        self._waiting = 0

    @contextmanager
    def passing(self) -> Iterator[None]:
        """One of many. Never ask twice in one thread: a move waiting in between would block both."""
        with self._changed:
            # Whoever waits to be alone goes first, or a busy client would hold up the clock for ever.
            self._changed.wait_for(lambda: not self._alone and not self._waiting)
            self._passing += 1
        try:
            yield
        finally:
            with self._changed:
                self._passing -= 1
                self._changed.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        with self._changed:
            self._waiting += 1
            try:
                self._changed.wait_for(lambda: not self._alone and not self._passing)
                self._alone = True
            finally:
                self._waiting -= 1
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._alone = False
                self._changed.notify_all()
