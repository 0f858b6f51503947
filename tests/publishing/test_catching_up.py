"""Nothing is lost when no publisher ran: the schedule finds whose history is further than what was said of it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib import publishing
from chalicelib.store import keys
from chalicelib.store.table import Unavailable
from tests.publishing.stages import ALL, Listening

HOUR = timedelta(hours=1)


@pytest.fixture
def stage():
    return Listening()


def test_nothing_is_lost_when_no_publisher_ran_for_a_day(stage):
    for n in range(7):
        stage.leaving(f"acme-{n}", f"cus_{n}", f"sub_{n}")
    stage.move(stage.now + timedelta(days=1))

    assert str(publishing.catch_up(stage.world)) == "7 done"
    assert str(publishing.catch_up(stage.world)) == ""
    assert len(stage.listener.events) == 21
    assert len(stage.listener.mail) == 7


def test_the_schedule_catches_up(stage):
    stage.leaving()

    stage.run_schedule()

    assert stage.listener.types == ALL


def test_catching_up_goes_on_after_an_account_that_fails(stage):
    for n in range(3):
        stage.leaving(f"acme-{n}", f"cus_{n}", f"sub_{n}")

    class OneBroken:
        def __getattr__(self, name):
            return getattr(stage.table, name)

        def get(self, key):
            if key.pk == "A#acme-1" and key.sk.startswith(keys.HISTORY):
                raise Unavailable("this one")
            return stage.table.get(key)

    report = publishing.catch_up(replace(stage.world, table=OneBroken()))

    assert report.counts["done"] == 2
    assert report.counts["to be tried again"] == 1
    assert {event["account_id"] for event in stage.listener.events} == {"acme-0", "acme-2"}


def test_catching_up_stops_when_its_time_is_over_and_goes_on_in_the_next_run(stage):
    stage.leaving()

    report = publishing.catch_up(stage.world, lambda: True)

    assert str(report) == "not finished"
    assert stage.listener.events == []

    assert str(publishing.catch_up(stage.world)) == "1 done"


def test_the_schedule_looks_at_every_account_once_in_six_hours(stage):
    stage.run_schedule()
    stage.leaving()

    stage.move(stage.now + 6 * HOUR - timedelta(seconds=1))
    stage.run_schedule()
    assert stage.listener.events == []

    stage.move(stage.now + timedelta(seconds=1))
    stage.run_schedule()
    assert stage.listener.types == ALL


def test_catching_up_costs_two_rows_an_account_that_is_up_to_date(stage):
    stage.leaving()
    publishing.publish(stage.world, "acme")
    asked = []

    class Counting:
        def __getattr__(self, name):
            asked.append(name)
            return getattr(stage.table, name)

    publishing.catch_up(replace(stage.world, table=Counting()))

    # Beside the checkpoint: it is looked for, begun, moved past the page, and ended.
    checkpoint = {"query": 1, "get": 1, "transact": 3}
    assert {name: asked.count(name) for name in set(asked)} == {
        "directory": 2,
        "get_many": 1,
        **checkpoint,
    }
