"""Makes words from outside harmless: they can neither break a header, turn the reading direction nor hide."""

from __future__ import annotations

import unicodedata

LONGEST = 200
_TURNS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
"""Marks that turn the reading direction: with one, `fdp.exe` reads as `exe.pdf`."""
_GONE = ("Cc", "Cs", "Co", "Cn", "Zl", "Zp")


def inert(text: str) -> str:
    """One line of visible characters, cut to a length."""
    kept = "".join(" " if c.isspace() else c for c in text if not _is_gone(c))
    short = " ".join(kept.split())
    return short if len(short) <= LONGEST else short[: LONGEST - 1] + "…"


def _is_gone(character: str) -> bool:
    if character in "\t\n\r":
        return False
    return character in _TURNS or unicodedata.category(character) in _GONE
