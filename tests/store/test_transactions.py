"""A transaction: all or nothing, who failed, and how much it may hold, in every table alike."""

import pytest

from chalicelib.store.rows import MalformedError
from chalicelib.store.table import (
    ALWAYS,
    MAX_ACTIONS,
    Check,
    Delete,
    If,
    Key,
    Put,
    Refused,
    TooLarge,
    Update,
)
from tests.support.stores import every_table_but, row


def keys(table, pk="A#1"):
    return [found["sk"] for found in table.query(pk, limit=200).rows]


def test_all_actions_of_a_transaction_take_place(table):
    table.write(Put(row("A#1", "gone")))
    table.write(Put(row("A#1", "changed", version=1)))

    table.transact(
        [
            Put(row("A#1", "new", version=1), If(absent=True)),
            Update(Key("A#1", "changed"), {"version": 2}, If(equals={"version": 1})),
            Delete(Key("A#1", "gone"), If(present=True)),
            Check(Key("A#2", "nobody"), If(absent=True)),
        ]
    )

    assert table.query("A#1").rows == [
        row("A#1", "changed", version=2),
        row("A#1", "new", version=1),
    ]


def test_nothing_takes_place_when_one_condition_fails(table):
    table.write(Put(row("A#1", "kept", version=1)))

    with pytest.raises(Refused):
        table.transact(
            [
                Put(row("A#1", "new")),
                Update(Key("A#1", "created"), {"version": 1}),
                Delete(Key("A#1", "kept")),
                Check(Key("A#1", "missing"), If(present=True)),
            ]
        )

    assert table.query("A#1").rows == [row("A#1", "kept", version=1)]


@pytest.mark.parametrize("failing", [(0,), (1,), (2,), (3,), (4,), (0, 3), (1, 2, 4), range(5)])
def test_failures_are_told_in_the_order_given_whatever_order_is_sent(table, failing):
    """PynamoDB sends checks first, then deletes, puts and updates."""
    wrong, right = If(equals={"version": 5}), If(equals={"version": None})
    conditions = [wrong if place in failing else right for place in range(5)]
    actions = [
        Update(Key("A#1", "u"), {"state": "x"}, conditions[0]),
        Put(row("A#1", "p"), conditions[1]),
        Check(Key("A#1", "c"), conditions[2]),
        Delete(Key("A#1", "d"), conditions[3]),
        Put(row("A#1", "q"), conditions[4]),
    ]

    with pytest.raises(Refused) as refused:
        table.transact(actions)

    assert refused.value.failed == tuple(place in failing for place in range(5))
    assert keys(table) == []


def test_a_transaction_reaches_across_partitions(table):
    table.transact([Put(row("A#1", "a")), Put(row("C#cus_1", "customer")), Put(row("N#1", "n"))])

    assert keys(table, "A#1") == ["a"]
    assert keys(table, "C#cus_1") == ["customer"]
    assert keys(table, "N#1") == ["n"]


def test_a_single_action_may_be_a_transaction(table):
    table.transact([Put(row("A#1", "a", version=1), If(absent=True))])

    with pytest.raises(Refused) as refused:
        table.transact([Put(row("A#1", "a", version=2), If(absent=True))])

    assert refused.value.failed == (True,)
    assert table.get(Key("A#1", "a")) == row("A#1", "a", version=1)


def test_a_hundred_actions_fit_and_one_more_does_not(table):
    hundred = [Put(row("A#1", f"message#{number:03}")) for number in range(MAX_ACTIONS)]
    one_more = [*hundred, Check(Key("A#1", "account"), ALWAYS)]

    with pytest.raises(TooLarge):
        table.transact(one_more)
    assert keys(table) == []

    table.transact(hundred)
    assert len(keys(table)) == 100


