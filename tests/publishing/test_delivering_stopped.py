"""An endpoint that wants nothing any more, or is not in the settings, and a switch that lets nothing out: told, and gone on from."""

from datetime import timedelta

import pytest

from chalicelib import delivering, publishing
from chalicelib.domain.capabilities import OFF, SHADOW
from chalicelib.gateways.endpoint_settings import EndpointsWrong
from chalicelib.gateways.events import Gone, OutOfReach
from chalicelib.handlers.jobs import JOBS
from chalicelib.store import positions
from chalicelib.wiring import MadeWhenAsked
from tests.publishing.outside import waiting
from tests.publishing.stages import ALL, Sending, fails, switched, turned

HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)


DOWN = OutOfReach("status_503")


@pytest.fixture
def stage():
    return Sending()


# -- one that wants nothing any more


def test_410_stops_that_endpoint_and_nothing_else(stage):
    stage.leaving()
    stage.leaving("other", "cus_2", "sub_2")
    stage.app.fails = fails(Gone("status_410"), "subscription.started")

    stage.flow("acme", "other")
    stage.ticks(24)

    assert stage.app.types == ["account.created"]
    assert stage.app.tries == 2
    assert stage.crm.types == ALL * 2
    assert waiting(stage) == []
    stop = delivering.stopped(stage.world, "app")
    assert stop is not None
    assert stop.reason == "status_410"
    assert delivering.stopped(stage.world, "crm") is None


def test_it_goes_on_where_it_was_once_somebody_says_so(stage):
    stage.leaving()
    stage.app.fails = fails(Gone("status_410"), "subscription.started")
    stage.flow()
    stage.number("+14155550100")
    stage.flow()
    stage.app.fails = fails(None)

    delivering.resume(stage.world, "app")
    publishing.catch_up(stage.anew())
    stage.ticks(1)

    assert stage.app.types == [*ALL, "number.added"]
    assert len(stage.app.events) == 4


def test_at_another_address_it_is_another_endpoint_that_goes_on(stage):
    stage.leaving()
    stage.app.fails = fails(Gone("status_410"))
    stage.flow()
    stage.app.fails, stage.app.address = fails(None), "moved"

    publishing.catch_up(stage.anew())
    stage.ticks(1)

    assert stage.app.types == ALL


def test_somebody_is_told_at_every_run_that_one_is_stopped(stage, caplog):
    stage.leaving()
    stage.app.fails = fails(Gone("status_410"))
    stage.flow()
    told = []
    from chalicelib import log

    before = log.event
    try:
        log.event = lambda name, **keys: told.append((name, keys.get("endpoint")))
        stage.ticks(2)
    finally:
        log.event = before

    assert told.count(("endpoint_stopped", "app")) == 2


def test_an_endpoint_whose_setting_is_wrong_gets_nothing_and_disturbs_nobody(stage):
    def wrong():
        raise EndpointsWrong("endpoint app: url is an https address")

    stage.leaving()
    made = MadeWhenAsked({"app": wrong, "crm": lambda: stage.crm})
    stage.flow(world=stage.anew(endpoints=made))

    assert (stage.listener.types, stage.crm.types) == (ALL, ALL)
    publishing.catch_up(stage.anew(endpoints=made))
    assert waiting(stage) == []
    # Mended, it gets all of it.
    publishing.catch_up(stage.anew())
    stage.ticks(1)
    assert stage.app.types == ALL


def test_an_endpoint_that_is_no_longer_in_the_settings_leaves_the_index(stage):
    stage.leaving()
    stage.app.fails = fails(DOWN)
    stage.flow()
    assert waiting(stage)

    stage.move(stage.now + HOUR)
    delivering.send_again(stage.anew(endpoints={"crm": stage.crm}))

    assert waiting(stage) == []


# -- what may leave


@pytest.mark.parametrize("mode", [OFF, SHADOW])
def test_nothing_leaves_along_any_way_while_events_are_switched_off(stage, mode):
    stage.leaving()

    stage.flow(world=switched(stage, mode))
    for name in ("publish_again", "send_again", "catch_up_publishing"):
        stage.move(stage.now + DAY)
        JOBS[name].run(switched(stage, mode))
    assert stage.listener.events == stage.app.events == stage.crm.events == []
    assert len(stage.listener.mail) == 1

    stage.ticks(1)

    assert stage.listener.types == stage.app.types == stage.crm.types == ALL
    assert len(stage.listener.mail) == 1
    assert waiting(stage) == []


def test_the_kill_switch_stops_every_way_and_no_try_is_counted(stage):
    stage.leaving()
    turned(stage, on=True)

    stage.flow()
    stage.ticks(12)

    assert stage.listener.events == stage.app.events == []
    for way in ("bus", "app", "crm"):
        assert positions.position(stage.table, "acme", way).attempts == 0
    turned(stage, on=False)
    stage.ticks(1)
    assert stage.listener.types == stage.app.types == stage.crm.types == ALL


def test_the_kill_switch_stops_it_in_the_middle(stage):
    stage.leaving()
    world = stage.anew()

    def turn(what):
        if what == "subscription.started":
            turned(stage, on=True)
            world.gate.forget()

    stage.app.fails = turn
    delivering.deliver(world, "acme", names=("app",))

    assert stage.app.types == ALL[:2]
    assert positions.position(stage.table, "acme", "app").attempts == 0
    turned(stage, on=False)
    stage.app.fails = fails(None)
    stage.ticks(1)
    assert [event["type"] for event in stage.app.events] == ALL
