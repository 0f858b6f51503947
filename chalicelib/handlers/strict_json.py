"""JSON from outside, read strictly: what two readers could understand differently, or no store could keep, is refused.

No duplicate keys, no NaN or Infinity (nor a number that would become one), no lone surrogates, UTF-8 only, and no
nesting deeper than Python can follow.
"""

from __future__ import annotations

import json
import math
from typing import Any


def read(raw: bytes) -> Any:
    """Raises ValueError, whatever the reader trips over: it is the sender's mistake, not ours."""
    try:
        text = raw.decode("utf-8")
        plain = json.loads(
            text,
            parse_constant=_no_constant,
            parse_float=_finite,
            object_pairs_hook=_no_duplicates,
        )
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    if "\\ud" in text or "\\uD" in text:
        # A lone surrogate is no character: it would be refused much later, by the store.
        json.dumps(plain, ensure_ascii=False).encode("utf-8")
    return plain


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is no JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("a number too large for anybody")
    return number


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice in one object")
    return found
