"""Each way out has a position of its own: what goes wrong on one neither delays nor repeats anything on another."""

from datetime import timedelta

import pytest

from chalicelib import delivering, ways
from chalicelib.gateways.event_endpoint import NotTaken
from chalicelib.gateways.events import EventRefused, OutOfReach
from chalicelib.store import job_notes, keys, positions
from chalicelib.sweeping import TICK
from tests.publishing.outside import waiting
from tests.publishing.stages import ALL, Sending, fails

HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)


DOWN = OutOfReach("status_503")


@pytest.fixture
def stage():
    return Sending()


def test_the_same_events_go_along_every_way(stage):
    stage.leaving()

    stage.flow()

    assert stage.listener.types == stage.app.types == stage.crm.types == ALL
    assert stage.listener.events == stage.app.events == stage.crm.events
    assert waiting(stage) == []


def test_an_endpoint_that_is_down_delays_nobody_else_and_repeats_nothing(stage):
    stage.leaving()
    stage.app.fails = fails(DOWN)

    stage.flow()
    stage.number("+14155550100")
    stage.flow()
    assert (stage.listener.types, stage.crm.types) == ([*ALL, "number.added"],) * 2
    stage.app.fails = fails(None)
    stage.ticks(3)

    assert stage.app.types == [*ALL, "number.added"]
    for way in (stage.listener, stage.app, stage.crm):
        assert len(way.events) == 4
    assert waiting(stage) == []


@pytest.mark.parametrize(
    ("asked_for", "ticks"),
    [(timedelta(0), 1), (timedelta(minutes=4), 1), (timedelta(minutes=17), 4)],
)
def test_who_asks_to_be_left_alone_for_a_while_is_and_nobody_else_waits(stage, asked_for, ticks):
    stage.leaving()
    stage.app.fails = fails(OutOfReach("status_429", asked_for))
    stage.flow()
    assert stage.crm.types == ALL
    tried = stage.app.tries

    stage.app.fails = fails(None)
    stage.ticks(ticks - 1)
    assert (stage.app.tries, stage.app.types) == (tried, [])
    stage.ticks()

    assert stage.app.types == ALL


def test_other_accounts_wait_as_long_as_was_asked_for(stage):
    world = stage.anew()
    stage.leaving()
    stage.app.fails = fails(OutOfReach("status_503", timedelta(minutes=10)))
    delivering.deliver(world, "acme")
    tried = stage.app.tries

    for minutes, rests in ((9, True), (10, False)):
        world.clock.at = stage.now + timedelta(minutes=minutes)
        assert (ways.rests_until(world, "app") is not None) is rests
    assert stage.app.tries == tried
    # A clock that was set back must not have it rest for ever.
    world.clock.at = stage.now - SECOND
    assert ways.rests_until(world, "app") is None


def test_a_bus_that_is_down_delays_no_endpoint_and_repeats_nothing(stage):
    stage.leaving()
    stage.listener.fails = lambda what: OSError("down") if "." in what else None

    stage.flow()
    assert stage.listener.events == []
    assert stage.app.types == ALL
    assert len(stage.listener.mail) == 1
    stage.listener.fails = fails(None)
    stage.ticks(2)

    for way in (stage.listener, stage.app, stage.crm):
        assert [event["type"] for event in way.events] == ALL
    assert len(stage.listener.mail) == 1


def test_what_happened_before_an_endpoint_was_there_is_not_sent_to_it(stage):
    stage.leaving()
    stage.move(stage.now + HOUR)
    stage.app.since = stage.now
    stage.number("+14155550100")

    stage.flow()

    assert stage.app.types == ["number.added"]
    assert stage.crm.types == [*ALL, "number.added"]


def test_the_very_instant_from_which_on_it_is_told_counts(stage):
    stage.leaving()
    stage.app.since, stage.crm.since = stage.now, stage.now + SECOND

    stage.flow()

    assert (stage.app.types, stage.crm.types) == (ALL, [])
    assert positions.position(stage.table, "acme", "crm").lags is False


def test_one_that_is_out_of_reach_is_asked_once_for_a_whole_batch(stage):
    """Otherwise each of a hundred accounts would wait out its time-out, and the batch would outlive its function."""
    ids = [f"acme-{n}" for n in range(10)]
    for n, id in enumerate(ids):
        stage.leaving(id, f"cus_{n}", f"sub_{n}")
    stage.app.fails = fails(DOWN)

    stage.flow(*ids)

    assert stage.app.tries == 1
    assert len({event["account_id"] for event in stage.crm.events}) == 10
    stage.app.fails = fails(None)
    stage.ticks(2)
    assert len(stage.app.events) == 30
    assert waiting(stage) == []


