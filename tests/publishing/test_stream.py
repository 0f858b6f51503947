"""The table's stream only hints: whose history went on. What does not get out of it is given again."""

from dataclasses import replace

import pytest

from chalicelib import publishing
from chalicelib.handlers import stream
from chalicelib.store import keys
from chalicelib.store.memory import MemoryTable
from chalicelib.store.table import Unavailable, Update
from tests.publishing.stages import ALL, Listening, record


@pytest.fixture
def stage():
    return Listening()


def test_a_new_history_entry_publishes_its_account(stage):
    stage.leaving()
    stage.leaving("other", "cus_2", "sub_2")

    answer = stream.receive(stage.world, [record("acme", "x")])

    assert answer == {"batchItemFailures": []}
    assert {event["account_id"] for event in stage.listener.events} == {"acme"}


@pytest.mark.parametrize(
    "other",
    [
        record("acme", "x", name="MODIFY"),
        record("acme", "x", name="REMOVE"),
        record("acme", "x", sk="account"),
        record("acme", "x", sk="number#+14155550100"),
    ],
)
def test_nothing_else_that_the_stream_brings_is_news(stage, other):
    stage.leaving()

    stream.receive(stage.world, [other])

    assert stage.listener.events == []


def test_a_purge_that_rewrites_history_publishes_none_of_it(stage):
    stage.leaving()
    publishing.publish(stage.world, "acme")
    for entry in stage.history():
        key = keys.history("acme", entry["id"])
        stripped = {name: entry[name] for name in entry if name != "data"}
        stage.table.write(Update(key, {"doc": stripped}))

    stream.receive(stage.world, [record("acme", e["id"], name="MODIFY") for e in stage.history()])
    publishing.publish(stage.world, "acme")
    publishing.catch_up(stage.world)

    assert len(stage.listener.events) == 3
    assert len(stage.listener.mail) == 1


def test_the_lambda_that_the_stream_calls_is_declared_in_the_app():
    from app import app

    (declared,) = [e for e in app.event_sources if e.name == "publish-history"]
    assert declared.handler_string == "app.publish_history"


def test_the_declared_lambda_answers_which_records_failed(stage):
    from app import publish_history
    from chalicelib import wiring

    stage.leaving()
    wiring.use(stage.world)
    event = {
        "Records": [
            record("acme", "x")
            | {"eventID": "1", "eventVersion": "1.1", "eventSource": "aws:dynamodb",
               "awsRegion": "us-east-1", "eventSourceARN": "arn:aws:dynamodb:::table/t/stream/s"}
        ]
    }  # fmt: skip

    class Lambda:
        def get_remaining_time_in_millis(self):
            return 60_000

    assert publish_history(event, Lambda()) == {"batchItemFailures": []}
    assert stage.listener.types == ALL


def test_a_table_that_fails_is_the_stream_s_to_try_again(stage):
    stage.leaving()

    class Down(MemoryTable):
        def get_many(self, wanted):
            raise Unavailable("down")

    answer = stream.receive(replace(stage.world, table=Down()), [record("acme", "evt_1", "17")])

    assert answer == {"batchItemFailures": [{"itemIdentifier": "17"}]}
    assert stage.listener.events == []
