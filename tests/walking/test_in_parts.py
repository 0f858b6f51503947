"""A walk that one run cannot make in its time: others take parts of it, and the round is as if one had made it."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib import walking
from chalicelib.domain.moments import rfc3339
from chalicelib.sharing import NotShared, Reach, Share
from chalicelib.store import keys, walks
from chalicelib.store.table import Put
from chalicelib.sweeping import CLAIM, TICK
from tests.support.faults import Plan
from tests.support.stage import SHARDS
from tests.walking.walkers import DAY, JOB, Many, Queue

SECOND = timedelta(seconds=1)


@pytest.fixture
def stage():
    return Many()


# -- what is divided, and what is not


def test_what_one_run_cannot_do_in_its_time_is_done_in_parts_and_everybody_visited_once(stage):
    first = stage.divide()
    assert str(first) == "3 met, not finished"
    assert [one.status for one in stage.parts()] == ["running"] * SHARDS

    stage.flow()
    assert stage.met == Counter(stage.ids)
    assert stage.newest().status == "running", "the schedule's own run adds up"

    stage.move(stage.now + TICK)
    last = stage.run()
    assert str(last) == "12 met", "whoever ends it tells of all of it"
    assert (last.walk.status, last.walk.counts) == ("complete", {"met": 12})
    assert stage.met == Counter(stage.ids)


def test_a_part_begins_where_the_walk_was(stage):
    stage.divide(visits=2)
    at = stage.newest()

    first, second = stage.parts()

    assert (at.shard, at.after, at.parts) == (0, first.after, SHARDS)
    assert (first.shard, first.after is not None) == (0, True)
    assert (second.shard, second.after) == (1, None)


def test_a_shard_that_is_done_has_no_part():
    stage = Many()
    of_the_first = sum(keys.shard(id, SHARDS) == 0 for id in stage.ids)

    stage.divide(visits=of_the_first)

    assert [one.part for one in stage.parts()] == [1]
    assert stage.to_the_end().counts == {"met": 12}
    assert stage.met == Counter(stage.ids)


@pytest.mark.parametrize("many", [0, 7, 60])
def test_a_walk_that_one_run_makes_asks_the_same_with_a_queue_as_without(many):
    asked = []
    for reach in (Reach(), None):
        stage, plan = Many(many=many), Plan()

        stage.run(world=stage.through(plan), reach=reach)

        asked.append([call.name for call in plan.calls])
        assert stage.newest().status == "complete"
        assert stage.queue.given == []
    assert asked[0] == asked[1]


def test_a_run_that_had_no_time_at_all_divides_nothing(stage):
    """Something before it took the whole time: that says nothing of how many accounts there are."""
    stage.run(visits=0)

    assert stage.parts() == []
    assert stage.queue.given == []
    assert stage.run().walk.status == "complete"


def test_where_there_is_no_queue_the_walk_goes_on_by_itself(stage):
    for _ in range(6):
        stage.run(visits=3, reach=Reach())

    assert stage.parts() == []
    assert stage.met == Counter(stage.ids)


def test_no_more_parts_begin_than_one_transaction_takes():
    walk = walks.Walk(job=JOB, run="x", began_at=Many(many=0).now)

    first, begun = walks.divided(walk, walk.began_at, 150)
    rest, then = walks.divided(first, walk.began_at, 150)

    assert (len(begun), first.parts, walks.has_pages(first, 150)) == (99, 99, True)
    assert (len(then), rest.parts, walks.has_pages(rest, 150)) == (51, 150, False)


def test_the_next_round_begins_as_ever(stage):
    stage.divide()
    stage.to_the_end()

    stage.move(stage.newest().began_at + DAY)
    stage.divide()
    stage.to_the_end()

    assert stage.met == Counter({id: 2 for id in stage.ids})
    assert [one.status for one in walks.latest(stage.table, JOB, 9)] == ["complete"] * 2


# -- two at once, the second delivery, the late one


def test_a_message_that_comes_twice_does_nothing_the_second_time(stage):
    stage.divide()
    messages = [share.text() for share in stage.queue.given]
    stage.flow()

    for shard in range(SHARDS):
        assert stage.take(shard) is None

    assert len(messages) == SHARDS
    assert stage.met == Counter(stage.ids)


def test_a_message_that_comes_after_the_round_does_nothing(stage):
    stage.divide()
    run = stage.newest().run
    stage.to_the_end()
    late = Reach(share=Share(walks.due_kind(JOB), 1, run=run))

    assert stage.run(reach=late) is None
    stage.move(stage.newest().began_at + DAY)
    stage.divide()
    before = stage.met.copy()

    assert stage.run(reach=late) is None, "and nothing to the next round"
    assert stage.met == before


def test_a_message_of_a_walk_that_there_is_not_does_nothing(stage):
    stage.divide()

    for share in (
        Share(walks.due_kind(JOB), 0, run="2020-01-01T00:00:00Z"),
        Share(walks.due_kind(JOB), 7, run=stage.newest().run),
        Share(walks.due_kind("another"), 0, run=stage.newest().run),
        Share(walks.due_kind(JOB), 0),
    ):
        assert stage.run(reach=Reach(share=share)) is None


def test_of_two_runs_at_one_part_the_second_leaves_it(stage):
    stage.divide()
    seen = []

    def visit(account_id):
        if not seen:
            seen.append(stage.take(0))
        return stage.visit(account_id)

    stage.take(0, visit=visit)

    assert seen == [None]
    assert max(stage.met.values()) == 1


def test_the_schedule_gives_nothing_away_that_a_run_is_at_work_on(stage):
    stage.divide()
    stage.queue.given.clear()

    def visit(account_id):
        if not stage.queue.given:
            stage.move(stage.now + TICK)
            stage.run()
        return stage.visit(account_id)

    stage.take(0, visit=visit)

    assert [one.shard for one in stage.queue.given] == [1]


def test_a_part_whose_run_died_is_free_when_its_time_is_over_and_no_sooner(stage):
    stage.divide()

    class Died(BaseException):
        pass

    def die(_):
        raise Died

    died = stage.now
    with pytest.raises(Died):
        stage.take(0, visit=die, world=Dying(stage).world)
    assert stage.parts()[0].taken_until == died + CLAIM

    stage.move(died + CLAIM - SECOND)
    assert stage.take(0) is None
    stage.move(died + CLAIM)
    assert stage.take(0) is not None
    assert stage.to_the_end().counts == {"met": 12}


class Dying:
    """A process that writes nothing after its first write: not even that it leaves."""

    def __init__(self, stage):
        inner, done = stage.table, []

        class Once:
            def __getattr__(self, name):
                return getattr(inner, name)

            def transact(self, actions):
                if not done:
                    done.append(inner.transact(actions))

        self.world = stage.process(table=Once())


def test_a_part_that_ran_out_of_time_is_free_at_once_and_goes_on_where_it_was(stage):
    stage.divide()

    assert str(stage.take(1, visits=2)) == "2 met, not finished"
    seen = stage.met.copy()
    part = stage.parts()[1]
    assert (part.status, part.taken_until) == ("running", None)
    stage.take(1)

    assert stage.parts()[1].status == "complete"
    assert not seen - stage.met
    assert max(stage.met.values()) == 1


def test_parts_that_are_left_are_given_again_in_the_next_turn_and_only_once_within_one(stage):
    stage.divide()
    once = len(stage.queue._waiting)
    stage.run()
    assert len(stage.queue._waiting) == once == SHARDS

    stage.move(stage.now + TICK)
    stage.run()
    assert len(stage.queue._waiting) == 2 * once


def test_what_the_queue_does_not_take_the_schedules_run_does_alone_and_ends(stage):
    class Down(Queue):
        def put(self, shares, turn):
            raise NotShared("EndpointConnectionError")

    stage.queue = Down(stage)
    stage.divide()
    assert len(stage.parts()) == SHARDS

    walked = stage.run()

    assert walked.walk.status == "complete"
    assert walked.walk.counts == {"met": 12}
    assert str(walked) == "12 met"
    assert stage.met == Counter(stage.ids)


def test_a_person_who_walks_by_hand_finishes_what_was_divided(stage):
    stage.divide()

    walked = walking.again(stage.world, JOB, stage.visit)

    assert (walked.walk.status, walked.walk.counts) == ("complete", {"met": 12})
    assert stage.met == Counter(stage.ids)


# -- accounts come and go, shards grow


def test_an_account_that_comes_meanwhile_is_visited_once_if_the_walk_has_not_passed_it():
    stage = Many()
    stage.divide(visits=2)
    behind, ahead = ("aaa", "zzz")
    for start in (behind, ahead):
        for n in range(5):
            stage.account(f"{start}-{n}", customer=None)

    stage.to_the_end()

    assert all(stage.met[id] == 1 for id in stage.ids)
    assert all(stage.met[f"{ahead}-{n}"] == 1 for n in range(5))
    # The walk has been at the first shard's beginning, and not at the second's.
    met = {n for n in range(5) if stage.met[f"{behind}-{n}"] == 1}
    assert met == {n for n in range(5) if keys.shard(f"{behind}-{n}", SHARDS) == 1}
    assert 0 < len(met) < 5


def test_more_shards_than_the_walk_was_divided_into_are_walked_over_too(stage):
    stage.divide()
    more = SHARDS + 2
    for n in range(9):
        stage.table.write(Put({
            "pk": f"A#new-{n}", "sk": "account", "doc": {},
            "dir_kind": f"accounts#{SHARDS + n % 2}", "dir_key": f"new-{n}",
        }))  # fmt: skip
    grown = replace(stage.world, settings=replace(stage.world.settings, due_shards=more))
    stage.queue = Queue(stage, lambda: grown)

    first = stage.run(visits=4, world=grown)
    assert [one.part for one in stage.parts()] == [0, 1, 2, 3]
    assert first.walk.status == "running"
    stage.flow()
    walked = stage.run(world=grown)

    assert walked.walk.status == "complete"
    assert walked.walk.counts == {"met": 21}
    assert max(stage.met.values()) == 1


def test_a_version_that_knows_no_parts_makes_the_round_from_where_it_was_divided(stage):
    """After a rollback: what the parts did is done again, and nobody is left out."""
    stage.divide()
    stage.take(1, visits=1)
    row = stage.table.get(keys.walk(JOB, stage.newest().run))
    del row["doc"]["parts"]
    stage.table.write(Put(row))

    walked = stage.run(reach=Reach())

    assert walked.walk.status == "complete"
    assert walked.walk.counts == {"met": 12}
    assert set(stage.met) == set(stage.ids)


# -- somebody fails


def test_one_that_fails_in_a_part_is_tried_again_by_that_part_and_holds_up_nobody():
    stage = Many("acme-003", "acme-008")
    stage.divide(visits=1)
    stage.flow()
    assert set(stage.met) == set(stage.ids)

    stage.broken.clear()
    stage.move(stage.now + TICK - SECOND)
    stage.queue.given.clear()
    stage.run()
    assert stage.queue.given == [], "not before its next try"

    stage.move(stage.now + SECOND)
    walk = stage.to_the_end()

    assert (walk.status, walk.failing, walk.counts) == ("complete", 0, {"met": 12})


def test_what_failed_before_it_was_divided_is_tried_again_by_the_schedules_own_run():
    stage = Many()
    first = min(id for id in stage.ids if keys.shard(id, SHARDS) == 0)
    stage.broken = {first}
    stage.divide(visits=2)
    assert stage.newest().failing == 1

    stage.broken.clear()
    walk = stage.to_the_end()

    assert (walk.status, walk.counts) == ("complete", {"met": 12})
    assert stage.met == Counter(stage.ids) + Counter([first])


def test_a_walk_whose_parts_are_at_work_stays_due_however_long_its_own_failures_wait():
    stage = Many()
    first = min(id for id in stage.ids if keys.shard(id, SHARDS) == 0)
    stage.broken = {first}
    stage.divide(visits=2)
    divided = stage.now

    stage.run()

    assert stage.due() == [rfc3339(divided)]


def test_one_that_a_part_gives_up_makes_the_whole_walk_fail_and_is_named():
    stage = Many("acme-003", "acme-008")
    stage.divide(visits=1)
    for _ in range(3):
        for shard in range(SHARDS):
            stage.take(shard, most_tries=3)
        stage.move(stage.now + timedelta(hours=7))

    walked = stage.run()

    assert (walked.walk.status, walked.walk.given_up) == ("failed", 2)
    assert walked.walk.counts == {"met": 10}
    lost = walks.not_visited(stage.table, walked.walk, 10)
    assert sorted(one.account_id for one in lost) == ["acme-003", "acme-008"]
    assert stage.due() == []


# -- every table


def test_every_table_serves(table):
    stage = Many("acme-004", table=table)

    stage.divide()
    stage.take(0, visits=1)
    stage.flow()
    stage.broken.clear()

    walk = stage.to_the_end()
    assert (walk.status, walk.counts) == ("complete", {"met": 12})
    assert len(stage.parts()) == SHARDS
