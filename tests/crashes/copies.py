"""A copy of this whole process, to be broken and looked at: a story is prepared once, and every fault begins from there."""

from __future__ import annotations

import gc
import os
import pickle
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar, cast

from chalicelib.store.table import StoreError
from tests.support.faults import Call, Crash, Plan, every_fault

T = TypeVar("T")


def broken_anywhere(told: Callable[[Plan], object], looked_at: Callable[[str], None]) -> None:
    """Tells a story, whose world is prepared already, once for each call it makes and each way in which that can fail,
    always in a copy; `looked_at` is then called there, with the words for where it was."""

    def clean(plan: Plan) -> None:
        def counted() -> list[Call]:
            told(plan)
            return plan.calls

        plan.calls += in_a_copy(counted)

    for plan in every_fault(clean):

        def broken(plan: Plan = plan) -> None:
            with suppress(Crash, StoreError):
                told(plan)
            assert plan.struck, plan
            looked_at(f"{plan} at {plan.calls[min(plan.faults)].name}")

        in_a_copy(broken)


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
    except BaseException:  # noqa: BLE001 - whatever it is, the other side has to hear of it
        answer = (False, traceback.format_exc())
    try:
        with os.fdopen(write, "wb") as out:
            out.write(pickle.dumps(answer))
    finally:
        os._exit(0)
