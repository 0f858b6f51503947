"""The crash harness itself: it breaks what it was told to break, once, and misses nothing."""

from contextlib import suppress

import pytest

from chalicelib.store.memory import MemoryTable
from chalicelib.store.table import (
    Contended,
    If,
    Key,
    Put,
    Refused,
    StoreError,
    Table,
    Unavailable,
    Update,
)
from tests.support.faults import Crash, Fault, FaultyTable, Plan, every_fault, faulty
from tests.support.stores import row

KEY = Key("A#1", "account")


class CarrierError(Exception):
    pass


class Carrier:
    country = "US"

    def __init__(self) -> None:
        self.released: list[str] = []

    def release(self, number: str, *, key: str) -> str:
        if number not in self.released:
            self.released.append(number)
        return f"{key}: {number}"

    def is_released(self, number: str) -> bool:
        return number in self.released


def test_without_a_fault_it_is_the_table_itself():
    table: Table = FaultyTable(MemoryTable(), Plan())

    table.write(Put(row("A#1", "account", version=1, due_kind="r#0", due_at="2026")))
    table.transact([Update(KEY, {"dir_kind": "a#0", "dir_key": "ann"})])

    assert (table.get(KEY) or {})["version"] == 1
    assert list(table.get_many([KEY])) == [KEY]
    assert len(table.query("A#1", "acc", limit=1, newest_first=True).rows) == 1
    assert len(table.due("r#0", "2026", limit=1).due) == 1
    assert len(table.directory("a#0", "a", limit=1).due) == 1


def test_every_call_counts_whatever_it_asks():
    plan = Plan()
    table = FaultyTable(MemoryTable(), plan)

    table.write(Put(row("A#1", "account")))
    table.get(KEY)
    table.get_many([KEY])
    table.query("A#1")
    table.due("r#0", "2026")
    table.directory("a#0")
    table.transact([Put(row("A#1", "account"))])

    assert [call.name for call in plan.calls] == [
        "write",
        "get",
        "get_many",
        "query",
        "due",
        "directory",
        "transact",
    ]


@pytest.mark.parametrize(
    ("fault", "raised", "written"),
    [
        (Fault.CRASH_BEFORE, Crash, False),
        (Fault.CRASH_AFTER, Crash, True),
        (Fault.ANSWER_LOST, Unavailable, True),
        (Fault.THROTTLED, Unavailable, False),
        (Fault.CONTENDED, Contended, False),
    ],
)
def test_each_fault_does_what_it_says(fault, raised, written):
    for write in (
        lambda table: table.write(Put(row("A#1", "account"))),
        lambda table: table.transact([Put(row("A#1", "account"))]),
    ):
        inner = MemoryTable()
        table = FaultyTable(inner, Plan({1: fault}))
        table.get(KEY)

        with pytest.raises(raised):
            write(table)

        assert (inner.get(KEY) is not None) is written


def test_a_refusal_is_told_as_such_even_where_a_fault_was_planned_after_it():
    inner = MemoryTable()
    table = FaultyTable(inner, Plan({0: Fault.ANSWER_LOST}))

    with pytest.raises(Refused):
        table.write(Put(row("A#1", "account"), If(present=True)))


def test_a_crash_is_caught_by_no_handler_of_errors():
    table = FaultyTable(MemoryTable(), Plan({0: Fault.CRASH_BEFORE}))

    with pytest.raises(Crash), suppress(Exception):
        table.get(KEY)


def test_a_dead_process_does_no_more_not_even_while_tidying_up():
    inner = MemoryTable()
    table = FaultyTable(inner, Plan({0: Fault.CRASH_BEFORE}))

    def tidies_up():
        try:
            table.get(KEY)
        finally:
            table.write(Put(row("A#1", "account")))

    with pytest.raises(Crash):
        tidies_up()

    assert inner.get(KEY) is None


def test_after_a_fault_that_is_no_crash_the_story_goes_on():
    plan = Plan({0: Fault.THROTTLED})
    table = FaultyTable(MemoryTable(), plan)

    with pytest.raises(Unavailable):
        table.get(KEY)

    assert table.get(KEY) is None
    assert plan.struck


