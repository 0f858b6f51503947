"""What goes wrong, call by call: the same interface as a planned fault, chosen by the act's own seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any, TypeVar

from chalicelib.store.table import Due, DuePage, Page, Table, Unavailable
from tests.support.faults import Call, Crash, Fault, FaultyTable, struck_by

T = TypeVar("T")
KINDS = (
    ("crash", Fault.CRASH_BEFORE),
    ("crash", Fault.CRASH_AFTER),
    ("answer_lost", Fault.ANSWER_LOST),
    ("throttled", Fault.THROTTLED),
    ("contended", Fault.CONTENDED),
)


class Chance:
    """One process at a time acts through it; a crashed one does nothing more until the next begins."""

    def __init__(self, rates: Mapping[str, float], meanwhile: Callable[[Random], None]) -> None:
        self.rates = dict(rates)
        self._likely: dict[tuple[Fault, ...], tuple[tuple[float, Fault], ...]] = {}
        """What a call may suffer → what of that this world suffers from, in the order in which it is drawn."""
        self.calm = False
        self.random = Random(0)
        self.struck = 0
        self.before_the_next_write: Callable[[Random], None] | None = None
        """Somebody else who acts for certain, whatever the weather."""
        self.before_one_named = ""
        """Only before a write whose name ends so."""
        self.cut: tuple[str, Fault] | None = None
        """The next write to an outsider whose name ends so is cut short for certain, whatever the weather."""
        self._meanwhile = meanwhile
        self._within = False
        self._crashed = False

    def begin(self, seed: int) -> None:
        self.random = Random(seed)
        self._crashed = False

    def new_process(self) -> None:
        self._crashed = False

    def strikes(self, name: str) -> bool:
        if self.calm or self._within or name not in self.rates:
            return False
        struck = self.random.random() < self.rates[name]
        self.struck += struck
        return struck

    def perform(
        self,
        call: Call,
        do: Callable[[], T],
        unavailable: Callable[[], Exception] = lambda: Unavailable("by chance"),
    ) -> T:
        if self._within or self.calm:
            return do()
        if self._crashed:
            # A dead process does no more, not even in its `finally` blocks.
            raise Crash
        # Between what we read and what we write: before another reading it would change little.
        if Fault.CRASH_AFTER in call.faults:
            if self.before_the_next_write and call.name.endswith(self.before_one_named):
                other, self.before_the_next_write = self.before_the_next_write, None
                self._let_act(other)
            elif self.strikes("meanwhile"):
                self._let_act(self._meanwhile)
        try:
            fault = self._goes_wrong(call)
            return do() if fault is None else struck_by(fault, do, unavailable)
        except Crash:
            self._crashed = True
            raise

    def _goes_wrong(self, call: Call) -> Fault | None:
        if self.cut is not None and Fault.CRASH_AFTER in call.faults:
            (name, kind) = self.cut
            if call.name.endswith(name):
                self.cut = None
                return kind
        likely = self._likely.get(call.faults)
        if likely is None:
            likely = self._likely[call.faults] = tuple(
                (self.rates[name], kind)
                for name, kind in KINDS
                if name in self.rates and kind in call.faults
            )
        for rate, kind in likely:
            if self.random.random() < rate:
                self.struck += 1
                return kind
        return None

    def _let_act(self, other: Callable[[Random], None]) -> None:
        self._within = True
        try:
            other(self.random)
        finally:
            self._within = False


class OddTable(FaultyTable):
    """A table that is throttled, whose answers get lost, whose indexes lag and whose pages are short."""

    def __init__(self, inner: Table, chance: Any) -> None:
        super().__init__(inner, chance)
        self.chance: Chance = chance
        self._seen: dict[str, tuple[Due, ...]] = {}

    def query(self, pk: str, prefix: str = "", *, limit: int = 100, **more: Any) -> Page:
        if self.chance.strikes("short_pages"):
            limit = min(limit, 1 + self.chance.random.randrange(3))
        return super().query(pk, prefix, limit=limit, **more)

    def due(
        self, due_kind: str, until: str, *, limit: int = 100, after: str | None = None
    ) -> DuePage:
        if self.chance.strikes("short_pages"):
            limit = min(limit, 1 + self.chance.random.randrange(3))
        page = super().due(due_kind, until, limit=limit, after=after)
        if after is None and self.chance.strikes("stale_index"):
            # What the index showed a while ago, and not yet what was written since.
            old = self._seen.get(due_kind, ())
            return DuePage(tuple(due for due in old if due.due_at <= until), None)
        if after is None:
            self._seen[due_kind] = tuple(page.due)
        return page
