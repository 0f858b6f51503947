"""Moving the clock: in order, inclusive, jumping from one due instant to the next, and always coming to an end."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.domain.moments import rfc3339
from chalicelib.store.memory import MemoryTable
from chalicelib.store.table import Key, Put, Update
from infra.local.clock import MovableClock
from infra.local.due_watch import DueWatch
from infra.local.time_travel import NeverQuiet, TimeTravel

START = datetime(2027, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass
class Report:
    did: str


@dataclass
class Sweep:
    """Does what is due of its kind, and writes down when."""

    kind: str
    world: "World"
    name: str = ""
    then: object = None
    """What one thing done sets going."""

    @property
    def due_kinds(self):
        return (self.kind,)

    def run(self, _):
        now = rfc3339(self.world.clock.now())
        due = self.world.watch.due(f"{self.kind}#0", now).due
        for one in due:
            self.world.done.append((now, one.key.sk))
            self.world.watch.write(Update(one.key, {"due_kind": None, "due_at": None}))
            if self.then:
                self.then(one)
        return Report(f"{len(due)} {self.kind}" if due else "")


@dataclass
class Stripe:
    """Acts at given instants."""

    world: "World"
    at: list = field(default_factory=list)
    acts: object = None

    def next_at(self):
        return min(self.at, default=None)

    def run_due(self):
        due = [at for at in self.at if at <= self.world.clock.now()]
        for at in due:
            self.at.remove(at)
            self.world.done.append((rfc3339(self.world.clock.now()), "stripe"))
            if self.acts:
                self.acts(at)
        return ["acted" for _ in due]


class World:
    def __init__(self, notebook):
        self.done = []
        self.clock = MovableClock(notebook, START)
        self.watch = DueWatch(MemoryTable(), ("access_ends", "numbers_released"), 1)
        self.stripe = Stripe(self)
        self.access_ends = Sweep("access_ends", self, "end access")
        self.releases = Sweep("numbers_released", self, "release numbers")
        self.travel = TimeTravel(
            clock=self.clock,
            outside=self.stripe,
            watch=self.watch,
            schedule=(self.access_ends, self.releases),
            world=lambda: self,
        )

    def plan(self, name, at, kind="access_ends"):
        self.watch.write(
            Put(
                {
                    "pk": "A#a", "sk": name, "doc": {},
                    "due_kind": f"{kind}#0", "due_at": rfc3339(at),
                }
            )
        )  # fmt: skip


@pytest.fixture
def world(notebook):
    return World(notebook)


def test_nothing_due_is_nothing_done(world):
    assert world.travel.move_to(START + DAY) == []
    assert world.clock.now() == START + DAY


def test_it_is_inclusive(world):
    world.plan("end", START + DAY)

    world.travel.move_to(START + DAY - timedelta(seconds=1))
    assert world.done == []

    ran = world.travel.move_to(START + DAY)
    assert world.done == [("2027-01-02T00:00:00Z", "end")]
    assert [one.view() for one in ran] == [
        {"at": "2027-01-02T00:00:00Z", "job": "end access", "did": "1 access_ends"}
    ]


def test_each_thing_happens_at_its_own_instant_in_order(world):
    world.plan("later", START + 3 * DAY)
    world.plan("sooner", START + DAY, "numbers_released")
    world.stripe.at = [START + 2 * DAY]

    world.travel.move_to(START + 10 * DAY)

    assert world.done == [
        ("2027-01-02T00:00:00Z", "sooner"),
        ("2027-01-03T00:00:00Z", "stripe"),
        ("2027-01-04T00:00:00Z", "later"),
    ]
    assert world.clock.now() == START + 10 * DAY


def test_at_one_instant_stripe_acts_before_our_jobs_and_those_run_in_schedule_order(world):
    world.plan("release", START + DAY, "numbers_released")
    world.plan("end", START + DAY)
    world.stripe.at = [START + DAY]

    world.travel.move_to(START + DAY)

    assert [what for _, what in world.done] == ["stripe", "end", "release"]


def test_what_comes_up_on_the_way_is_done_on_the_way(world):
    world.plan("end", START + DAY)
    world.access_ends.then = lambda _: world.plan("release", START + 15 * DAY, "numbers_released")

    world.travel.move_to(START + 15 * DAY)

    assert world.done[-1] == ("2027-01-16T00:00:00Z", "release")


def test_what_comes_up_at_the_same_instant_is_done_at_it_whatever_the_order_of_the_schedule(world):
    world.plan("release", START + DAY, "numbers_released")
    world.releases.then = lambda _: world.plan("end", START + DAY)
    world.access_ends.then = lambda _: world.stripe.at.append(START + DAY)

    world.travel.move_to(START + DAY)

    assert [what for _, what in world.done] == ["release", "end", "stripe"]


def test_what_is_overdue_is_done_now(world):
    world.plan("late", START - DAY)

    world.travel.move_to(START)

    assert world.done == [("2027-01-01T00:00:00Z", "late")]


def test_to_next_goes_to_the_next_instant_and_stays_there(world):
    world.plan("end", START + DAY)
    world.plan("release", START + 2 * DAY, "numbers_released")

    ran = world.travel.move_to_next()
    assert (world.clock.now(), [one.job for one in ran]) == (START + DAY, ["end access"])

    world.travel.move_to_next()
    assert world.clock.now() == START + 2 * DAY

    assert world.travel.move_to_next() == []
    assert world.clock.now() == START + 2 * DAY


def test_to_next_does_first_what_is_due_now(world):
    world.plan("late", START)
    world.plan("end", START + DAY)

    world.travel.move_to_next()

    assert world.clock.now() == START
    assert [what for _, what in world.done] == ["late"]


def test_a_step_that_is_tried_again_later_is_tried_at_that_time(world):
    world.plan("end", START + DAY)
    tries = []

    def fail_twice(one):
        tries.append(world.clock.now())
        if len(tries) < 3:
            world.plan(one.key.sk, world.clock.now() + timedelta(minutes=5))

    world.access_ends.then = fail_twice
    world.travel.move_to(START + 2 * DAY)

    minutes = [(at - START - DAY) // timedelta(minutes=1) for at in tries]
    assert minutes == [0, 5, 10]


def test_a_job_that_leaves_what_is_due_where_it_is_does_not_hold_up_the_clock(world):
    world.plan("stuck", START + DAY)
    world.access_ends.run = lambda _: Report("1 failed")

    ran = world.travel.move_to(START + 2 * DAY)

    assert world.clock.now() == START + 2 * DAY
    # At its instant, at the next tick of the schedule, and at the end.
    assert [one.view()["at"] for one in ran] == [
        "2027-01-02T00:00:00Z",
        "2027-01-02T00:05:00Z",
        "2027-01-03T00:00:00Z",
    ]


def test_what_a_job_left_is_done_at_the_next_tick(world):
    world.plan("claimed", START + DAY)
    sweep = world.access_ends.run
    world.access_ends.run = lambda here: (
        Report("1 left") if world.clock.now() == START + DAY else sweep(here)
    )

    world.travel.move_to(START + 2 * DAY)

    assert world.done == [("2027-01-02T00:05:00Z", "claimed")]


def test_two_that_set_each_other_off_for_ever_are_found_out(world):
    world.plan("end", START + DAY)
    world.access_ends.then = lambda _: world.plan("end", START + DAY)
    world.stripe.run_due = lambda: ["acted"]

    with pytest.raises(NeverQuiet, match="At 2027-01-01T00:00:00Z"):
        world.travel.move_to(START + DAY)


def test_a_job_is_not_run_when_nothing_of_its_kind_is_due(world):
    runs = []
    world.releases.run = lambda _: runs.append(1) or Report("")
    world.plan("end", START + DAY)

    world.travel.move_to(START + 365 * DAY)

    assert runs == []


def test_a_row_written_past_the_watch_is_found_when_the_clock_moves(world):
    row = {"pk": "A#a", "sk": "x", "doc": {}, "due_kind": "access_ends#0",
           "due_at": rfc3339(START + DAY)}  # fmt: skip
    world.watch._table.write(Put(row))

    world.travel.move_to(START + DAY)

    assert world.done == [("2027-01-02T00:00:00Z", "x")]
    assert world.watch.get(Key("A#a", "x")) is not None


def test_everything_is_looked_at_when_a_day_or_more_is_over(notebook):
    world = World(notebook)
    looked = []

    class Walk:
        name, due_kinds = "look at everything", ()

        def run(self, _world):
            looked.append(world.clock.now())
            return Report("")

    travel = TimeTravel(
        clock=world.clock,
        outside=world.stripe,
        watch=world.watch,
        schedule=(),
        world=lambda: world,
        walks=(Walk(),),
    )
    travel.move_to(START + DAY - timedelta(seconds=1))
    assert looked == []

    travel.move_to(START + DAY)
    travel.move_to(START + DAY + timedelta(hours=23))
    assert looked == [START + DAY]

    travel.move_to(START + 5 * DAY, walks=False)
    assert looked == [START + DAY]

    travel.move_to(START + 5 * DAY)
    assert looked == [START + DAY, START + 5 * DAY]
