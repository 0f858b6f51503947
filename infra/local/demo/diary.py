"""What is written down while a life is played: what the customer does, what was expected, how each turned out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from infra.local.demo.books import Snapshot
from infra.local.demo.judge import Fault, Finding, when
from infra.local.demo.promise import SECOND, Promise


@dataclass(frozen=True, slots=True)
class Deed:
    """A line of the timeline that is no promise, with lines below it (what a preview showed)."""

    at: datetime
    words: str
    below: tuple[tuple[datetime | None, str], ...] = ()


@dataclass(slots=True, eq=False)
class Expected:
    """A promise and what came of it."""

    promise: Promise
    looked_before: bool = False
    looked: bool = False
    taken_back_at: datetime | None = None
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return self.promise.announced and not self.looked and self.taken_back_at is None

    def next_look(self, now: datetime) -> datetime | None:
        """One second before, and at the instant. None when there is nothing left to look at."""
        if not self.is_open:
            return None
        before = self.promise.at - SECOND
        if self.promise.changes and not self.looked_before and before >= now:
            return before
        return max(self.promise.at, now)

    def look(self, seen: Snapshot) -> None:
        promise = self.promise
        if seen.at < promise.at:
            self.looked_before = True
            if not promise.is_untouched(seen):
                self._found(
                    "early", f"is not untouched {when(seen.at)}, one second before its time"
                )
            return
        self.looked = True
        if seen.at > promise.at:
            self._found(
                "other", f"was promised when {when(promise.at)} was over: the story is wrong"
            )
        if not promise.is_kept(seen):
            self._found("late", f"is not so {when(seen.at)}, the instant it was promised for")

    def _found(self, fault: Fault, what: str) -> None:
        sentence = f"“{self.promise.words}” {what}."
        self.findings.append(Finding(fault, sentence, self.promise))


@dataclass(slots=True)
class Diary:
    lines: list[Deed | Expected] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    @property
    def expected(self) -> list[Expected]:
        return [line for line in self.lines if isinstance(line, Expected)]

    def standing(self) -> list[Expected]:
        """What was promised and not taken back."""
        return [one for one in self.expected if one.taken_back_at is None]