def test_no_try_is_counted_for_accounts_that_were_not_tried(stage):
    stage.leaving()
    stage.leaving("other", "cus_2", "sub_2")
    stage.app.fails = fails(DOWN)

    stage.flow("acme", "other")

    assert positions.position(stage.table, "acme", "app").attempts == 1
    assert positions.position(stage.table, "other", "app").attempts == 0


def test_after_a_minute_it_is_asked_again(stage):
    stage.leaving()
    stage.leaving("other", "cus_2", "sub_2")
    stage.app.fails = fails(DOWN)
    world = stage.anew()
    delivering.deliver(world, "acme")

    stage.move(stage.now + ways.REST - SECOND)
    delivering.deliver(world, "other")
    assert stage.app.tries == 1
    stage.move(stage.now + 2 * SECOND)
    stage.app.fails = fails(None)
    delivering.send_again(world)

    assert {event["account_id"] for event in stage.app.events} == {"other"}


def test_one_event_that_is_not_taken_holds_up_only_its_own_account(stage):
    stage.leaving()
    stage.leaving("other", "cus_2", "sub_2")
    stage.app.fails = fails(NotTaken("status_422"), "subscription.started")
    stage.flow()
    stage.app.fails = fails(None)

    stage.flow("acme", "other")

    mine = [event["type"] for event in stage.app.events if event["account_id"] == "acme"]
    assert mine == ["account.created"]
    assert [e["type"] for e in stage.app.events if e["account_id"] == "other"] == ALL
    stage.ticks(1)
    assert [e["type"] for e in stage.app.events if e["account_id"] == "acme"] == ALL


def test_an_event_that_is_never_taken_is_set_aside_for_that_endpoint_alone(stage):
    stage.leaving()
    stage.app.fails = fails(NotTaken("status_422"), "subscription.started")
    stage.flow()
    stage.number("+14155550100")
    stage.flow()
    stage.ticks(12)
    stage.leaving("other", "cus_2", "sub_2")
    stage.app.fails = fails(None)
    stage.flow("other")
    stage.app.fails = fails(NotTaken("status_422"), "subscription.started")

    stage.ticks(4 * 24 * 12)

    mine = [event["type"] for event in stage.app.events if event["account_id"] == "acme"]
    assert mine == ["account.created", "subscription.cancellation_scheduled", "number.added"]
    ((id, way, reason),) = [(one.id, one.way, one.reason) for one in stage.set_aside()]
    assert (way, reason) == ("app", "NotTaken: status_422")
    assert id.startswith("acme:")
    assert stage.crm.types[:3] == ALL


def test_the_tries_of_one_event_are_not_counted_against_the_next(stage):
    stage.leaving()
    stage.app.fails = fails(NotTaken("status_422"), "account.created")
    stage.flow()
    stage.ticks(int(timedelta(hours=40) / TICK))
    assert positions.position(stage.table, "acme", "app").attempts > 8
    stage.leaving("other", "cus_2", "sub_2")
    stage.app.fails = lambda what: None
    stage.flow("other")
    while positions.position(stage.table, "acme", "app").attempts < ways.MOST_TRIES - 1:
        stage.app.fails = fails(NotTaken("status_422"), "account.created")
        stage.ticks(12)

    stage.app.fails = fails(NotTaken("status_422"), "subscription.started")
    stage.ticks(int(timedelta(hours=7) / TICK))

    assert stage.set_aside() == []
    mine = [event["type"] for event in stage.app.events if event["account_id"] == "acme"]
    assert mine == ["account.created"]
    assert positions.position(stage.table, "acme", "app").attempts < 8


def test_only_what_was_really_taken_proves_that_others_get_through(stage):
    stage.leaving()
    stage.crm.since = stage.now + DAY

    stage.flow()

    assert job_notes.find(stage.table, ways.NOTES, "took:app") is not None
    assert job_notes.find(stage.table, ways.NOTES, "took:crm") is None


def test_what_is_too_large_is_set_aside_at_once(stage):
    stage.leaving()
    stage.crm.fails = fails(EventRefused("too_large"), "subscription.started")

    stage.flow()

    assert stage.crm.types == [ALL[0], ALL[2]]
    assert [(one.way, one.reason) for one in stage.set_aside()] == [
        ("crm", "EventRefused: too_large")
    ]


def test_the_reason_that_is_kept_repeats_nothing_that_must_not_be_kept(stage):
    stage.leaving()
    stage.app.fails = fails(EventRefused("ann@example.com has whsec_canary"), "account.created")
    stage.crm.fails = fails(OSError("ann@example.com has whsec_canary"))

    stage.flow()

    rows = [stage.table.get(keys.published("acme", "crm")), *stage.set_aside()]
    assert "OSError" in str(rows)
    assert "EventRefused" in str(rows)
    assert "ann@" not in str(rows)
    assert "whsec_" not in str(rows)
