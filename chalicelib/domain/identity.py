"""GT-8: support checks who asks on exactly these: account, billing admin's e-mail, last four digits and billing address
of the payment method. Compared here, never kept."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Said:
    """What the caller told support."""

    email: str
    last4: str
    address: Mapping[str, str] | str


@dataclass(frozen=True, slots=True)
class OnFile:
    """What we and Stripe know."""

    email: str | None
    last4: str | None
    address: Mapping[str, str]


def matches(said: Said, on_file: OnFile) -> bool:
    """All of it, or nothing: which part was wrong is nobody's to know."""
    if not on_file.email or not on_file.last4 or not on_file.address:
        return False
    email = said.email.strip().casefold() == on_file.email.strip().casefold()
    return email & (said.last4 == on_file.last4) & _same_address(said.address, on_file.address)


def _same_address(said: Mapping[str, str] | str, on_file: Mapping[str, str]) -> bool:
    """Street and postal code decide; whatever else is told must not contradict. Told as one line, every word of street
    and postal code must be in it."""
    if isinstance(said, str):
        words = set(_words(said))
        needed = _words(on_file.get("line1", "")) + _words(on_file.get("postal_code", ""))
        return bool(needed) and words.issuperset(needed)
    if not said.get("line1") or not said.get("postal_code"):
        return False
    return all(_words(value) == _words(on_file.get(part, "")) for part, value in said.items())


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return re.findall(r"\w+", plain)
