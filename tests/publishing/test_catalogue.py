"""Everything the history can say is in the table of events, with a schema that is committed and true."""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from chalicelib.domain import news, steps
from chalicelib.domain.cloud_events import cloud_event
from chalicelib.domain.news import CATALOGUE, KEPT_TO_OURSELVES, HistoryEntry, Uncatalogued
from infra.docs.__main__ import DOCS, PARTS, main
from infra.docs.events import files
from tests.support.event_schemas import misfits
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


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"data": {"number": 7}}, "$.data.number"),
        ({"data": {"comment": "canary"}}, "data.comment is not listed"),
        ({"type": "weather.changed"}, "not documented"),
        ({"time": "2026-03-01 12:00"}, "$.time"),
        ({"sequence": "7"}, "$.sequence"),
        ({"dataschema": "urn:lapse:event-data:number.kept:1"}, "$.dataschema"),
        ({"canary": True}, "canary is not listed"),
    ],
)
def test_an_event_that_is_not_as_documented_is_noticed_in_every_test(changed, says):
    entry = HistoryEntry(
        id="1", what="number.added", by="x", at=AT, version=1, data={"number": "+14155550100"}
    )
    right = cloud_event(news.events("acme", entry)[0])

    assert misfits(right) == []
    assert says in "".join(misfits(right | changed))


@pytest.mark.parametrize("left_out", ["id", "subject", "data", "account_id", "specversion"])
def test_nothing_of_the_envelope_may_be_left_out(left_out):
    entry = HistoryEntry(id="1", what="seat.assigned", by="x", at=AT, version=1)
    right = cloud_event(news.events("acme", entry)[0])

    assert misfits({name: right[name] for name in right if name != left_out})


def test_a_whole_life_s_events_are_documented_and_in_order():
    life, subscription = leaving()
    life.schedule(ACME, ("m1", "sms", life.now + timedelta(days=90), 126))
    life.resume(ACME, subscription)
    life.cancel(ACME, subscription)
    life.move(PURGE)

    heard = life.events()

    assert len({event["type"] for event in heard}) > 12
    assert [one for event in heard for one in misfits(event)] == []
    ours = [event["sequence"] for event in heard if event["account_id"] == ACME]
    assert ours == sorted(set(ours))
