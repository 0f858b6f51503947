"""Put, Update and Delete: what a row is afterwards, in every table alike."""

from enum import StrEnum

import pytest

from chalicelib.store.rows import MalformedError
from chalicelib.store.table import ALWAYS, Check, Delete, If, Key, Put, Refused, Update
from tests.support.stores import row

KEY = Key("A#1", "account")


class State(StrEnum):
    OPEN = "open"


def test_a_row_comes_back_as_it_was_put(table):
    whole = row(
        "A#1",
        "account",
        doc={"name": "Zoë", "items": [1, {"b": None, "a": True}], "nothing": {}},
        state="open",
        op="op-1",
        claimed_until="2026-01-01T00:00:00Z",
        due_kind="release#0",
        due_at="2026-01-02T00:00:00Z",
        dir_kind="accounts#0",
        dir_key="zoe",
        version=3,
        attempts=0,
        expires_at=1_800_000_000,
    )

    table.write(Put(whole))

    assert table.get(KEY) == whole


def test_attributes_that_are_none_are_left_out(table):
    table.write(Put(row("A#1", "account", state=None, doc=None, version=None, op="x")))

    assert table.get(KEY) == row("A#1", "account", op="x")


def test_a_put_replaces_the_whole_row(table):
    table.write(Put(row("A#1", "account", state="old", version=1, doc={"a": 1})))

    table.write(Put(row("A#1", "account", op="new")))

    assert table.get(KEY) == row("A#1", "account", op="new")


def test_an_update_leaves_what_it_does_not_name_as_it_is(table):
    table.write(Put(row("A#1", "account", state="old", version=1, doc={"a": 1})))

    table.write(Update(KEY, {"version": 2, "op": "second"}))

    assert table.get(KEY) == row(
        "A#1", "account", state="old", version=2, op="second", doc={"a": 1}
    )


def test_an_update_removes_what_it_sets_to_none_even_if_it_was_not_there(table):
    table.write(Put(row("A#1", "account", state="old", version=1)))

    table.write(Update(KEY, {"state": None, "op": None}))

    assert table.get(KEY) == row("A#1", "account", version=1)


def test_an_update_may_set_the_document_as_a_whole_and_remove_it(table):
    table.write(Put(row("A#1", "account", version=1, doc={"a": 1, "b": 2})))

    table.write(Update(KEY, {"doc": {"c": 3}}))
    assert table.get(KEY) == row("A#1", "account", version=1, doc={"c": 3})

    table.write(Update(KEY, {"doc": None}))
    assert table.get(KEY) == row("A#1", "account", version=1)


def test_an_update_creates_the_row_when_it_is_not_there(table):
    table.write(Update(KEY, {"version": 1}))

    assert table.get(KEY) == row("A#1", "account", version=1)


def test_an_update_that_only_removes_creates_the_bare_row(table):
    table.write(Update(KEY, {"state": None}))

    assert table.get(KEY) == row("A#1", "account")


def test_an_update_creates_nothing_when_its_condition_forbids_it(table):
    with pytest.raises(Refused):
        table.write(Update(KEY, {"version": 1}, If(present=True)))

    assert table.get(KEY) is None


def test_a_deleted_row_is_gone_and_deleting_it_again_is_no_error(table):
    table.write(Put(row("A#1", "account")))

    table.write(Delete(KEY))
    table.write(Delete(KEY))

    assert table.get(KEY) is None
    assert table.query("A#1").rows == []


def test_a_row_the_caller_keeps_changing_is_stored_as_it_was_when_put(table):
    mine = row("A#1", "account", doc={"list": [1]}, version=1)
    table.write(Put(mine))

    mine["doc"]["list"].append(2)
    mine["version"] = 9

    assert table.get(KEY) == row("A#1", "account", doc={"list": [1]}, version=1)


def test_changing_a_row_one_was_given_changes_nothing_in_the_table(table):
    table.write(Put(row("A#1", "account", doc={"list": [1]}, version=1)))
    kept = row("A#1", "account", doc={"list": [1]}, version=1)

    for given in (
        table.get(KEY),
        table.get_many([KEY])[KEY],
        table.query("A#1").rows[0],
    ):
        given["doc"]["list"].append(2)
        given["version"] = 9

        assert table.get(KEY) == kept


