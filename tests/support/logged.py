"""What the app logs meanwhile, and nobody else reads; or nothing at all."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from chalicelib import log

T = TypeVar("T")


@contextmanager
def logged(read: Callable[[str], T]) -> Iterator[list[T]]:
    """Each line as it was read, in order."""
    written: list[T] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(read(record.getMessage()))

    logger = logging.getLogger(log.NAME)
    before = list(logger.handlers), logger.propagate, logger.level
    logger.handlers, logger.propagate = [Keep()], False
    logger.setLevel(logging.INFO)
    try:
        yield written
    finally:
        logger.handlers, logger.propagate = before[0], before[1]
        logger.setLevel(before[2])


@contextmanager
def unlogged() -> Iterator[None]:
    """Nothing is written: where ten thousand things fail on purpose, what the app logs of them is read by nobody."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
