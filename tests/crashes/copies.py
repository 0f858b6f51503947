"""A copy of this whole process, to be broken and looked at: a story is prepared once, and every fault begins from there."""

from __future__ import annotations

import gc
import os
import pickle
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TypeVar, cast

from chalicelib.store.table import StoreError
from tests.support import event_schemas
from tests.support.faults import Call, Crash, Fault, Plan

T = TypeVar("T")


def broken_anywhere(told: Callable[[Plan], object], looked_at: Callable[[str], None]) -> None:
    """Tells a story, whose world is prepared already, once for each call it makes and each way in which that can fail,
    always in a copy; `looked_at` is then called there, with the words for where it was."""

    def calls() -> list[Call]:
        plan = Plan()
        told(plan)
        return plan.calls

    for plan, where in every_fault_of(in_a_copy(calls)):

        def broken(plan: Plan = plan, where: str = where) -> None:
            with suppress(Crash, StoreError):
                told(plan)
            assert plan.struck, where
            looked_at(where)

        in_a_copy(broken)


def every_fault_of(calls: Sequence[Call]) -> Iterator[tuple[Plan, str]]:
    """A plan for each way in which one of these calls can fail, and the words for where it is.

    They are all the calls that the story makes: who dies before one of them has died after the one before it, and that
    is told already.
    """
    for index, call in enumerate(calls):
        for fault in call.faults:
            if fault is not Fault.CRASH_BEFORE or index == 0:
                yield Plan({index: fault}), f"{fault.value} at call {index}, {call.name}"


def in_copies(count: Callable[[], int], at: Callable[[int], T]) -> list[T]:
    """What `at` answers for each number below what `count` says, always in a copy. There is at least one."""
    numbers = range(in_a_copy(count))
    assert numbers
    return [in_a_copy(lambda n=n: at(n)) for n in numbers]  # type: ignore[misc]


def in_a_copy(do: Callable[[], T]) -> T:
    """What `do` answers in a copy. Nothing that it does is seen here; what it raises is an AssertionError that says so."""
    read, write = os.pipe()
    # What is there already is nobody's garbage: to look through it would copy every page of it.
    gc.freeze()
    child = os.fork()
    if child == 0:
        gc.disable()
        os.close(read)
        _answer(do, write)
    gc.unfreeze()
    os.close(write)
    with os.fdopen(read, "rb") as answer:
        raw = answer.read()
    os.waitpid(child, 0)
    assert raw, "the copy has died"
    good, said = pickle.loads(raw)
    assert good, said
    return cast(T, said)


def _answer(do: Callable[[], object], write: int) -> None:
    """Never returns: what a test runner does at its end must not be done twice."""
    try:
        answer: tuple[bool, object] = (True, do())
        # Nobody else sees what left here.
        assert not event_schemas.MISFITS, event_schemas.MISFITS
    except BaseException:  # noqa: BLE001 - whatever it is, the other side has to hear of it
        answer = (False, traceback.format_exc())
    try:
        with os.fdopen(write, "wb") as out:
            out.write(pickle.dumps(answer))
    finally:
        os._exit(0)
