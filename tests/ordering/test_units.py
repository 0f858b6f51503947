"""What deliveries and fired steps cost in DynamoDB's request units, and that it does not grow with the table. No clock is read."""

import pytest

from benchmarks import request_units
from benchmarks.request_units import FIRED, deliveries, fired
from chalicelib.store.memory import MemoryTable
from chalicelib.store.table import Check, Delete, If, Key, Put, Refused, Update
from tests.support.units import MeteredTable

PARTITION = "A#acme"


@pytest.fixture(autouse=True)
def _few(monkeypatch):
    monkeypatch.setattr(request_units, "ACCOUNTS", 2)


# -- deliveries


def test_a_delivery_writes_no_more_than_it_must():
    written = {name: units.written for name, units, _ in deliveries()}

    assert written == {
        # Five steps (two units and one index entry each), the account, which is over 1 KB by then, and the history.
        "cancelled: five steps planned": 21,
        "renewal paid: no step moves": 4,
        "newer, nothing visible": 1,
        "a duplicate": 0,
        "of no concern": 0,
    }


def test_a_delivery_reads_the_account_and_nothing_else():
    assert {units.read for name, units, _ in deliveries() if name != "of no concern"} == {1}


# -- steps


@pytest.mark.parametrize("one", FIRED, ids=lambda one: one.kind)
def test_a_fired_step_costs_the_same_beside_ten_and_beside_two_thousand_accounts(one):
    few, many = fired(one, 10), fired(one, 2000)

    assert (few.written, few.read, few.requests) == (many.written, many.read, many.requests)


def test_a_step_inside_is_the_account_its_history_and_itself():
    (ends,) = [fired(one, 0) for one in FIRED if one.kind == "access_ends"]

    # Two each in a transaction, the account twice that while it is over 1 KB, and the place in the index.
    assert ends.written == 4 + 2 + 2 + 1


# -- the counting itself, by the published rules


@pytest.fixture
def table():
    return MeteredTable()


def row(size=100, **more):
    return {"pk": PARTITION, "sk": "x", "doc": {"a": "b" * size}, **more}


@pytest.mark.parametrize(("size", "units"), [(100, 1), (900, 1), (1100, 2), (3000, 3)])
def test_a_write_costs_a_unit_for_each_begun_kilobyte(table, size, units):
    table.write(Put(row(size)))

    assert table.written == units


def test_in_a_transaction_it_costs_twice_and_a_check_as_much(table):
    table.transact([Put(row()), Check(Key(PARTITION, "y"), If(absent=True))])

    assert table.written == 4


def test_the_larger_of_old_and_new_counts(table):
    table.write(Put(row(3000)))
    table.start()

    table.write(Update(Key(PARTITION, "x"), {"doc": {}}))
    table.write(Delete(Key(PARTITION, "x")))

    assert table.written == 3 + 1


def test_a_refused_write_is_charged(table):
    with pytest.raises(Refused):
        table.write(Update(Key(PARTITION, "x"), {"state": "on"}, If(present=True)))

    assert table.written == 1


def test_an_index_costs_one_to_enter_two_to_move_one_to_leave_and_nothing_else(table):
    costs = []
    for change in (
        {"due_kind": "k#0", "due_at": "2026"}, {"state": "on"}, {"due_at": "2027"},
        {"due_kind": None, "due_at": None},
    ):  # fmt: skip
        table.start()
        table.write(Update(Key(PARTITION, "x"), change))
        costs.append(table.written)

    assert costs == [2, 1, 3, 2]


def test_a_read_costs_a_unit_for_each_begun_four_kilobytes_and_an_index_half(table):
    table.write(Put(row(5000, due_kind="k#0", due_at="2026")))
    table.start()

    table.get(Key(PARTITION, "x"))
    table.get(Key(PARTITION, "nothing"))
    table.query(PARTITION)
    table.due("k#0", "2027")

    assert table.read == 2 + 1 + 2 + 0.5
    assert table.requests == 4


def test_it_is_the_same_table(table):
    plain = MemoryTable()
    for one in (table, plain):
        one.write(Put(row(due_kind="k#0", due_at="2026")))

    assert table.get(Key(PARTITION, "x")) == plain.get(Key(PARTITION, "x"))
    assert table.due("k#0", "2027") == plain.due("k#0", "2027")