def test_a_plan_that_never_struck_says_so():
    plan = Plan({5: Fault.CRASH_BEFORE})

    FaultyTable(MemoryTable(), plan).get(KEY)

    assert not plan.struck


def test_a_read_cannot_be_contended():
    table = FaultyTable(MemoryTable(), Plan({0: Fault.CONTENDED}))

    with pytest.raises(AssertionError, match="get cannot go wrong by contended"):
        table.get(KEY)


def test_other_outsiders_share_the_count():
    plan = Plan({2: Fault.ANSWER_LOST})
    table, inner = FaultyTable(MemoryTable(), plan), Carrier()
    carrier = faulty(
        inner, plan, reads=("is_released",), unavailable=lambda: CarrierError("no answer")
    )

    table.get(KEY)
    assert not carrier.is_released("+1")
    with pytest.raises(CarrierError):
        carrier.release("+1", key="k")
    assert carrier.release("+2", key="k") == "k: +2"

    assert inner.released == ["+1", "+2"]
    assert [call.name for call in plan.calls] == [
        "get",
        "Carrier.is_released",
        "Carrier.release",
        "Carrier.release",
    ]


def test_only_the_methods_named_ask_the_outside():
    plan = Plan()
    carrier = faulty(Carrier(), plan, names=("release",))

    assert carrier.country == "US"
    assert not carrier.is_released("+1")
    carrier.release("+1", key="k")

    assert [call.name for call in plan.calls] == ["Carrier.release"]


def test_every_call_is_broken_in_every_way_it_can_break():
    def story(plan):
        table, carrier = FaultyTable(MemoryTable(), plan), faulty(Carrier(), plan)
        table.get(KEY)
        carrier.release("+1", key="k")
        table.write(Put(row("A#1", "account")))

    planned = [next(iter(plan.faults.items())) for plan in every_fault(story)]

    anything = [Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.ANSWER_LOST, Fault.THROTTLED]
    assert planned == [
        *((0, fault) for fault in (Fault.CRASH_BEFORE, Fault.THROTTLED)),
        *((1, fault) for fault in anything),
        *((2, fault) for fault in (*anything, Fault.CONTENDED)),
    ]


class World:
    """A step that releases a number, as it should be: intent first, then the act, then the mark."""

    def __init__(self, plan: Plan) -> None:
        self.inner, self.carrier = MemoryTable(), Carrier()
        self.told(plan)

    def told(self, plan: Plan) -> None:
        self.table = FaultyTable(self.inner, plan)
        self.outside = faulty(self.carrier, plan, reads=("is_released",))

    def release(self, *, mark_first: bool = False) -> None:
        self.table.transact([Update(KEY, {"op": "release"}, If(equals={"state": None}))])
        if not mark_first:
            self.outside.release("+1", key="k")
        self.table.write(Update(KEY, {"state": "released"}))
        if mark_first:
            self.outside.release("+1", key="k")

    def recover(self, **how: bool) -> None:
        self.told(Plan())
        with suppress(Refused):
            self.release(**how)

    def is_right(self) -> bool:
        row = self.inner.get(KEY) or {}
        return row.get("state") == "released" and self.carrier.released == ["+1"]


def broken_worlds(**how: bool) -> list[Plan]:
    """The plans after which the world is still wrong once it has recovered."""
    wrong = []
    for plan in every_fault(lambda plan: World(plan).release(**how)):
        world = World(plan)
        with suppress(Crash, StoreError, TimeoutError):
            world.release(**how)
        assert plan.struck
        world.recover(**how)
        if not world.is_right():
            wrong.append(plan)
    return wrong


def test_a_story_told_in_the_right_order_survives_every_fault():
    assert broken_worlds() == []


def test_a_story_told_in_the_wrong_order_is_caught():
    assert {repr(plan) for plan in broken_worlds(mark_first=True)} == {
        "Plan({1: 'crash_after'})",
        "Plan({1: 'answer_lost'})",
        "Plan({2: 'crash_before'})",
        "Plan({2: 'throttled'})",
    }
