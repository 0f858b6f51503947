"""The two indexes: what is due, and what an operator looks for, in every table alike."""

import pytest

from chalicelib.store.rows import MalformedError
from chalicelib.store.table import Delete, Due, Key, Put, Update
from tests.support.stores import hooked, only_dynamo_tables_but, row

KIND = "release_numbers#0"


def step(account: str, due_at: str, kind: str = KIND, **attributes):
    return row(f"A#{account}", "step#release", due_kind=kind, due_at=due_at, **attributes)


def due(table, until, kind=KIND, **named):
    """Every entry as (pk, due_at), page by page to the end."""
    found, after = [], None
    while True:
        page = table.due(kind, until, after=after, **named)
        found += [(one.key.pk, one.due_at) for one in page.due]
        after = page.after
        if after is None:
            return found


def directory(table, prefix="", kind="accounts#0", **named):
    found, after = [], None
    while True:
        page = table.directory(kind, prefix, after=after, **named)
        found += [(one.key.pk, one.due_at) for one in page.due]
        after = page.after
        if after is None:
            return found


def test_what_is_due_is_listed_earliest_first(table):
    table.write(Put(step("b", "2026-01-03")))
    table.write(Put(step("a", "2026-01-02")))
    table.write(Put(step("c", "2026-01-01")))

    assert due(table, "2026-02-01") == [
        ("A#c", "2026-01-01"),
        ("A#a", "2026-01-02"),
        ("A#b", "2026-01-03"),
    ]


def test_an_entry_names_the_row_and_its_time_and_nothing_else(table):
    table.write(Put(step("a", "2026-01-02", doc={"private": "note"}, version=3)))

    page = table.due(KIND, "2026-01-02")

    assert list(page.due) == [Due(Key("A#a", "step#release"), "2026-01-02")]


def test_a_step_is_due_at_its_very_instant_and_not_a_second_before(table):
    table.write(Put(step("a", "2026-01-02T00:00:00Z")))

    assert due(table, "2026-01-01T23:59:59Z") == []
    assert due(table, "2026-01-02T00:00:00Z") == [("A#a", "2026-01-02T00:00:00Z")]


def test_each_kind_and_shard_is_listed_by_itself(table):
    table.write(Put(step("a", "2026-01-01", kind="release_numbers#0")))
    table.write(Put(step("b", "2026-01-01", kind="release_numbers#1")))
    table.write(Put(step("c", "2026-01-01", kind="release_numbers#00")))

    assert due(table, "2026-02-01", kind="release_numbers#0") == [("A#a", "2026-01-01")]
    assert due(table, "2026-02-01", kind="release_numbers#1") == [("A#b", "2026-01-01")]
    assert due(table, "2026-02-01", kind="release_numbers") == []


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 100])
def test_pages_of_any_size_list_every_due_step_once_also_at_one_instant(table, limit):
    table.write(Put(step("0", "2026-01-01")))
    for number in range(1, 4):
        table.write(Put(step(str(number), "2026-01-02")))
    table.write(Put(step("4", "2026-01-03")))
    table.write(Put(step("5", "2026-01-04")))

    got = due(table, "2026-01-03", limit=limit)

    assert sorted(got) == [
        ("A#0", "2026-01-01"),
        ("A#1", "2026-01-02"),
        ("A#2", "2026-01-02"),
        ("A#3", "2026-01-02"),
        ("A#4", "2026-01-03"),
    ]
    assert [at for _, at in got] == sorted(at for _, at in got)


def test_a_page_goes_on_where_it_ended_although_its_steps_are_done_meanwhile(table):
    for number in range(4):
        table.write(Put(step(str(number), f"2026-01-0{number + 1}")))
    page = table.due(KIND, "2026-02-01", limit=2)

    for one in page.due:
        table.write(Update(one.key, {"due_kind": None, "due_at": None}))
    rest = table.due(KIND, "2026-02-01", after=page.after)

    assert [one.key.pk for one in rest.due] == ["A#2", "A#3"]


@pytest.mark.parametrize("removed", [("due_kind", "due_at"), ("due_kind",), ("due_at",)], ids=str)
def test_a_step_called_off_leaves_the_index_and_stays_in_the_table(table, removed):
    table.write(Put(step("a", "2026-01-01", state="pending")))

    table.write(
        Update(Key("A#a", "step#release"), {"state": "off", **{name: None for name in removed}})
    )

    assert due(table, "2026-02-01") == []
    assert table.get(Key("A#a", "step#release"))["state"] == "off"


