"""Two senders at once, one without time, and nobody there for a week: nothing is lost, and the order stays."""

from datetime import timedelta

import pytest

from chalicelib import delivering
from chalicelib.gateways.events import OutOfReach
from chalicelib.handlers import stream
from chalicelib.store import keys, positions
from tests.publishing.outside import waiting
from tests.publishing.stages import ALL, Sending, fails, record

HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)


DOWN = OutOfReach("status_503")


@pytest.fixture
def stage():
    return Sending()


def test_two_senders_at_once_lose_nothing_and_keep_the_order(stage):
    stage.leaving()
    racing = []

    def race(_):
        if not racing:
            racing.append(True)
            delivering.deliver(stage.anew(), "acme")

    stage.app.fails = race
    delivering.deliver(stage.anew(), "acme")

    assert stage.app.types == ALL
    assert waiting(stage) == []
    assert {one["id"] for one in stage.app.events} == {one["id"] for one in stage.crm.events}


def test_who_is_overtaken_does_not_put_the_place_back(stage):
    stage.leaving()
    racing = []

    def race(_):
        if not racing:
            racing.append(True)
            stage.number("+14155550100")
            delivering.deliver(stage.anew(), "acme")

    stage.app.fails = race
    delivering.deliver(stage.anew(), "acme")

    assert stage.app.types == [*ALL, "number.added"]
    assert not positions.position(stage.table, "acme", "app").lags
    tries = stage.app.tries
    delivering.deliver(stage.anew(), "acme")
    assert stage.app.tries == tries


def test_who_fails_while_another_gets_through_does_not_undo_it(stage):
    stage.leaving()
    racing = []

    def race(_):
        if not racing:
            racing.append(True)
            stage.app.fails = fails(None)
            delivering.deliver(stage.anew(), "acme")
            return OSError("my own answer was lost")
        return None

    stage.app.fails = race
    delivering.deliver(stage.anew(), "acme", names=("app",))

    assert stage.app.types == ALL
    assert waiting(stage) == []


def test_without_time_the_rest_is_left_to_the_job(stage):
    stage.leaving()

    delivering.deliver(stage.anew(), "acme", lambda: stage.app.tries >= 2, names=("app",))
    assert stage.app.types == ALL[:2]
    stage.ticks(1)

    assert [event["type"] for event in stage.app.events] == ALL


def test_a_stream_function_without_time_leaves_everybody_to_the_job(stage):
    stage.leaving()
    stage.leaving("other", "cus_2", "sub_2")

    answer = stream.send(stage.anew(), [record("acme", "x"), record("other", "y")], lambda: True)
    assert answer == {"batchItemFailures": []}
    assert stage.app.events == []
    stage.ticks(1)

    assert len(stage.app.events) == 6


@pytest.mark.parametrize("days", [1, 7])
def test_nothing_is_lost_when_nobody_sent_anything_for_days(stage, days):
    for n in range(5):
        stage.leaving(f"acme-{n}", f"cus_{n}", f"sub_{n}")
        stage.move(stage.now + timedelta(days=days) / 5)

    stage.run_schedule()
    stage.tick()

    for way in (stage.listener, stage.app, stage.crm):
        assert len(way.events) == 15
        for n in range(5):
            mine = [e["type"] for e in way.events if e["account_id"] == f"acme-{n}"]
            assert mine == ALL


def test_a_receiver_that_was_down_for_a_week_gets_everything_in_order(stage):
    """It took events before: that proves nothing about those of the outage."""
    stage.leaving("early", "cus_9", "sub_9")
    stage.flow("early")
    assert len(stage.app.events) == 3
    for n in range(3):
        stage.leaving(f"acme-{n}", f"cus_{n}", f"sub_{n}")
    stage.app.fails = fails(DOWN)
    for day in range(7):
        stage.number(f"+1415555010{day}", account_id="acme-0")
        stage.flow("acme-0", "acme-1", "acme-2")
        stage.ticks(24 * 12)
    assert len(stage.app.events) == 3
    assert stage.set_aside() == []

    stage.app.fails = fails(None)
    stage.ticks(6 * 12 + 1)

    mine = [event["type"] for event in stage.app.events if event["account_id"] == "acme-0"]
    assert mine == [*ALL, *["number.added"] * 7]
    sequences = [e["sequence"] for e in stage.app.events if e["account_id"] == "acme-0"]
    assert sequences == sorted(sequences)
    assert len(stage.app.events) == 19
    assert len(stage.listener.events) == len(stage.crm.events) == 19


def test_a_purge_that_overtakes_a_sender_leaves_only_that_it_happened(stage):
    from chalicelib.store.table import Update

    stage.leaving()
    for entry in stage.history():
        stripped = {name: entry[name] for name in entry if name != "data"}
        stage.table.write(Update(keys.history("acme", entry["id"]), {"doc": stripped}))

    stage.flow()

    assert stage.app.types == ALL
    assert all(event["data"] == {} for event in stage.app.events)
