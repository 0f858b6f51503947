"""What happened, once, at the edge, as one JSON line with keys. No card data, message bodies or personal names."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping

NAME = "lapse.log"
"""Not the app's own name: Chalice sets up a logger under that one, at the level ERROR and with a prefix."""

_logger = logging.getLogger(NAME)


def event(name: str, **keys: object) -> None:
    _write(logging.INFO, name, keys)


def problem(name: str, error: BaseException, **keys: object) -> None:
    """The cause of a failure, with where it came from; the answer to the caller stays a plain sentence."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = (
        f"{trace.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}" if trace else ""
    )
    _write(
        logging.ERROR,
        name,
        {**keys, "error": type(error).__name__, "cause": str(error)[:300], "where": where},
    )


def _write(level: int, name: str, keys: Mapping[str, object]) -> None:
    if not _logger.handlers:
        _logger.addHandler(_handler())
        _logger.setLevel(logging.INFO)
        _logger.propagate = False
    _logger.log(level, json.dumps({"event": name, **keys}, default=str))


def _handler() -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    return handler
