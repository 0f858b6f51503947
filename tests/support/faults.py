"""The crash harness: numbers every call to an outsider and breaks exactly one of them.

A story is told once without faults, to learn what it asks of the world; then once for every call and
every way in which that call can go wrong. It knows nothing about what is right afterwards: the test
that tells the story does.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from threading import RLock
from typing import Any, TypeVar, assert_never, cast

from chalicelib.store.table import (
    Action,
    Contended,
    DuePage,
    Key,
    Page,
    Row,
    Table,
    Unavailable,
)

T = TypeVar("T")


class Crash(BaseException):
    """The process is gone. No `except Exception` catches it, as none would catch a power cut."""


class Fault(StrEnum):
    CRASH_BEFORE = "crash_before"
    """The process ends before the call is made."""
    CRASH_AFTER = "crash_after"
    """The call is made, and the process ends before it hears the answer."""
    ANSWER_LOST = "answer_lost"
    """The call is made, and the answer does not arrive."""
    THROTTLED = "throttled"
    """The call is turned away, and the caller cannot tell that from a lost answer."""
    CONTENDED = "contended"
    """Another transaction was in the way: nothing is written, and the caller is told so."""


FOR_READS = (Fault.CRASH_BEFORE, Fault.THROTTLED)
"""A read changes nothing, so whether it took place before the fault makes no difference."""
FOR_WRITES = (Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.ANSWER_LOST, Fault.THROTTLED)
FOR_TABLE_WRITES = (*FOR_WRITES, Fault.CONTENDED)


@dataclass(frozen=True)
class Call:
    """One call that was made, and how it could have gone wrong."""

    name: str
    faults: tuple[Fault, ...]


OF_A_TABLE = {
    **{name: Call(name, FOR_READS) for name in ("get", "get_many", "query", "due", "directory")},
    **{name: Call(name, FOR_TABLE_WRITES) for name in ("write", "transact")},
}


class Plan:
    """Which calls go wrong and how, by their number from 0. Everybody who shares it shares the count."""

    def __init__(self, faults: Mapping[int, Fault] | None = None) -> None:
        self.faults = dict(faults or {})
        self.calls: list[Call] = []
        self._crashed = False
        self._lock = RLock()

    def __repr__(self) -> str:
        return f"Plan({ {index: fault.value for index, fault in self.faults.items()} })"

    @property
    def struck(self) -> bool:
        """Whether the story got as far as the first fault."""
        return bool(self.faults) and len(self.calls) > min(self.faults)

    def perform(
        self,
        call: Call,
        do: Callable[[], T],
        unavailable: Callable[[], Exception] = lambda: Unavailable("as planned"),
    ) -> T:
        with self._lock:
            if self._crashed:
                # A dead process does no more, not even in its `finally` blocks.
                raise Crash
            fault = self.faults.get(len(self.calls))
            self.calls.append(call)
            if fault is not None and fault not in call.faults:
                raise AssertionError(f"{call.name} cannot go wrong by {fault}")
            self._crashed = fault in (Fault.CRASH_BEFORE, Fault.CRASH_AFTER)
        return struck_by(fault, do, unavailable)


def struck_by(fault: Fault | None, do: Callable[[], T], unavailable: Callable[[], Exception]) -> T:
    """Makes a call go wrong in this way, or go well. Whoever chose the fault remembers a crash."""
    match fault:
        case None:
            return do()
        case Fault.CRASH_BEFORE:
            raise Crash
        case Fault.CRASH_AFTER:
            do()
            raise Crash
        case Fault.ANSWER_LOST:
            do()
            raise unavailable()
        case Fault.THROTTLED:
            raise unavailable()
        case Fault.CONTENDED:
            raise Contended("another was in the way")
        case _:
            assert_never(fault)


def every_fault(run: Callable[[Plan], object]) -> Iterator[Plan]:
    """Tells the story once without faults, then yields one plan for each call and each of its faults.

    `run` builds a world of its own around the plan. The caller does the same with every plan yielded,
    survives what it raises, lets the world recover and looks at it:

        for plan in every_fault(lambda plan: story(World(plan))):
            world = World(plan)
            with suppress(Crash, StoreError):
                story(world)
            ...
    """
    clean = Plan()
    run(clean)
    for index, call in enumerate(clean.calls):
        for fault in call.faults:
            yield Plan({index: fault})


class FaultyTable:
    """A Table whose every call counts, and may go wrong."""

    def __init__(self, inner: Table, plan: Plan) -> None:
        self.inner = inner
        self.plan = plan

    def get(self, key: Key) -> Row | None:
        return self._read("get", lambda: self.inner.get(key))

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Row]:
        return self._read("get_many", lambda: self.inner.get_many(keys))

    def query(
        self,
        pk: str,
        prefix: str = "",
        *,
        limit: int = 100,
        after: str | None = None,
        newest_first: bool = False,
    ) -> Page:
        return self._read(
            "query",
            lambda: self.inner.query(
                pk, prefix, limit=limit, after=after, newest_first=newest_first
            ),
        )

    def due(
        self, due_kind: str, until: str, *, limit: int = 100, after: str | None = None
    ) -> DuePage:
        return self._read("due", lambda: self.inner.due(due_kind, until, limit=limit, after=after))

    def directory(
        self, dir_kind: str, prefix: str = "", *, limit: int = 100, after: str | None = None
    ) -> DuePage:
        return self._read(
            "directory", lambda: self.inner.directory(dir_kind, prefix, limit=limit, after=after)
        )

    def write(self, action: Action) -> None:
        self.plan.perform(OF_A_TABLE["write"], lambda: self.inner.write(action))

    def transact(self, actions: Sequence[Action]) -> None:
        self.plan.perform(OF_A_TABLE["transact"], lambda: self.inner.transact(actions))

    def _read(self, name: str, do: Callable[[], T]) -> T:
        return self.plan.perform(OF_A_TABLE[name], do)


def faulty(
    outsider: T,
    plan: Plan,
    *,
    names: Collection[str] | None = None,
    reads: Collection[str] = (),
    unavailable: Callable[[], Exception] = lambda: TimeoutError("as planned"),
) -> T:
    """Another outsider behind the same plan and the same count: a carrier, a mail gateway, Stripe.

    `names` are the methods that ask the outside, by default all public ones; `reads` those among them
    that change nothing there; `unavailable` makes the error the gateway raises when nobody answers.
    """
    return cast(T, _Faulty(outsider, plan, names, reads, unavailable))


class _Faulty:
    def __init__(
        self,
        outsider: Any,
        plan: Plan,
        names: Collection[str] | None,
        reads: Collection[str],
        unavailable: Callable[[], Exception],
    ) -> None:
        self._outsider = outsider
        self._plan = plan
        self._names = names
        self._reads = reads
        self._unavailable = unavailable

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._outsider, name)
        asks = not name.startswith("_") if self._names is None else name in self._names
        if not asks or not callable(found):
            return found
        call = Call(
            f"{type(self._outsider).__name__}.{name}",
            FOR_READS if name in self._reads else FOR_WRITES,
        )

        def counted(*args: Any, **named: Any) -> Any:
            return self._plan.perform(call, lambda: found(*args, **named), self._unavailable)

        return counted
