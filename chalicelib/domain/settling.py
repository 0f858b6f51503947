"""Calls to a carrier that were cut short, and that no step will make again: the carrier is asked what became of them.

The customer came back in the middle of one, or an operator called its step off. Nobody releases the thing any more,
and nobody knows whether it was released.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from chalicelib.domain.account import Account
from chalicelib.domain.holding import is_called_off
from chalicelib.domain.steps import CALL_IS_OVER, CALL_SETTLED, Step


def steps(account: Account, things: str, ends: Step | None) -> Iterator[Step]:
    """For the `things` in flight ("number#"); `ends` is the step that calls for them, if there is one."""
    for call, called_at in account.in_flight.items():
        if call.startswith(things) and not _is_made_again(account, ends, called_at):
            yield Step(CALL_SETTLED, called_at + CALL_IS_OVER, call)


def _is_made_again(account: Account, ends: Step | None, called_at: datetime) -> bool:
    """By the step that was cut short, under the same key: it still stands, for the date it had when it called."""
    return ends is not None and ends.due <= called_at and not is_called_off(account, ends)
