"""What only the table in memory has: three knobs that make the world as awkward as DynamoDB may be."""

from random import Random

import pytest

from chalicelib.store.memory import MemoryTable
from chalicelib.store.table import Delete, If, Key, Put, Refused, Table, Update
from tests.support.stores import row


def listed(table, **named):
    sks, pages, after = [], 0, None
    while True:
        page = table.query("A#1", "m#", after=after, **named)
        sks += [found["sk"] for found in page.rows]
        pages += 1
        after = page.after
        if after is None:
            return sks, pages


def due_keys(table):
    return [one.key.pk for one in table.due("release#0", "2027").due]


def fill(table, count=10):
    sks = [f"m#{number}" for number in range(count)]
    for sk in sks:
        table.write(Put(row("A#1", sk, doc={"text": "x" * 1000})))
    return sks


def step(account, due_at="2026-01-01"):
    return row(account, "step#release", due_kind="release#0", due_at=due_at)


def test_it_is_a_table():
    table: Table = MemoryTable()

    assert table.get(Key("A#1", "account")) is None


def test_a_full_page_continues_although_nothing_may_be_left():
    """DynamoDB stops at the limit without looking further; so must everybody who asks it."""
    table = MemoryTable()
    fill(table, 2)

    page = table.query("A#1", limit=2)
    rest = table.query("A#1", limit=2, after=page.after)

    assert page.after == "m#1"
    assert (list(rest.rows), rest.after) == ([], None)


def test_a_page_ends_with_the_row_that_passes_its_size():
    table = MemoryTable(page_bytes=2500)
    sks = fill(table)

    assert [found["sk"] for found in table.query("A#1", "m#").rows] == sks[:3]
    assert listed(table) == (sks, 4)
    assert listed(table, newest_first=True) == (sks[::-1], 4)


@pytest.mark.parametrize("newest_first", [False, True])
def test_pages_may_be_short_or_empty_and_still_continue(newest_first):
    chance = Random(1)
    table = MemoryTable(max_page=lambda limit: chance.choice([0, 0, 1, 3, limit]))
    sks = fill(table)

    for _ in range(50):
        got, _ = listed(table, limit=4, newest_first=newest_first)

        assert got == (sks[::-1] if newest_first else sks)


def test_an_empty_page_before_the_first_row_continues_from_the_start():
    sizes = iter([0, 0, 100])
    table = MemoryTable(max_page=lambda _: next(sizes))
    sks = fill(table)

    assert listed(table) == (sks, 3)


def test_index_pages_may_be_short_or_empty_and_still_continue():
    chance = Random(2)
    table = MemoryTable(max_page=lambda limit: chance.choice([0, 1, 2, limit]))
    for number in range(9):
        table.write(Put(step(f"A#{number}", f"2026-01-0{number + 1}")))

    for _ in range(50):
        got, after, pages = [], None, 0
        while pages == 0 or after is not None:
            page = table.due("release#0", "2027", limit=3, after=after)
            got += [one.key.pk for one in page.due]
            after, pages = page.after, pages + 1

        assert got == [f"A#{number}" for number in range(9)]


def test_an_index_may_lag_behind_by_some_commits():
    lag = 0
    table = MemoryTable(index_lag=lambda: lag)
    table.write(Put(step("A#1")))
    table.write(Put(step("A#2")))
    table.write(Update(Key("A#1", "step#release"), {"due_kind": None, "due_at": None}))
    table.write(Update(Key("A#2", "step#release"), {"due_at": "2026-05-01"}))

    seen = {}
    for lag in range(5):
        seen[lag] = [(one.key.pk, one.due_at) for one in table.due("release#0", "2027").due]

    assert seen == {
        0: [("A#2", "2026-05-01")],
        1: [("A#2", "2026-01-01")],
        2: [("A#1", "2026-01-01"), ("A#2", "2026-01-01")],
        3: [("A#1", "2026-01-01")],
        4: [],
    }


def test_an_index_that_lags_shows_a_transaction_whole_or_not_at_all():
    lag = 1
    table = MemoryTable(index_lag=lambda: lag)
    table.write(Put(step("A#0")))
    table.transact([Put(step("A#1")), Put(step("A#2")), Delete(Key("A#0", "step#release"))])

    before = due_keys(table)
    lag = 0

    assert before == ["A#0"]
    assert due_keys(table) == ["A#1", "A#2"]


def test_rows_and_partitions_never_lag():
    table = MemoryTable(index_lag=lambda: 100)

    table.write(Put(step("A#1")))

    assert table.get(Key("A#1", "step#release")) == step("A#1")
    assert table.query("A#1").rows == [step("A#1")]
    assert due_keys(table) == []


def test_a_refused_transaction_is_no_commit_an_index_could_lag_behind():
    table = MemoryTable(index_lag=lambda: 1)
    table.write(Put(step("A#1")))
    table.write(Put(step("A#2")))

    with pytest.raises(Refused):
        table.transact([Put(step("A#3")), Delete(Key("A#1", "step#release"), If(absent=True))])

    assert due_keys(table) == ["A#1"]
