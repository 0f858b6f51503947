"""Processes die, answers get lost and messages double while a walk is made in parts: everybody is visited all the same,
and what is counted is counted once."""

from contextlib import suppress
from datetime import timedelta
from threading import Barrier, Thread

import pytest

from chalicelib import visiting
from chalicelib.sharing import NotShared, Reach, Share
from chalicelib.store import walks
from chalicelib.store.table import Contended, StoreError
from chalicelib.sweeping import CLAIM
from tests.crashes.again import from_here
from tests.crashes.meanwhile import Meanwhile, every_moment
from tests.support.faults import Crash, every_fault, faulty
from tests.support.stage import SHARDS
from tests.walking.walkers import JOB, Many, Queue

MANY = 7


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch):
    monkeypatch.setattr(visiting, "AT_ONCE", 2)


def recovered(stage):
    """Whoever died has had its time, and the schedule comes by as ever."""
    stage.queue = Queue(stage)
    stage.broken.clear()
    stage.move(stage.now + CLAIM)
    for _ in range(4):
        stage.run()
        stage.flow()
        stage.move(stage.now + timedelta(minutes=30))
    return stage.newest()


def made_whole(stage, why):
    walk = recovered(stage)
    assert set(stage.met) == set(stage.ids), why
    assert (walk.status, walk.counts, walk.failing) == ("complete", {"met": MANY}, 0), why


def through(stage, plan):
    """A run of the schedule whose table and queue go wrong as planned."""
    world = stage.through(plan)
    shares = faulty(stage.queue, plan, names=("put",), unavailable=lambda: NotShared("as planned"))
    return world, Reach(shares)


# -- before and after each I/O


def told(run, before=lambda stage: None, *broken):
    """Tells it with every fault there is, and lets the world recover."""
    stage = Many(*broken, many=MANY)
    before(stage)

    @from_here
    def broken_off(plan):
        with suppress(Crash, StoreError):
            run(stage, plan)
        assert plan.struck, plan
        made_whole(stage, plan)

    # Every fault: a visit is none of the calls, so who dies before a call may have visited since the one before it.
    for plan in every_fault(from_here(lambda plan: run(stage, plan))):
        broken_off(plan)


def test_whoever_divides_may_die_anywhere():
    def run(stage, plan):
        world, reach = through(stage, plan)
        stage.run(3, world=world, reach=reach)

    told(run)


def test_whoever_takes_a_part_may_die_anywhere():
    def run(stage, plan):
        stage.take(0, world=stage.through(plan))

    told(run, Many.divide)


def test_whoever_takes_a_part_and_is_out_of_time_may_die_anywhere():
    def run(stage, plan):
        stage.take(1, 1, world=stage.through(plan))

    told(run, Many.divide)


def test_whoever_tries_again_in_a_part_may_die_anywhere():
    def before(stage):
        stage.divide(1)
        stage.flow()
        stage.broken.discard("acme-003")
        stage.move(stage.now + timedelta(hours=1))

    def run(stage, plan):
        for shard in range(SHARDS):
            stage.take(shard, world=stage.through(plan))

    told(run, before, "acme-003", "acme-005")


def test_whoever_adds_the_parts_up_may_die_anywhere():
    def before(stage):
        stage.divide()
        stage.flow()

    def run(stage, plan):
        world, reach = through(stage, plan)
        stage.run(world=world, reach=reach)

    told(run, before)


def test_whoever_does_the_parts_alone_may_die_anywhere():
    def run(stage, plan):
        stage.run(world=stage.through(plan), reach=Reach())

    told(run, Many.divide)


# -- two at once


def same_moment(first, then, before=Many.divide):
    """While the first is at work, the other happens: before each of its calls."""

    def alone(plan):
        stage = Many(many=MANY)
        before(stage)
        first(stage, plan)

    for moment in every_moment(alone):
        stage = Many(many=MANY)
        before(stage)
        first(stage, Meanwhile(moment, lambda stage=stage: then(stage)))
        yield moment, stage


def take(stage, plan):
    stage.take(0, world=stage.through(plan))


def schedule(stage, plan):
    world, reach = through(stage, plan)
    stage.run(3, world=world, reach=reach)


def test_a_part_that_is_taken_again_at_any_moment_of_the_first_time_visits_nobody_twice():
    for moment, stage in same_moment(take, lambda stage: stage.take(0)):
        assert max(stage.met.values()) == 1, moment
        made_whole(stage, moment)


def test_the_schedule_may_come_by_at_any_moment_of_a_part():
    for moment, stage in same_moment(take, lambda stage: stage.run()):
        made_whole(stage, moment)
        assert max(stage.met.values()) == 1, moment


def test_somebody_without_a_queue_may_walk_at_any_moment_of_a_part():
    for moment, stage in same_moment(take, lambda stage: stage.run(reach=Reach())):
        made_whole(stage, moment)
        assert max(stage.met.values()) == 1, moment


def test_two_runs_of_the_schedule_divide_a_walk_once():
    for moment, stage in same_moment(schedule, lambda stage: stage.run(2), lambda stage: None):
        assert stage.newest().parts == len(stage.parts()), moment
        made_whole(stage, moment)


def test_two_runs_of_the_schedule_add_the_parts_up_once():
    def before(stage):
        stage.divide()
        stage.flow()

    for moment, stage in same_moment(schedule, lambda stage: stage.run(), before):
        assert stage.newest().counts == {"met": MANY}, moment
        made_whole(stage, moment)


def test_all_parts_at_the_same_time_each_doubled():
    stage = Many(many=60)
    stage.divide(5)
    together = Barrier(2 * SHARDS)
    run = stage.newest().run

    def take(shard):
        together.wait()
        with suppress(Contended):
            stage.run(reach=Reach(share=Share(walks.due_kind(JOB), shard, run=run)))

    threads = [Thread(target=take, args=(n % SHARDS,)) for n in range(2 * SHARDS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    walk = recovered(stage)
    assert (walk.status, walk.counts) == ("complete", {"met": 60})
    assert set(stage.met.values()) == {1}