def test_failures_are_told_in_order_in_the_largest_transaction_too(table):
    actions = [
        Put(row("A#1", f"m#{n:03}"), If(present=n % 7 == 0))
        if n % 2
        else Update(Key("A#1", f"m#{n:03}"), {"version": 1}, If(present=n % 7 == 0))
        for n in range(MAX_ACTIONS)
    ]

    with pytest.raises(Refused) as refused:
        table.transact(actions)

    assert refused.value.failed == tuple(n % 7 == 0 for n in range(MAX_ACTIONS))


@pytest.mark.parametrize(
    "second",
    [
        Put(row("A#1", "a", version=2)),
        Update(Key("A#1", "a"), {"version": 2}),
        Delete(Key("A#1", "a")),
        Check(Key("A#1", "a"), If(absent=True)),
    ],
    ids=["put", "update", "delete", "check"],
)
def test_a_row_named_twice_is_a_mistake(table, second):
    with pytest.raises(MalformedError):
        table.transact([Put(row("A#1", "a", version=1)), second])

    assert keys(table) == []


def test_a_transaction_of_nothing_is_a_mistake(table):
    with pytest.raises(MalformedError):
        table.transact([])


def test_one_malformed_action_stops_the_whole_transaction(table):
    with pytest.raises(MalformedError):
        table.transact([Put(row("A#1", "good")), Put(row("A#1", "bad", doc={"x": 0.5}))])

    assert keys(table) == []


def filled(sk: str, size: int, **attributes):
    """A row of exactly this many bytes, as DynamoDB counts them."""
    around = len("pkA#1sk") + len(sk) + len("doc") + len('{"x":""}')
    around += sum(len(name) + len(value) for name, value in attributes.items())
    return row("A#1", sk, doc={"x": "x" * (size - around)}, **attributes)


@every_table_but(
    moto="moto 5.2 turns away rows above 405,000 bytes; that 409,600 fit is shown on ministack"
)
def test_a_row_of_exactly_400_kb_fits(table):
    table.write(Put(filled("a", 400 * 1024)))
    table.transact([Put(filled("b", 400 * 1024)), Put(row("A#1", "c"))])

    assert keys(table) == ["a", "b", "c"]


def test_a_row_one_byte_above_400_kb_does_not_fit(table):
    with pytest.raises(TooLarge):
        table.write(Put(filled("a", 400 * 1024 + 1)))
    with pytest.raises(TooLarge):
        table.transact([Put(filled("a", 400 * 1024 + 1)), Put(row("A#1", "b"))])

    assert keys(table) == []


def test_a_row_is_measured_in_bytes_not_in_characters(table):
    with pytest.raises(TooLarge):
        table.write(Put(row("A#1", "a", doc={"x": "ü" * 205_000})))


def test_an_update_may_not_grow_a_row_beyond_400_kb(table):
    table.write(Put(filled("a", 390 * 1024)))
    too_much = {"state": "x" * 10 * 1024}

    with pytest.raises(TooLarge):
        table.write(Update(Key("A#1", "a"), too_much))
    with pytest.raises(TooLarge):
        table.transact([Update(Key("A#1", "a"), too_much), Put(row("A#1", "b"))])

    assert "state" not in table.get(Key("A#1", "a"))
    assert keys(table) == ["a"]


def test_a_transaction_holds_four_megabytes_at_most(table):
    large = 380 * 1024
    fits = [Put(filled(f"m#{number:02}", large)) for number in range(10)]

    with pytest.raises(TooLarge):
        table.transact([*fits, Put(filled("m#10", large))])
    assert table.query("A#1", limit=1).rows == []

    table.transact(fits)
    assert table.get(Key("A#1", "m#09")) is not None


def test_a_transaction_that_is_told_twice_says_so_by_its_own_condition(table):
    """A redelivered event: the history entry's key is the de-duplication."""
    actions = [
        Update(Key("A#1", "account"), {"version": 1}, If(equals={"version": None})),
        Put(row("A#1", "history#evt_1"), If(absent=True)),
    ]
    table.transact(actions)

    with pytest.raises(Refused) as refused:
        table.transact(actions)

    assert refused.value.failed == (True, True)
    assert table.get(Key("A#1", "account")) == row("A#1", "account", version=1)
