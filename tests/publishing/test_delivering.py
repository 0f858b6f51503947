"""Each way out has a position of its own: what goes wrong on one neither delays nor repeats anything on another."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib import delivering, publishing, ways
from chalicelib.domain.capabilities import OFF, SHADOW
from chalicelib.gateways.endpoint_settings import EndpointsWrong
from chalicelib.gateways.event_endpoint import NotTaken
from chalicelib.gateways.events import EventRefused, Gone, OutOfReach
from chalicelib.handlers import stream
from chalicelib.handlers.jobs import JOBS
from chalicelib.store import aside, job_notes, keys, positions, switches
from chalicelib.store.switches import Turned
from chalicelib.sweeping import TICK
from chalicelib.wiring import MadeWhenAsked
from tests.publishing.outside import Wanting, waiting
from tests.publishing.test_publishing import ALL, Fixture, record

HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)
DOWN = OutOfReach("status_503")


class Sending(Fixture):
    """A stage with the bus and two endpoints, called app and crm."""

    def __init__(self):
        super().__init__()
        self.app, self.crm = Wanting(), Wanting()
        self.world = self.anew()

    def anew(self, **parts):
        """Another process."""
        given = {"mail": self.listener, "events": self.listener}
        return self.process(**{**given, "endpoints": {"app": self.app, "crm": self.crm}, **parts})

    def flow(self, *accounts, world=None):
        """What the stream's two functions do, each in a process of its own."""
        records = [record(id, "x") for id in accounts or ("acme",)]
        stream.receive(world or self.anew(), records)
        stream.send(world or self.anew(), records)

    def ticks(self, n=1):
        for _ in range(n):
            self.move(self.now + TICK)
            for name in ("publish_again", "send_again"):
                JOBS[name].run(self.anew())

    def set_aside(self):
        return list(aside.everything(self.table, self.world.settings.due_shards))


@pytest.fixture
def stage():
    return Sending()


def fails(error, *types):
    return lambda what: error if not types or what in types else None


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


# -- one that is out of reach


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


def switched(stage, mode):
    world = stage.anew()
    settings = replace(world.settings, capabilities={"events": mode})
    return replace(world, settings=settings)


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


def turned(stage, on):
    switches.turn(stage.table, Turned(on=on, at=stage.now, by="test", reason="test"))


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


# -- two at once, no time left, nobody there for a week


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
