"""`/_faults`: exactly the next N calls fail, in the way that was asked for."""

import pytest

from chalicelib.store.memory import MemoryTable
from chalicelib.store.table import Key, Put, Unavailable
from infra.local.faults import Faults
from infra.local.faulty_table import FaultyTable

KEY = Key("A#smarter", "account")


def row(version=1):
    return {"pk": KEY.pk, "sk": KEY.sk, "doc": {}, "version": version}


@pytest.mark.parametrize("kind", ["error", "timeout", "throttle"])
def test_the_next_n_calls_fail_and_change_nothing(kind):
    faults, inner = Faults(), MemoryTable()
    table = FaultyTable(inner, faults)
    faults.order({"target": "dynamodb", "kind": kind, "count": 2})

    for _ in range(2):
        with pytest.raises(Unavailable):
            table.write(Put(row()))
    assert inner.get(KEY) is None

    table.write(Put(row()))
    assert table.get(KEY) == row()


def test_when_the_answer_is_lost_it_was_done():
    faults, inner = Faults(), MemoryTable()
    table = FaultyTable(inner, faults)
    faults.order({"target": "dynamodb", "kind": "answer_lost", "count": 1})

    with pytest.raises(Unavailable):
        table.transact([Put(row())])

    assert inner.get(KEY) == row()


def test_every_call_of_a_table_can_fail():
    faults = Faults()
    table = FaultyTable(MemoryTable(), faults)
    calls = [
        lambda: table.get(KEY),
        lambda: table.get_many([KEY]),
        lambda: table.query(KEY.pk),
        lambda: table.due("access_ends#0", "2027"),
        lambda: table.directory("accounts#0"),
        lambda: table.write(Put(row())),
        lambda: table.transact([Put(row())]),
    ]
    faults.order({"target": "dynamodb", "kind": "error", "count": len(calls)})

    for call in calls:
        with pytest.raises(Unavailable):
            call()
    for call in calls:
        call()


def test_a_fault_is_for_its_own_target_only():
    faults = Faults()
    faults.order({"target": "stripe", "kind": "error", "count": 1})

    assert faults.take("dynamodb") is None
    assert faults.take("stripe") == "error"
    assert faults.take("stripe") is None


def test_orders_queue_up_and_a_count_of_0_takes_them_back():
    faults = Faults()
    faults.order({"target": "mail", "kind": "error"})
    faults.order({"target": "mail", "kind": "timeout", "count": 2})
    assert faults.view()["mail"] == ["error", "timeout", "timeout"]

    faults.order({"target": "mail", "kind": "error", "count": 0})
    assert faults.view()["mail"] == []


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"target": "dynamodb"},
        {"target": "s3", "kind": "error"},
        {"target": "dynamodb", "kind": "fire"},
        {"target": "dynamodb", "kind": "error", "count": -1},
        {"target": "dynamodb", "kind": "error", "count": True},
        {"target": "dynamodb", "kind": "error", "count": "2"},
        {"target": "dynamodb", "kind": "error", "count": 10_001},
        {"target": ["dynamodb"], "kind": "error"},
    ],
)
def test_what_cannot_be_understood_is_refused_with_a_sentence(wanted):
    with pytest.raises(ValueError, match="must be"):
        Faults().order(wanted)
