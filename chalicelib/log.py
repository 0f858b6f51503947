"""What happened, once, at the edge, as one JSON line with keys. No card data, message bodies or personal names.

An event that is measured (`measures`) is its metric as well: in a deployed stage the same line carries CloudWatch's
embedded metric format. So nothing is kept between two lines, nothing is flushed, and no invocation can count for another.
"""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import Mapping

from chalicelib import settings
from chalicelib.clock import Clock, SystemClock
from chalicelib.measures import MEASURES, NAMESPACE, Measure

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
    said = {**keys, "error": type(error).__name__, "cause": cause(error), "where": where}
    # By this Stripe's support and its dashboard find what it answered.
    request = getattr(error, "stripe_request", None)
    _write(logging.ERROR, name, {**said, "stripe_request": request} if request else said)


def cause(error: BaseException) -> str:
    """What an exception of ours says. Of another's only a code: its sentence may quote what it was given, be that a
    secret, a message or a name."""
    if type(error).__module__.partition(".")[0] == "chalicelib":
        return fit_to_keep(str(error))[:300]
    answer = getattr(error, "response", None)
    # As AWS says it: ThrottlingException, AccessDenied.
    said = answer.get("Error", {}).get("Code", "") if isinstance(answer, dict) else ""
    return said if _CODE.fullmatch(str(said)) else ""


def reason(error: BaseException) -> str:
    """As it is kept beside what failed, and shown."""
    return f"{type(error).__name__}: {cause(error)}".removesuffix(": ")


_CODE = re.compile(r"[A-Za-z0-9.]{1,80}")


def fit_to_keep(text: str) -> str:
    """A sentence that somebody else made, without what must not be kept: outsiders put the customer's own address,
    or the link they refused, into their errors, and people write card numbers where a reason belongs."""
    return _NOT_TO_KEEP.sub("…", _BEHIND_THE_HOST.sub(r"\1/…", text[:LONGEST_CAUSE]))


LONGEST_CAUSE = 600
"""More is not even looked at."""
_BEHIND_THE_HOST = re.compile(r"(https?://[^/\s\"'@]+)/[^\s\"']*")
_NOT_TO_KEEP = re.compile(
    r"[^\s@<>\"(),;:=]+@[^\s@<>\"'(),;:=]+"  # an address
    r"|\b(?:sk|rk|whsec)_\w+"  # a secret of Stripe's
    r"|\b(?:Bearer\s+)?eyJ[\w-]+\.[\w.-]+"  # an access token
    r"|(?<!\d)(?:\d[ -]?){12,18}\d(?!\d)"  # as many digits as a card has
)


def _write(level: int, name: str, keys: Mapping[str, object]) -> None:
    if not _logger.handlers:
        _logger.addHandler(_handler())
        _logger.setLevel(logging.INFO)
        _logger.propagate = False
    if not _logger.isEnabledFor(level):
        return
    _logger.log(level, json.dumps({"event": name, **keys, **_measured(name, keys)}, default=str))


_clock: Clock = SystemClock()


def _measured(name: str, keys: Mapping[str, object]) -> dict[str, object]:
    """The event's metrics, as CloudWatch takes them out of a log line. Nothing where no stage is named."""
    stage, values = settings.stage(), _values(MEASURES.get(name, ()), keys)
    if stage is None or not values:
        return {}
    metrics = [{"Name": one.name, "Unit": one.unit} for one in values]
    directive = {"Namespace": NAMESPACE, "Dimensions": [["service"]], "Metrics": metrics}
    return {
        "_aws": {
            "Timestamp": int(_clock.now().timestamp() * 1000),
            "CloudWatchMetrics": [directive],
        },
        "service": f"lapse-{stage}",
        **{one.name: value for one, value in values.items()},
    }


def _values(measures: tuple[Measure, ...], keys: Mapping[str, object]) -> dict[Measure, int]:
    found: dict[Measure, int] = {}
    for one in measures:
        value = 1 if one.value is None else keys.get(one.value)
        # An event that does not know its value this time is not measured as nought.
        if isinstance(value, int):
            found[one] = value
    return found


def _handler() -> logging.Handler:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    return handler
