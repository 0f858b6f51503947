"""A story that is told again and again from the same beginning: once for each fault, or for each moment of it.

Its world is prepared once. After each telling it is put back to what it was then (rewinding.py), in this process: a copy
of the process for each of thousands of tellings took as long as the tellings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from chalicelib import wiring
from chalicelib.handlers import doors
from chalicelib.store.table import StoreError
from tests.crashes.rewinding import Memento
from tests.support import event_schemas
from tests.support.faults import Call, Crash, Fault, Plan

P = ParamSpec("P")
T = TypeVar("T")

OF_THE_PROCESS: tuple[tuple[Any, str], ...] = ((wiring, "_world"), (doors, "_tokens"))
"""In which world it acts, and which tokens it has verified: module and name."""

CAME_THROUGH = "something of one telling is still there in the next"


def from_here(tell: Callable[P, T]) -> Callable[P, T]:
    """The same story; whatever it can reach is put back afterwards to what it is at this moment.

    It reaches what its closure holds, which is all that it has of the world. Nothing that it changes is seen by whoever
    tells it: only what it answers, which must not be a part of the world.
    """
    process = [getattr(module, name) for module, name in OF_THE_PROCESS]
    memento = Memento(tell, *process)

    @wraps(tell)
    def telling(*args: P.args, **named: P.kwargs) -> T:
        try:
            answer = tell(*args, **named)
        finally:
            memento.put_back()
            for (module, name), was in zip(OF_THE_PROCESS, process, strict=True):
                setattr(module, name, was)
        # Told of here, where it left, and not when all is over.
        assert not event_schemas.MISFITS, event_schemas.MISFITS
        return answer

    return telling


def broken_anywhere(told: Callable[[Plan], object], looked_at: Callable[[str], None]) -> None:
    """Tells a story once for each call it makes and each way in which that can fail; `looked_at` is then called, with the
    words for where it was."""

    @from_here
    def calls() -> list[Call]:
        plan = Plan()
        told(plan)
        return plan.calls

    @from_here
    def broken(plan: Plan, where: str) -> None:
        with suppress(Crash, StoreError):
            told(plan)
        assert plan.struck, where
        looked_at(where)

    made = calls()
    for plan, where in every_fault_of(made):
        broken(plan, where)
    assert calls() == made, CAME_THROUGH


def every_fault_of(calls: Sequence[Call]) -> Iterator[tuple[Plan, str]]:
    """A plan for each way in which one of these calls can fail, and the words for where it is.

    They are all the calls that the story makes: who dies before one of them has died after the one before it, and that
    is told already.
    """
    for index, call in enumerate(calls):
        for fault in call.faults:
            if fault is not Fault.CRASH_BEFORE or index == 0:
                yield Plan({index: fault}), f"{fault.value} at call {index}, {call.name}"


def at_each(count: Callable[[], int], at: Callable[[int], T]) -> list[T]:
    """What `at` answers for each number below what `count` says, each time from here. There is at least one."""
    count, at = from_here(count), from_here(at)
    numbers = range(count())
    assert numbers, "there is nothing to tell of"
    found = [at(number) for number in numbers]
    assert range(count()) == numbers, CAME_THROUGH
    return found
