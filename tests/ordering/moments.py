"""A stage taken back to any moment it was at, and what follows a moment told only once, however many ways lead there.

Orders share their beginnings; and most of them meet again, since after the same events everything is often the same to
the last byte, whichever came first. What follows depends on nothing else, so from there on it is told once.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec

from chalicelib.store.memory import MemoryTable
from chalicelib.store.table import Key
from tests.support.invariants import Witness
from tests.support.stage import Stage
from tests.support.truth import Count

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Everything on a stage that the product can see or change, and what a witness has seen by then.

    A stage is taken back from these very values. What were not among them would not come back either:
    `test_moments` looks through all there is for it. How often Stripe was asked is left out: nothing asks for that.
    """

    rows: frozenset[tuple[str, str, tuple[tuple[str, str | int], ...]]]
    clock: datetime
    things: bytes
    """What Stripe holds, in the order in which it came there."""
    reached: tuple[tuple[str, int], ...]
    lag: timedelta
    carrier: tuple[tuple[str, tuple[tuple[str, bytes], ...]], ...]
    ids: tuple[int, int]
    """Which comes next, here and at Stripe."""
    learnt: tuple[tuple[tuple[str, Any], ...], ...]
    """What the process remembers, and need not ask again."""
    switch: tuple[bool, float | None]
    witness: tuple[str, ...]


class Ways:
    """The ways on from each moment of a stage."""

    def __init__(self, stage: Stage, witness: Witness | None = None) -> None:
        self.stage = stage
        self.witness = witness or Witness()
        self._seen: dict[tuple[str, ...], Witness] = {}
        self._moments: dict[Moment, Moment] = {}
        self._known: dict[tuple[Moment, Hashable], tuple[Moment, Any]] = {}
        self.told = 0
        self.begins = self.now()
        self._at: Moment | None = self.begins

    def after(self, moment: Moment, what: Hashable, happens: Callable[[], T]) -> tuple[Moment, T]:
        """The moment at which it has happened, and what it answered. `what` names it, and stands for nothing else."""
        if (moment, what) not in self._known:
            if self._at != moment:
                self.take_back(moment)
            # Whatever it raises ends the test, and the next one begins from a moment, not from the middle of this.
            self._at = None
            answered = happens()
            self.told += 1
            self._at = self.now()
            self._known[moment, what] = self._at, answered
        return self._known[moment, what]

    def now(self) -> Moment:
        stage, truth, gate = self.stage, self.stage.truth, self.stage.world.gate
        table = stage.table
        assert isinstance(table, MemoryTable), "only a table in memory is taken back"
        assert table._index_lag is None, "what an index has not heard of yet stands in no row"
        seen = tuple(repr(value) for value in vars(self.witness).values())
        self._seen.setdefault(seen, _copied(self.witness))
        moment = Moment(
            rows=frozenset(
                (pk, sk, tuple(sorted(values.items())))
                for pk, partition in table._partitions.items()
                for sk, values in partition.rows.items()
            ),
            clock=stage.clock.at,
            things=msgspec.json.encode(truth._things),
            reached=tuple(sorted(truth._reached.items())),
            lag=truth.lag,
            carrier=tuple(
                (book, tuple(notes.items()))
                for book, notes in stage.carrier._notebook._notes.items()
            ),
            ids=(_next(stage._ids), _next(truth._ids)),
            learnt=tuple(tuple(sorted(each.items())) for each in self._learnt()),
            switch=(gate._killed, gate._read_at),
            witness=seen,
        )
        return self._moments.setdefault(moment, moment)

    def take_back(self, to: Moment) -> None:
        stage, truth, gate = self.stage, self.stage.truth, self.stage.world.gate
        table = MemoryTable()
        for pk, sk, values in sorted(to.rows):
            table._store(Key(pk, sk), None, dict(values), [])
        vars(stage.table).update(_partitions=table._partitions, _indexes=table._indexes)
        stage.clock.at = to.clock
        truth._things, truth._reached = msgspec.json.decode(to.things), dict(to.reached)
        truth.lag = to.lag
        stage.carrier._notebook._notes = {book: dict(notes) for book, notes in to.carrier}
        stage._ids, truth._ids = map(Count, to.ids)
        for mine, then in zip(self._learnt(), to.learnt, strict=True):
            mine.clear()
            mine.update(then)
        gate._killed, gate._read_at = to.switch
        vars(self.witness).update(vars(_copied(self._seen[to.witness])))

    def _learnt(self) -> Iterator[dict[str, Any]]:
        world = self.stage.world
        yield from (world.customers, world.marks, world.rests)


def _next(ids: Any) -> int:
    """Without taking it."""
    return next(copy(ids))  # type: ignore[no-any-return]


def _copied(witness: Witness) -> Witness:
    return Witness(**{name: copy(value) for name, value in vars(witness).items()})