def test_a_step_that_moves_is_listed_at_its_new_time_only(table):
    table.write(Put(step("a", "2026-01-01")))

    table.transact([Update(Key("A#a", "step#release"), {"due_at": "2026-03-01"})])

    assert due(table, "2026-02-01") == []
    assert due(table, "2026-03-01") == [("A#a", "2026-03-01")]


def test_a_step_that_changes_its_kind_is_listed_under_the_new_one_only(table):
    table.write(Put(step("a", "2026-01-01")))

    table.write(Put(step("a", "2026-01-01", kind="purge#0")))

    assert due(table, "2026-02-01") == []
    assert due(table, "2026-02-01", kind="purge#0") == [("A#a", "2026-01-01")]


def test_a_deleted_row_leaves_both_indexes(table):
    table.write(Put(step("a", "2026-01-01", dir_kind="accounts#0", dir_key="ann")))

    table.write(Delete(Key("A#a", "step#release")))

    assert due(table, "2026-02-01") == []
    assert directory(table) == []


def test_an_update_may_put_a_row_into_an_index(table):
    table.write(Update(Key("A#a", "step#release"), {"due_kind": KIND, "due_at": "2026-01-01"}))

    assert due(table, "2026-02-01") == [("A#a", "2026-01-01")]


def test_the_directory_lists_by_its_key_and_by_prefix(table):
    for number, name in enumerate(["bob", "ann", "anna", "an", "Ann", "änn", "ann#1"]):
        table.write(Put(row(f"A#{number}", "account", dir_kind="accounts#0", dir_key=name)))
    table.write(Put(row("A#9", "account", dir_kind="accounts#1", dir_key="ann")))

    everybody = [name for _, name in directory(table)]
    assert everybody == ["Ann", "an", "ann", "ann#1", "anna", "bob", "änn"]
    assert [name for _, name in directory(table, "ann")] == ["ann", "ann#1", "anna"]
    assert [name for _, name in directory(table, "ann", limit=1)] == ["ann", "ann#1", "anna"]
    assert [name for _, name in directory(table, "ä")] == ["änn"]
    assert directory(table, "zoe") == []


def test_two_accounts_of_one_name_are_both_in_the_directory(table):
    for number in range(3):
        table.write(Put(row(f"A#{number}", "account", dir_kind="accounts#0", dir_key="ann")))

    assert sorted(directory(table, "ann", limit=1)) == [
        ("A#0", "ann"),
        ("A#1", "ann"),
        ("A#2", "ann"),
    ]


def test_a_page_of_an_index_refuses_a_place_that_is_not_its_own(table):
    for after in ("nonsense", "{}", "[]", '["a"]', "7"):
        with pytest.raises(MalformedError):
            table.due(KIND, "2026-02-01", after=after)


def test_an_index_is_asked_with_a_kind_a_time_and_a_size(table):
    for ask in (
        lambda: table.due("", "2026-01-01"),
        lambda: table.due(KIND, ""),
        lambda: table.due(KIND, "2026-01-01", limit=0),
        lambda: table.directory(""),
        lambda: table.directory("accounts#0", limit=0),
    ):
        with pytest.raises(MalformedError):
            ask()


@only_dynamo_tables_but()
def test_both_indexes_hold_keys_only(table):
    described = table.client.describe_table(TableName=table.name)["Table"]

    projections = {
        index["IndexName"]: index["Projection"]["ProjectionType"]
        for index in described["GlobalSecondaryIndexes"]
    }

    assert projections == {"due": "KEYS_ONLY", "directory": "KEYS_ONLY"}


@only_dynamo_tables_but()
def test_an_index_is_read_without_any_filter(table):
    """A filter on what a KEYS_ONLY index does not hold finds nothing, and only in production."""
    table.write(Put(step("a", "2026-01-01")))
    asked = []

    with hooked(table, "before-call.dynamodb.Query", lambda params, **_: asked.append(params)):
        table.due(KIND, "2026-02-01")
        table.directory("accounts#0", "a")

    assert len(asked) == 2
    assert all(b"FilterExpression" not in params["body"] for params in asked)
