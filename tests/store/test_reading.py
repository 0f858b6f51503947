"""get_many and query: which rows, in which order, and how to go on, in every table alike."""

import pytest

from chalicelib.store.rows import MalformedError
from chalicelib.store.table import Delete, Key, Put
from tests.support.stores import row


def fill(table, pk, sks):
    for sk in sks:
        table.write(Put(row(pk, sk)))


def listed(table, pk, prefix="", **named):
    """Every sk, page by page to the end."""
    sks, after = [], None
    while True:
        page = table.query(pk, prefix, after=after, **named)
        assert len(page.rows) <= named.get("limit", 100)
        sks += [found["sk"] for found in page.rows]
        after = page.after
        if after is None:
            return sks


def test_a_row_that_is_not_there_is_none(table):
    assert table.get(Key("A#1", "account")) is None


def test_a_row_is_found_by_both_parts_of_its_key_only(table):
    table.write(Put(row("A#1", "account")))

    assert table.get(Key("A#1", "account")) is not None
    assert table.get(Key("A#1", "accounts")) is None
    assert table.get(Key("A#2", "account")) is None
    assert table.get(Key("account", "A#1")) is None


def test_what_was_written_is_read_at_once(table):
    for version in range(20):
        table.write(Put(row("A#1", "account", version=version)))

        assert table.get(Key("A#1", "account"))["version"] == version
        assert table.query("A#1").rows[0]["version"] == version
        assert table.get_many([Key("A#1", "account")])[Key("A#1", "account")]["version"] == version


def test_any_number_of_keys_is_got_at_once_without_the_missing_ones(table):
    there = [Key(f"A#{number % 7}", f"message#{number:03}") for number in range(250)]
    missing = [Key("A#0", f"nobody#{number}") for number in range(30)]
    for start in range(0, 250, 50):
        table.transact([Put(row(key.pk, key.sk, version=1)) for key in there[start : start + 50]])

    found = table.get_many([*missing, *there])

    assert found == {key: row(key.pk, key.sk, version=1) for key in there}


def test_a_key_asked_for_twice_is_found_once(table):
    fill(table, "A#1", ["a"])

    assert list(table.get_many([Key("A#1", "a")] * 120)) == [Key("A#1", "a")]


def test_asking_for_no_keys_finds_no_rows(table):
    assert table.get_many([]) == {}


def test_a_partition_is_listed_in_the_order_of_its_sort_keys(table):
    fill(table, "A#1", ["b", "a", "C", "10", "9", "é", "z", "ключ", "🪪", "a#", "a b"])
    fill(table, "A#2", ["elsewhere"])

    expected = ["10", "9", "C", "a", "a b", "a#", "b", "z", "é", "ключ", "🪪"]

    assert listed(table, "A#1") == expected
    assert listed(table, "A#1", newest_first=True) == expected[::-1]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6, 7, 100])
@pytest.mark.parametrize("newest_first", [False, True], ids=["oldest-first", "newest-first"])
def test_pages_of_any_size_list_every_row_once_and_in_order(table, limit, newest_first):
    sks = [f"history#{number}" for number in range(6)]
    fill(table, "A#1", ["account", *sks, "wallet"])

    got = listed(table, "A#1", "history#", limit=limit, newest_first=newest_first)

    assert got == (sks[::-1] if newest_first else sks)


def test_a_page_goes_on_after_its_last_row_even_when_that_row_is_gone(table):
    fill(table, "A#1", ["a", "b", "c", "d"])
    page = table.query("A#1", limit=2)

    table.write(Delete(Key("A#1", "b")))
    table.write(Put(row("A#1", "bb")))

    rest = table.query("A#1", after=page.after)
    assert [found["sk"] for found in rest.rows] == ["bb", "c", "d"]


def test_an_empty_partition_is_an_empty_page_with_nothing_left(table):
    page = table.query("A#nobody", "history#")

    assert list(page.rows) == []
    assert page.after is None


def test_a_prefix_ends_where_it_says(table):
    fill(
        table,
        "A#1",
        ["step", 'step"', "step#", "step#a", "step#z", "step#\U0010ffff", "step$", "stepa", "ster"],
    )

    assert listed(table, "A#1", "step#") == ["step#", "step#a", "step#z", "step#\U0010ffff"]
    assert listed(table, "A#1", "step$") == ["step$"]
    assert listed(table, "A#1", "step#\U0010ffff") == ["step#\U0010ffff"]
    assert listed(table, "A#1", "nothing#") == []


@pytest.mark.parametrize("prefix", ["é", "ключ#", "🪪", "a#b#", "%", "_", "\\"])
def test_a_prefix_of_any_characters_matches_itself_literally(table, prefix):
    fill(table, "A#1", ["0", prefix, prefix + "x", prefix + "\U0010ffff", "aab", "\U0010ffff"])

    assert listed(table, "A#1", prefix, limit=2) == [prefix, prefix + "x", prefix + "\U0010ffff"]
    assert listed(table, "A#1", prefix, limit=2, newest_first=True) == [
        prefix + "\U0010ffff",
        prefix + "x",
        prefix,
    ]


def test_a_hash_in_an_id_reaches_no_other_partition(table):
    fill(table, "A#1", ["account"])
    fill(table, "A#1#step", ["secret"])
    fill(table, "A#1#", ["secret"])
    fill(table, "A#", ["1#account"])

    assert listed(table, "A#1") == ["account"]
    assert listed(table, "A#1", "step") == []
    assert table.get(Key("A#", "1")) is None


def test_a_page_holds_at_least_one_row_and_a_partition_has_a_name(table):
    for ask in (
        lambda: table.query("A#1", limit=0),
        lambda: table.query("A#1", limit=-1),
        lambda: table.query(""),
    ):
        with pytest.raises(MalformedError):
            ask()


def test_a_large_partition_comes_in_several_pages_although_the_limit_is_larger(table):
    text = "x" * 100_000
    for number in range(25):
        table.write(Put(row("A#1", f"m#{number:02}", doc={"text": text})))

    assert listed(table, "A#1", "m#", limit=1000) == [f"m#{number:02}" for number in range(25)]
    assert len(table.get_many([Key("A#1", f"m#{number:02}") for number in range(25)])) == 25
