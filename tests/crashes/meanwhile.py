"""Something else happens in the middle: before a chosen call of an otherwise faultless story, the rest of the world acts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from tests.support.faults import Call, Plan

T = TypeVar("T")


class Meanwhile(Plan):
    """Counts calls like any plan; right before the call with this number, `then` happens, once."""

    def __init__(self, at: int | None = None, then: Callable[[], object] = lambda: None) -> None:
        super().__init__()
        self.at = at
        self.then = then
        self.happened = False

    def __repr__(self) -> str:
        call = self.calls[self.at].name if self.at is not None and self.happened else "nothing"
        return f"Meanwhile(before call {self.at}, {call})"

    def perform(self, call: Call, do: Callable[[], T], *more: Any) -> T:
        if len(self.calls) == self.at and not self.happened:
            # What then happens may go through this plan as well.
            self.happened = True
            self.then()
        return super().perform(call, do, *more)


def every_moment(run: Callable[[Plan], object]) -> Iterator[int]:
    """The number of each call that the story makes when nothing else happens."""
    counted = Plan()
    run(counted)
    yield from range(len(counted.calls))
