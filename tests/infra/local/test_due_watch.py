"""The watch knows of every due date written through it, and never misses one."""

import pytest

from chalicelib.store.memory import MemoryTable
from chalicelib.store.table import Check, Delete, If, Key, Put, Refused, Unavailable, Update
from infra.local.due_watch import DueWatch
from infra.local.faults import Faults
from infra.local.faulty_table import FaultyTable

EARLY, LATE = "2027-01-01T00:00:00Z", "2027-02-01T00:00:00Z"
LONG_BEFORE = "2000-01-01T00:00:00Z"


def key(name):
    return Key("A#smarter", f"step#{name}")


def step(name, due_at, kind="access_ends", shard=0):
    at = key(name)
    return {
        "pk": at.pk, "sk": at.sk, "doc": {}, "due_kind": f"{kind}#{shard}", "due_at": due_at
    }  # fmt: skip


@pytest.fixture
def table():
    return MemoryTable()


@pytest.fixture
def watch(table):
    return DueWatch(table, ("access_ends", "data_purged"), 2)


def test_it_is_filled_from_the_index_in_every_shard_and_page(table, watch):
    for number in range(1200):
        table.write(Put(step(f"a{number}", LATE, shard=number % 2)))
    table.write(Put(step("b", EARLY, "data_purged", 1)))

    watch.refill()

    assert watch.next_after(LONG_BEFORE) == EARLY
    assert watch.next_after(EARLY) == LATE
    assert len(watch.until(LATE)) == 1201


def test_what_is_due_is_due_at_its_instant_and_not_before(watch):
    watch.write(Put(step("a", EARLY)))

    assert watch.kinds_until("2026-12-31T23:59:59Z") == set()
    assert watch.kinds_until(EARLY) == {"access_ends"}
    assert watch.next_after(EARLY) is None


def test_moving_a_due_date_forgets_the_old_one(watch):
    watch.write(Put(step("a", EARLY)))
    watch.transact([Update(key("a"), {"due_at": LATE})])

    assert watch.next_after(LONG_BEFORE) == LATE
    assert watch.until(EARLY) == []


def test_calling_a_step_off_forgets_it(watch):
    watch.write(Put(step("a", EARLY)))
    watch.write(Update(key("a"), {"due_kind": None, "due_at": None}))

    assert watch.next_after(LONG_BEFORE) is None


def test_deleting_a_row_or_putting_it_without_a_date_forgets_it(watch):
    watch.transact([Put(step("a", EARLY)), Put(step("b", EARLY))])
    watch.write(Delete(key("a")))
    watch.write(Put({"pk": key("b").pk, "sk": key("b").sk, "doc": {}}))

    assert watch.next_after(LONG_BEFORE) is None


def test_a_write_that_was_refused_is_not_noted(watch):
    with pytest.raises(Refused):
        watch.transact([Put(step("a", EARLY)), Check(key("b"), If(present=True))])

    assert watch.next_after(LONG_BEFORE) is None


def test_a_date_whose_answer_was_lost_is_noted_until_the_index_is_read_again(table):
    faults = Faults()
    watch = DueWatch(FaultyTable(table, faults), ("access_ends",), 1)
    faults.order({"target": "dynamodb", "kind": "answer_lost", "count": 1})
    with pytest.raises(Unavailable):
        watch.write(Put(step("done", EARLY)))
    faults.order({"target": "dynamodb", "kind": "error", "count": 1})
    with pytest.raises(Unavailable):
        watch.write(Put(step("never", EARLY)))

    assert [sk for _, _, _, sk in watch.until(EARLY)] == ["step#done", "step#never"]

    watch.refill()
    assert [sk for _, _, _, sk in watch.until(EARLY)] == ["step#done"]


def test_what_two_requests_wrote_at_once_is_looked_up_before_the_clock_moves(table, watch):
    watch.refill()
    watch.write(Put(step("a", LATE)))
    # Noted in the other order than it was carried out in.
    table.write(Update(key("a"), {"due_at": EARLY}))
    assert watch.until(EARLY) == []

    watch.catch_up()

    assert [sk for _, _, _, sk in watch.until(EARLY)] == ["step#a"]


def test_only_what_was_written_since_is_looked_up(table):
    asked = []

    class Counting(MemoryTable):
        def get_many(self, keys):
            asked.append(sorted(key.sk for key in keys))
            return super().get_many(keys)

        def due(self, *args, **more):
            asked.append("the index")
            return super().due(*args, **more)

    watch = DueWatch(Counting(), ("access_ends",), 2)
    watch.catch_up()
    assert asked == ["the index", "the index", []]

    watch.write(Put(step("a", EARLY)))
    watch.write(Put({"pk": "A#smarter", "sk": "history#1", "doc": {}}))
    asked.clear()
    watch.catch_up()
    watch.trust()
    watch.catch_up()
    assert asked == [["step#a"], []]


def test_a_lost_answer_stays_in_doubt_when_the_rest_is_trusted(table):
    faults = Faults()
    watch = DueWatch(FaultyTable(table, faults), ("access_ends",), 1)
    watch.catch_up()
    faults.order({"target": "dynamodb", "kind": "error", "count": 1})
    with pytest.raises(Unavailable):
        watch.write(Put(step("never", EARLY)))
    watch.trust()
    assert len(watch.until(EARLY)) == 1

    watch.catch_up()

    assert watch.until(EARLY) == []


def test_a_step_that_was_called_off_is_looked_up_like_any_other(table, watch):
    watch.write(Put(step("a", EARLY)))
    watch.catch_up()
    watch.write(Update(key("a"), {"due_kind": None, "due_at": None}))
    # Planned again by the other of two requests, which was noted first.
    table.write(Put(step("a", LATE)))

    watch.catch_up()

    assert watch.next_after(LONG_BEFORE) == LATE


def test_reads_go_through(table, watch):
    watch.write(Put({**step("a", EARLY), "dir_kind": "accounts#0", "dir_key": "ann"}))

    assert watch.get(key("a")) == table.get(key("a"))
    assert list(watch.get_many([key("a")])) == [key("a")]
    assert len(watch.query("A#smarter", "step#").rows) == 1
    assert len(watch.due("access_ends#0", LATE).due) == 1
    assert len(watch.directory("accounts#0").due) == 1
