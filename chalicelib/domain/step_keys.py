"""What a step is called in an address: its account and its id in one word that needs no escaping."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode

LONGEST = 2000
BETWEEN = "\n"
"""Stands in no account's id: those are printable."""


def key_of(account_id: str, step_id: str) -> str:
    return urlsafe_b64encode(f"{account_id}{BETWEEN}{step_id}".encode()).decode().rstrip("=")


def named_by(key: str) -> tuple[str, str]:
    """The account and the step. Raises ValueError for whatever `key_of` did not write."""
    if not key.isascii() or len(key) > LONGEST:
        raise ValueError("a step's key has at most 2000 letters, digits, - and _")
    text = urlsafe_b64decode(key + "=" * (-len(key) % 4)).decode()
    account_id, between, step_id = text.partition(BETWEEN)
    if not between or not account_id or not step_id or key_of(account_id, step_id) != key:
        raise ValueError("this is no step's key")
    return account_id, step_id
