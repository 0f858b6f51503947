"""Everything the history can say is in the table of events, with a schema that is committed and true."""

import ast
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chalicelib.domain import news, steps
from chalicelib.domain.news import CATALOGUE, KEPT_TO_OURSELVES, HistoryEntry, Uncatalogued, schema
from infra.docs.__main__ import DOCS, PARTS, main
from infra.docs.events import files
from tests.support.smarter_contact import ACME, PURGE, leaving

ROOT = Path(__file__).resolve().parents[2]
AT = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PAST = {"paid", "withdrawn", "kept", "won", "lost", "due", "off", "incomplete", "overdue"}
NAME = re.compile(r"[a-z_]+\.[a-z_]+")


def said_in_code() -> set[str]:
    """Every text in the rules that has the shape of what the history says."""
    found: set[str] = set()
    for path in [*(ROOT / "chalicelib/domain").glob("*.py"), ROOT / "chalicelib/store/accounts.py"]:
        if path.name not in ("news.py", "notices.py"):
            found |= set(names(ast.parse(path.read_text())))
    return found


def names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and NAME.fullmatch(str(node.value)):
            yield str(node.value)


def test_whatever_the_history_can_say_is_published_or_kept_to_ourselves():
    """A new fact without a line in the table would be set aside instead of published."""
    known = set(CATALOGUE) | KEPT_TO_OURSELVES

    missing = said_in_code() - known - {"customer.subscription"}

    assert not missing, f"say in domain/news.py what these mean to others: {sorted(missing)}"


def test_every_step_that_is_marked_as_done_is_in_the_table():
    marked = set(steps.KINDS) - steps.SELF_COMPLETING

    assert {f"step.{kind}" for kind in marked} <= set(CATALOGUE) | KEPT_TO_OURSELVES


def test_nothing_is_both_published_and_kept():
    assert not set(CATALOGUE) & KEPT_TO_OURSELVES


def test_types_are_dotted_in_the_past_tense_and_each_is_one_thing():
    types = [one.type for one in CATALOGUE.values()]

    assert len(set(types)) == len(types)
    assert all(NAME.fullmatch(type) for type in types)
    for type in types:
        assert type.rpartition("_")[2].rpartition(".")[2] in PAST or type.endswith("ed"), type


def test_only_listed_fields_leave():
    data = {"number": "+14155550100", "comment": "canary", "what": "number.added"}
    entry = HistoryEntry(id="1", what="number.added", by="x", at=AT, version=1, data=data)

    (event,) = news.events("acme", entry)

    assert event.data == {"number": "+14155550100"}


def test_after_a_purge_only_that_it_happened_is_told():
    entry = HistoryEntry(id="1", what="number.added", by="x", at=AT, version=1)

    (event,) = news.events("acme", entry)

    assert event.data == {}


def test_intents_are_not_published():
    entry = HistoryEntry(id="1", what="data.purge_begun", by="x", at=AT, version=1)

    assert news.events("acme", entry) == ()


def test_what_nobody_knows_is_refused():
    entry = HistoryEntry(id="1", what="weather.changed", by="x", at=AT, version=1)

    with pytest.raises(Uncatalogued):
        news.events("acme", entry)


# -- the committed files


def test_the_committed_schemas_are_current():
    """`python -m infra.docs events` renews them."""
    committed = {
        path.name: path.read_text("utf-8") for path in (DOCS / "reference/events").iterdir()
    }

    assert committed == files()


def test_the_command_names_what_it_can_make(capsys):
    assert main(["weather"]) == 2
    assert "events" in capsys.readouterr().out
    assert list(PARTS) == ["reference/events"]


def fits(value, shape) -> bool:
    """The part of JSON Schema that these files use."""
    if "const" in shape:
        return value == shape["const"]
    kind = shape["type"]
    if kind == "object":
        return (
            isinstance(value, dict)
            and set(shape.get("required", ())) <= set(value)
            and all(fits(value[n], s) for n, s in shape["properties"].items() if n in value)
        )
    if kind == "array":
        return isinstance(value, list) and all(fits(one, shape["items"]) for one in value)
    if kind == "boolean":
        return isinstance(value, bool)
    if kind == "integer":
        return type(value) is int and value >= shape.get("minimum", value)
    if shape.get("format") == "date-time":
        return bool(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", value))
    return isinstance(value, str)


def test_a_whole_life_s_events_fit_their_schemas():
    life, subscription = leaving()
    life.schedule(ACME, ("m1", "sms", life.now + timedelta(days=90), 126))
    life.resume(ACME, subscription)
    life.cancel(ACME, subscription)
    life.move(PURGE)

    by_type = {one.type: schema(one) for one in CATALOGUE.values()}
    heard = life.events()
    assert len({event["type"] for event in heard}) > 12
    for event in heard:
        shape = by_type[event["type"]]
        assert fits(event, shape), json.dumps(event)
        assert set(event["data"]) <= set(shape["properties"]["data"]["properties"])
