"""While events are held, nobody walks over all that waits again and again; and a long backlog is read in few requests."""

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib import delivering, publishing
from chalicelib.gateways.events import Gone, OutOfReach
from chalicelib.store import keys, outbox, positions
from chalicelib.store.table import Delete
from tests.publishing.stages import Sending, fails, switched

BACKLOG = 40


class Counting:
    """A table that counts the history entries which are read, one by one or by the page."""

    def __init__(self, table):
        self.inner, self.read, self.pages = table, 0, 0

    def get(self, key):
        self.read += key.sk.startswith(keys.HISTORY)
        return self.inner.get(key)

    def query(self, pk, prefix="", **more):
        page = self.inner.query(pk, prefix, **more)
        if prefix == keys.HISTORY:
            self.read += len(page.rows)
            self.pages += 1
        return page

    def __getattr__(self, name):
        return getattr(self.inner, name)


@pytest.fixture
def stage():
    stage = Sending()
    stage.account()
    for n in range(BACKLOG):
        stage.number(f"+1415555{n:04}")
    return stage


def read_by(stage, act, world=None):
    world = world or stage.anew()
    counting = Counting(world.table)
    act(replace(world, table=counting), "acme")
    return counting.read


@pytest.mark.parametrize("why", ["switched off", "waiting", "out of reach"])
def test_what_is_held_for_the_bus_is_looked_at_once(stage, why):
    world = switched(stage, "off") if why == "switched off" else stage.anew()
    if why != "switched off":
        error = OutOfReach("down") if why == "out of reach" else OSError("down")
        stage.listener.fails = lambda what: error if "." in what else None
        publishing.publish(world, "acme")
    publishing.publish(world, "acme")

    for n in range(3):
        stage.number(f"+1415556{n:04}")
        assert read_by(stage, publishing.publish, world) <= 2
    assert stage.listener.events == []


@pytest.mark.parametrize("why", ["switched off", "waiting", "stopped"])
def test_what_is_held_for_an_endpoint_is_not_looked_at_at_all(stage, why):
    world = switched(stage, "off") if why == "switched off" else stage.anew()
    stage.app.fails = fails(Gone("status_410") if why == "stopped" else OSError("down"))
    stage.crm.fails = fails(OSError("down"))
    delivering.deliver(world, "acme")

    stage.number("+14155560000")
    assert read_by(stage, delivering.deliver, world) == 0


def test_customers_are_told_while_events_are_held_and_once(stage):
    off = switched(stage, "off")
    publishing.publish(off, "acme")
    stage.subscribe()
    stage.cancel()

    publishing.publish(off, "acme")
    publishing.publish(off, "acme")
    assert len(stage.listener.mail) == 1
    stage.flow()

    assert len(stage.listener.mail) == 1
    assert len(stage.listener.events) == BACKLOG + 3


def test_a_notice_that_was_tidied_up_while_events_were_held_is_not_sent_anew(stage):
    """Notices are kept for ninety days; events may be held for longer."""
    off = switched(stage, "off")
    stage.subscribe()
    stage.cancel()
    publishing.publish(off, "acme")
    (notice,) = outbox.recent(stage.table, "acme", 9)
    stage.table.write(Delete(notice.at))
    stage.move(stage.now + timedelta(days=100))

    publishing.publish(off, "acme")
    stage.flow()

    assert len(stage.listener.mail) == 1


@pytest.mark.parametrize("missing", [1, 49, 50, 51, 120])
def test_a_long_backlog_is_found_whole_and_in_order_in_few_requests(missing):
    stage = Sending()
    stage.account()
    for n in range(60):
        stage.number(f"+1415557{n:04}")
    publishing.publish(stage.world, "acme")
    for n in range(missing):
        stage.number(f"+1415558{n:04}")
    at, table = positions.position(stage.table, "acme"), Counting(stage.table)

    found = positions.missing(table, at)

    numbers = [entry.data["number"] for entry in found]
    assert numbers == [f"+1415558{n:04}" for n in range(missing)]
    assert table.pages <= 3
    assert table.read <= 60 + missing + positions.STEPS_BACK + 1


def test_a_backlog_that_breaks_off_half_way_goes_on_where_it_was(stage):
    tried = iter(range(31))
    delivering.deliver(stage.anew(), "acme", lambda: next(tried, None) is None, names=("app",))
    assert len(stage.app.events) == 30

    stage.ticks(1)

    assert [e["sequence"] for e in stage.app.events] == sorted(
        {e["sequence"] for e in stage.app.events}
    )
    assert len(stage.app.events) == BACKLOG + 1


def asked_by(stage, run, world):
    """How often each method of the table is asked."""
    asked = []

    class Asking:
        def __getattr__(self, name):
            asked.append(name)
            return getattr(stage.table, name)

    run(replace(world, table=Asking()))
    return {name: asked.count(name) for name in set(asked)}


def test_while_events_are_switched_off_the_jobs_do_not_even_look_who_waits(stage):
    off = switched(stage, "off")
    publishing.publish(off, "acme")
    delivering.deliver(off, "acme")
    stage.move(stage.now + timedelta(hours=1))

    assert asked_by(stage, publishing.retry_stuck, off) == {}
    assert asked_by(stage, delivering.send_again, off) == {}


def test_while_an_endpoint_is_out_of_reach_the_others_that_wait_for_it_cost_no_reading(stage):
    for n in range(2, 8):
        stage.leaving(f"acme-{n}", f"cus_{n}", f"sub_{n}")
    stage.app.fails = fails(OutOfReach("status_503"))
    stage.flow(*(f"acme-{n}" for n in range(2, 8)))
    stage.move(stage.now + timedelta(hours=1))

    asked = asked_by(stage, delivering.send_again, stage.anew())

    # One account is tried; then nobody's position is read any more.
    assert asked["get_many"] == 2
    assert stage.app.tries == 2
