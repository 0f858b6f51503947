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
        # Five steps (two units and one index entry each), the account and the history.
        "cancelled: five steps planned": 19,
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


ROW = 2
"""What a row of up to 1 KB costs in a transaction; all of these are, the account too."""
STEP = 3 * ROW + 1
"""The account, its history and the step, and the step's place in the index."""
POSTING = 3 * ROW
"""The wallet, the entry and its cause."""
CLAIM = 1 + 2
"""Outside of a transaction; the step's place in the index moves on."""


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("access_ends", STEP),
        # The wallet is closed to those who judged before; then the posting, the message, and the account as a check.
        ("messages_credited", 1 + POSTING + 2 * ROW + STEP),
        # The number and the account as a check; the step moves on by a month.
        ("number_fee", POSTING + 2 * ROW + STEP + 1),
        # Each time the account, its history and the number; at last also whose the number is.
        ("numbers_released", CLAIM + 3 * ROW + 4 * ROW + STEP),
        ("registrations_lapse", CLAIM + 2 * ROW + 3 * ROW + STEP),
        # Its beginning with a receipt to send; 38 rows; how far it is, six times; and a certificate, and two leads to it.
        ("data_purged", CLAIM + 3 * ROW + 38 + 6 + STEP + 3 * ROW),
    ],
)
def test_a_fired_step_writes_each_row_once_for_each_thing_that_must_be_known(kind, written):
    (one,) = [one for one in FIRED if one.kind == kind]

    assert fired(one, 0).written == written


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
