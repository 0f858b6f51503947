"""What a condition on a row means, in every table alike."""

import pytest

from chalicelib.store.rows import MalformedError
from chalicelib.store.table import ALWAYS, Check, Delete, If, Key, Put, Refused, Table, Update
from tests.support.stores import row

KEY = Key("A#1", "step#release")
OTHER = Key("A#1", "wallet")


def holds(table: Table, condition: If) -> bool:
    try:
        table.transact([Check(KEY, condition), Put(row("A#1", "note"))])
    except Refused as refused:
        return refused.failed != (True, False)
    return True


def test_the_empty_condition_holds_for_a_row_and_for_none(table):
    assert holds(table, ALWAYS)
    assert holds(table, If())

    table.write(Put(row(*_parts(KEY))))

    assert holds(table, ALWAYS)
    assert holds(table, If())


def test_absent_holds_only_while_the_row_does_not_exist(table):
    assert holds(table, If(absent=True))

    table.write(Put(row(*_parts(KEY))))

    assert not holds(table, If(absent=True))


def test_present_holds_only_while_the_row_exists(table):
    assert not holds(table, If(present=True))

    table.write(Put(row(*_parts(KEY))))

    assert holds(table, If(present=True))


def test_equals_compares_text_and_numbers_exactly(table):
    table.write(Put(row(*_parts(KEY), state="done", version=7)))

    assert holds(table, If(equals={"state": "done", "version": 7}))
    assert not holds(table, If(equals={"state": "Done"}))
    assert not holds(table, If(equals={"version": 8}))
    assert not holds(table, If(equals={"state": "done", "version": 8}))


def test_a_missing_attribute_equals_nothing(table):
    assert not holds(table, If(equals={"version": 0}))

    table.write(Put(row(*_parts(KEY))))

    assert not holds(table, If(equals={"version": 0}))
    assert not holds(table, If(equals={"state": ""}))


def test_equals_none_means_that_the_attribute_must_be_missing(table):
    assert holds(table, If(equals={"claimed_until": None}))

    table.write(Put(row(*_parts(KEY))))
    assert holds(table, If(equals={"claimed_until": None}))
    assert not holds(table, If(present=True, equals={"state": "x", "claimed_until": None}))

    table.write(Put(row(*_parts(KEY), claimed_until="2026-01-01")))
    assert not holds(table, If(equals={"claimed_until": None}))


def test_before_holds_for_less_and_for_missing_but_not_for_equal(table):
    assert holds(table, If(before={"claimed_until": "2026-01-02"}))

    table.write(Put(row(*_parts(KEY), claimed_until="2026-01-01", version=9)))

    assert holds(table, If(before={"claimed_until": "2026-01-02"}))
    assert not holds(table, If(before={"claimed_until": "2026-01-01"}))
    assert not holds(table, If(before={"claimed_until": "2025-12-31"}))
    assert holds(table, If(before={"version": 10}))
    assert not holds(table, If(before={"version": 9}))
    assert holds(table, If(before={"attempts": -5}))


def test_numbers_are_compared_as_numbers_not_as_text(table):
    table.write(Put(row(*_parts(KEY), version=9)))

    assert holds(table, If(before={"version": 10}))
    assert not holds(table, If(before={"version": -10}))


def test_all_parts_of_a_condition_must_hold(table):
    table.write(Put(row(*_parts(KEY), state="open", version=3, claimed_until="2026-01-01")))
    everything: dict[str, str | int | None] = {"state": "open", "version": 3, "op": None}

    assert holds(table, If(present=True, equals=everything, before={"claimed_until": "2026-01-02"}))
    assert not holds(
        table, If(present=True, equals=everything, before={"claimed_until": "2026-01-01"})
    )
    assert not holds(table, If(absent=True, equals={"state": "open"}))


@pytest.mark.parametrize(
    "action",
    [
        Put(row("A#1", "step#release", state="new"), If(absent=True)),
        Update(KEY, {"state": "new"}, If(equals={"version": 2})),
        Delete(KEY, If(equals={"state": "gone"})),
    ],
    ids=["put", "update", "delete"],
)
def test_a_refused_write_says_so_and_changes_nothing(table, action):
    table.write(Put(row(*_parts(KEY), version=1, state="old")))

    with pytest.raises(Refused) as refused:
        table.write(action)

    assert refused.value.failed == (True,)
    assert table.get(KEY) == row(*_parts(KEY), version=1, state="old")


def test_a_condition_may_read_a_row_the_transaction_creates_only_if_it_was_there(table):
    with pytest.raises(Refused) as refused:
        table.transact([Put(row(*_parts(KEY))), Check(OTHER, If(present=True))])

    assert refused.value.failed == (False, True)
    assert table.get(KEY) is None


@pytest.mark.parametrize(
    "condition",
    [
        If(equals={"colour": "red"}),
        If(equals={"doc": "x"}),
        If(equals={"pk": "A#1"}),
        If(equals={"version": "7"}),
        If(equals={"state": 7}),
        If(equals={"version": True}),
        If(before={"version": 7.5}),  # type: ignore[dict-item]
        If(before={"state": None}),  # type: ignore[dict-item]
    ],
    ids=repr,
)
def test_a_condition_on_what_no_row_has_is_a_mistake_not_a_refusal(table, condition):
    with pytest.raises(MalformedError):
        table.write(Delete(KEY, condition))


def _parts(key: Key) -> tuple[str, str]:
    return key.pk, key.sk
