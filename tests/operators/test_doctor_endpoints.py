"""`lapse doctor` tells who no longer gets our events by HTTP: unusable, stopped, or behind."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from chalicelib import delivering
from chalicelib.gateways.endpoint_settings import EndpointsWrong
from chalicelib.gateways.events import Gone, OutOfReach
from chalicelib.wiring import MadeWhenAsked
from infra.cli import doctor_endpoints
from tests.publishing.stages import Sending, fails

HOUR = timedelta(hours=1)


@pytest.fixture
def stage():
    stage = Sending()
    stage.leaving()
    return stage


def told(stage, **parts):
    world = stage.anew(**parts)
    settings = replace(world.settings, event_endpoints=({"name": "app"}, {"name": "crm"}))
    patient = SimpleNamespace(settings=settings, world=lambda: world)
    return [(one.level, one.says) for one in doctor_endpoints.reached(patient)]


def test_where_nobody_gets_events_that_is_said_and_nothing_is_asked():
    patient = SimpleNamespace(settings=SimpleNamespace(event_endpoints=()), world=None)

    assert [one.level for one in doctor_endpoints.reached(patient)] == ["ok"]


def test_those_who_get_them_are_well(stage):
    stage.flow()

    assert told(stage) == [("ok", "app gets our events"), ("ok", "crm gets our events")]


def test_one_that_wants_nothing_any_more_is_told_until_it_is_resumed(stage):
    stage.app.fails = fails(Gone("status_410"))
    stage.flow()

    (level, says), other = told(stage)
    assert (level, other[0]) == ("fail", "ok")
    assert says.startswith("app has got nothing since 2")
    assert says.endswith("it answered status_410")

    delivering.resume(stage.anew(), "app")
    assert told(stage)[0] == ("ok", "app gets our events")


@pytest.mark.parametrize(
    ("later", "level"), [(HOUR - timedelta(seconds=1), "ok"), (HOUR, "warn"), (5 * HOUR, "warn")]
)
def test_one_that_is_behind_for_an_hour_is_told_and_a_short_outage_is_not(stage, later, level):
    stage.app.fails = fails(OutOfReach("status_503"))
    stage.flow()
    began = stage.now
    stage.move(began + later)

    (found, says), other = told(stage)

    assert (found, other[0]) == (level, "ok")
    if level == "warn":
        assert "app has taken nothing of one account since" in says


def test_one_that_caught_up_is_well_again(stage):
    stage.app.fails = fails(OutOfReach("status_503"))
    stage.flow()
    stage.move(stage.now + 2 * HOUR)
    assert told(stage)[0][0] == "warn"

    stage.app.fails = fails(None)
    stage.ticks()

    assert told(stage)[0] == ("ok", "app gets our events")


def test_one_whose_setting_cannot_be_used_says_why(stage):
    def wrong():
        raise EndpointsWrong("endpoint app: secrets is a list of at least one")

    made = MadeWhenAsked({"app": wrong, "crm": lambda: stage.crm})

    assert told(stage, endpoints=made)[0] == (
        "fail",
        "app gets nothing: endpoint app: secrets is a list of at least one",
    )