def test_a_document_holds_any_text_and_large_whole_numbers(table):
    doc = {
        "largest": 2**63,
        "smallest": -(2**63),
        "emoji": "🪪 ключ \u0000 \u2028",
        "ключ": ['"', "\\", "\n"],
        "": "an empty key",
    }

    table.write(Put(row("A#1", "account", doc=doc, version=2**63)))

    assert table.get(KEY) == row("A#1", "account", doc=doc, version=2**63)
    assert type(table.get(KEY)["version"]) is int


def test_a_tuple_comes_back_as_a_list_and_an_enum_as_its_text(table):
    table.write(Put(row("A#1", "account", state=State.OPEN, doc={"t": (1, 2), "s": State.OPEN})))

    got = table.get(KEY)

    assert got == row("A#1", "account", state="open", doc={"t": [1, 2], "s": "open"})
    assert type(got["state"]) is str
    assert table.query("A#1").rows == [got]


@pytest.mark.parametrize(
    "doc",
    [
        {"amount": 1.0},
        {"deep": [{"amount": [0.1]}]},
        {"not": float("nan")},
        {1: "a key that is no text"},
        {"set": {1}},
        {"bytes": b"x"},
        {"half a character": "\ud800"},
        {"\ud800": "half a character"},
        ["no object"],
        "no object",
    ],
    ids=repr,
)
def test_what_would_come_back_as_something_else_is_refused(table, doc):
    with pytest.raises(MalformedError):
        table.write(Put(row("A#1", "account", doc=doc)))
    with pytest.raises(MalformedError):
        table.write(Update(KEY, {"doc": doc}))

    assert table.get(KEY) is None


@pytest.mark.parametrize(
    "attributes",
    [
        {"colour": "red"},
        {"state": 1},
        {"state": "\ud800"},
        {"version": "1"},
        {"version": 1.0},
        {"version": True},
        {"version": 10**38},
        {"due_kind": ""},
        {"due_at": ""},
        {"dir_kind": ""},
        {"dir_key": ""},
        {"due_at": "x" * 1025},
        {"dir_kind": "x" * 2049},
    ],
    ids=lambda attributes: repr(attributes)[:30],
)
def test_an_attribute_of_the_wrong_name_type_or_size_is_a_mistake(table, attributes):
    with pytest.raises(MalformedError):
        table.write(Put(row("A#1", "account", **attributes)))
    with pytest.raises(MalformedError):
        table.write(Update(KEY, attributes))
    with pytest.raises(MalformedError):
        table.transact([Update(KEY, attributes)])

    assert table.get(KEY) is None


@pytest.mark.parametrize(
    "key",
    [Key("", "b"), Key("a", ""), Key("a" * 2049, "b"), Key("a", "ü" * 513), Key("\ud800", "b")],
    ids=lambda key: f"{key.pk[:3]!a}-{key.sk[:3]!a}",
)
def test_a_key_with_an_empty_or_oversized_part_is_a_mistake(table, key):
    for ask in (
        lambda: table.get(key),
        lambda: table.get_many([key]),
        lambda: table.write(Put(row(key.pk, key.sk))),
        lambda: table.write(Update(key, {"version": 1})),
        lambda: table.write(Delete(key)),
        lambda: table.transact([Check(key, ALWAYS)]),
    ):
        with pytest.raises(MalformedError):
            ask()


def test_the_longest_keys_fit(table):
    longest = Key("ü" * 1024, "ü" * 512)

    table.write(Put(row(longest.pk, longest.sk, version=1)))

    assert table.get(longest) == row(longest.pk, longest.sk, version=1)


def test_a_row_without_its_key_is_a_mistake(table):
    for incomplete in ({"pk": "A#1"}, {"sk": "account"}, {"pk": None, "sk": "account"}):
        with pytest.raises(MalformedError):
            table.write(Put(incomplete))


def test_an_update_changes_something_and_never_the_key(table):
    for changes in ({}, {"pk": "A#2"}, {"sk": None}, {"colour": None}):
        with pytest.raises(MalformedError):
            table.write(Update(KEY, changes))


def test_a_check_alone_is_a_mistake_because_it_writes_nothing(table):
    with pytest.raises(MalformedError):
        table.write(Check(KEY, ALWAYS))


def test_a_number_of_38_digits_is_kept_to_the_last_one(table):
    table.write(Put(row("A#1", "account", version=10**38 - 1, attempts=-(10**38) + 1)))

    assert table.get(KEY) == row("A#1", "account", version=10**38 - 1, attempts=-(10**38) + 1)
