"""The notebook: notes in the order they were made, found again by the next process, and nobody's to change in passing."""

from pathlib import Path

import pytest

from infra.local.notebook import Notebook


@pytest.fixture(params=["in a file", "in memory"])
def notebook(request, tmp_path):
    path = tmp_path / "n.sqlite" if request.param == "in a file" else Path(":memory:")
    notebook = Notebook(path)
    yield notebook
    notebook.close()


def test_a_note_keeps_its_place_when_it_is_changed(notebook):
    notebook.put("b", "first", 1)
    notebook.put("b", "second", 2)
    notebook.put("other", "first", "of another book")
    notebook.put("b", "first", 3)

    assert notebook.read("b") == [("first", 3), ("second", 2)]
    assert notebook.get("other", "first") == "of another book"


def test_what_was_never_written_is_none_and_its_book_is_empty(notebook):
    assert notebook.get("b", "first") is None
    assert notebook.read("b") == []


def test_what_is_added_twice_stays_as_it_was_first(notebook):
    assert notebook.add("b", "first", 1)
    assert not notebook.add("b", "first", 2)
    assert notebook.add("other", "first", 2)

    assert notebook.get("b", "first") == 1


def test_whoever_changes_what_they_wrote_or_were_given_changes_no_note(notebook):
    written = {"calls": []}
    notebook.put("b", "first", written)
    written["calls"].append("later")
    notebook.get("b", "first")["calls"].append("later")
    notebook.read("b")[0][1]["calls"].append("later")

    assert notebook.get("b", "first") == {"calls": []}


def test_the_next_process_finds_every_note_in_its_place(tmp_path):
    first = Notebook(tmp_path / "n.sqlite")
    first.put("b", "one", {"é": None})
    first.add("b", "two", 2)
    first.put("b", "one", "changed")
    # As a kill leaves it: nobody closes it.

    second = Notebook(tmp_path / "n.sqlite")

    assert second.read("b") == [("one", "changed"), ("two", 2)]
    assert not second.add("b", "two", 3)
    second.close()
    first.close()


def test_what_the_file_would_not_take_is_no_note(tmp_path):
    notebook = Notebook(tmp_path / "n.sqlite")
    notebook.put("b", "one", 1)
    notebook.close()

    with pytest.raises(Exception, match="closed"):
        notebook.put("b", "one", 2)
    with pytest.raises(Exception, match="closed"):
        notebook.add("b", "two", 2)

    assert notebook.read("b") == [("one", 1)]
