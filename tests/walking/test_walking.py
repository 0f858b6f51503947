"""One walk over all accounts: to the end, whatever happens on the way, and honest about what it could not do."""

from collections import Counter
from contextlib import suppress
from datetime import timedelta
from threading import Barrier, Thread

import pytest

from chalicelib import visiting, walking
from chalicelib.domain.moments import rfc3339
from chalicelib.store import walks
from chalicelib.store.table import Contended, StoreError, Unavailable
from chalicelib.sweeping import TICK
from tests.support.faults import Crash, every_fault
from tests.support.stage import SHARDS
from tests.walking.walkers import DAY, JOB, RUN, Failing, Walkers, after


@pytest.fixture
def stage():
    return Walkers()


# -- everybody, once


def test_a_walk_visits_every_account_once_and_is_complete(stage):
    walked = stage.go_on()

    assert stage.met == Counter(stage.ids)
    assert walked.walk.status == "complete"
    assert walked.walk.counts == {"met": 7}
    assert str(walked) == "7 met"


def test_more_accounts_than_a_page_holds():
    stage = Walkers(many=2 * visiting.AT_ONCE + 3)

    stage.go_on()

    assert stage.met == Counter(stage.ids)


def test_a_walk_that_ended_does_nothing_when_it_is_gone_on_with(stage):
    stage.go_on()

    assert str(stage.go_on()) == ""
    assert stage.met == Counter(stage.ids)


def test_a_walk_over_nobody_is_complete():
    assert Walkers(many=0).go_on().walk.status == "complete"


def test_only_those_that_were_chosen_are_visited(stage):
    walked = stage.go_on(choose=lambda ids: [id for id in ids if id.endswith("3")])

    assert stage.met == Counter(["acme-003"])
    assert walked.walk.counts == {"met": 1}


# -- it stops, and goes on


@pytest.mark.parametrize("visits", range(10))
def test_out_of_time_anywhere_it_goes_on_where_it_was(stage, visits):
    first = stage.go_on(out_of_time=after(visits))
    seen = stage.met.copy()

    walked = stage.go_on()

    assert walked.walk.status == "complete"
    assert stage.met == Counter(stage.ids), f"after {seen}"
    assert walked.walk.counts == {"met": 7}
    assert first.walk.status in ("running", "complete")


def test_without_any_time_it_says_that_it_is_not_finished(stage):
    walked = stage.go_on(out_of_time=lambda: True)

    assert str(walked) == "not finished"
    assert stage.checkpoint().status == "running"
    assert stage.met == Counter()


def test_a_running_walk_lies_in_the_due_index_and_an_ended_one_does_not(stage):
    stage.go_on(out_of_time=after(3))
    assert stage.due() == [rfc3339(stage.now)]

    stage.go_on()
    assert stage.due() == []


def test_a_walk_that_dies_anywhere_is_finished_by_the_next_run():
    def run(plan):
        stage = Walkers()
        with suppress(Crash, StoreError):
            stage.go_on(world=stage.through(plan))
        return stage

    for plan in every_fault(run):
        stage = run(plan)

        walked = stage.go_on()

        assert set(stage.met) == set(stage.ids), plan
        assert walked.walk.status == "complete", plan
        assert walked.walk.counts == {"met": 7}, "what is counted is counted once"


def test_two_walks_at_once_do_no_harm():
    stage = Walkers(many=120)
    together = Barrier(2)

    def run():
        together.wait()
        with suppress(Contended):
            stage.go_on()

    threads = [Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    walked = stage.go_on()

    assert set(stage.met) == set(stage.ids)
    assert walked.walk.counts == {"met": 120}


def test_whoever_was_overtaken_leaves_the_rest_to_the_other(stage):
    def visit(account_id):
        if not stage.met:
            stage.go_on(lambda _: "met by the other")
        return stage.visit(account_id)

    overtaken = stage.go_on(visit)

    assert len(stage.met) < len(stage.ids)
    assert stage.checkpoint().counts == {"met by the other": 7}
    assert stage.checkpoint().status == "complete"
    assert str(overtaken).endswith("not finished"), "this run does not know how it ended"


# -- somebody fails


def test_one_that_fails_holds_up_nobody_and_is_tried_again():
    stage = Failing("acme-002")

    walked = stage.go_on()

    assert set(stage.met) == set(stage.ids)
    assert (walked.walk.status, walked.walk.failing) == ("running", 1)
    assert walked.walk.counts == {"met": 6}

    stage.broken.clear()
    stage.move(stage.now + TICK - timedelta(seconds=1))
    assert stage.go_on().walk.failing == 1, "not before its next try"
    assert stage.met["acme-002"] == 1

    stage.move(stage.now + timedelta(seconds=1))
    walked = stage.go_on()
    assert (walked.walk.status, walked.walk.failing) == ("complete", 0)
    assert walked.walk.counts == {"met": 7}
    assert stage.met["acme-002"] == 2


def test_waiting_for_a_next_try_it_is_due_when_that_is():
    stage = Failing("acme-002")

    stage.go_on()

    assert stage.due() == [rfc3339(stage.now + TICK)]


def test_looking_again_before_a_next_try_writes_nothing():
    stage = Failing("acme-002")
    stage.go_on()
    before = stage.checkpoint()

    stage.go_on()

    assert stage.checkpoint() == before


def test_one_that_fails_for_good_is_given_up_and_the_walk_has_failed():
    stage = Failing("acme-002", "acme-005")

    for _ in range(3):
        walked = stage.go_on(most_tries=3)
        stage.move(stage.now + DAY)

    assert (walked.walk.status, walked.walk.given_up, walked.walk.failing) == ("failed", 2, 0)
    assert stage.met["acme-002"] == 3
    lost = walks.not_visited(stage.table, walked.walk, 10)
    assert [(one.account_id, one.attempts, one.next_at) for one in lost] == [
        ("acme-002", 3, None),
        ("acme-005", 3, None),
    ]
    assert {one.reason for one in lost} == {"RuntimeError"}, "its words are nobody's business"
    assert stage.due() == []


def test_a_failure_and_the_checkpoint_that_passes_it_are_one_write():
    """Whatever goes wrong between them: the account is visited again, never forgotten."""

    def run(plan):
        stage = Failing("acme-001", "acme-004")
        with suppress(Crash, StoreError):
            stage.go_on(world=stage.through(plan))
        return stage

    for plan in every_fault(run):
        stage = run(plan)
        stage.broken.clear()
        stage.go_on()
        stage.move(stage.now + DAY)

        walked = stage.go_on()

        assert walked.walk.status == "complete", plan
        assert walked.walk.counts == {"met": 7}, plan


def test_trying_again_survives_a_crash_anywhere():
    def run(plan):
        stage = Failing("acme-001", "acme-004", "acme-005")
        stage.go_on()
        stage.move(stage.now + DAY)
        stage.broken = {"acme-005"}
        with suppress(Crash, StoreError):
            stage.go_on(world=stage.through(plan))
        return stage

    for plan in every_fault(run):
        stage = run(plan)
        stage.broken.clear()
        stage.move(stage.now + DAY)

        walked = stage.go_on()

        assert (walked.walk.status, walked.walk.counts) == ("complete", {"met": 7}), plan


# -- what a schedule calls


def periodically(stage, **how):
    return walking.periodically(stage.world, JOB, DAY, stage.visit, **how)


def test_a_new_walk_begins_so_often_and_no_sooner(stage):
    periodically(stage)

    stage.move(stage.now + DAY - timedelta(seconds=1))
    assert periodically(stage) is None

    stage.move(stage.now + timedelta(seconds=1))
    assert str(periodically(stage)) == "7 met"
    assert stage.met == Counter({id: 2 for id in stage.ids})


def test_an_unfinished_walk_goes_on_before_a_new_one_begins(stage):
    periodically(stage, out_of_time=after(4))
    stage.move(stage.now + 2 * DAY)

    periodically(stage)

    assert stage.met == Counter(stage.ids)
    assert len(walks.latest(stage.table, JOB, 10)) == 1


def test_two_walks_in_the_same_second_are_two(stage):
    for _ in range(12):
        walking.periodically(stage.world, JOB, timedelta(0), stage.visit)

    assert stage.met == Counter({id: 12 for id in stage.ids})
    assert len(walks.latest(stage.table, JOB, 20)) == 12


def test_every_due_walk_of_a_job_is_gone_on_with_and_none_holds_up_the_next(stage):
    for run in ("a", "b", "c"):
        walking.begin(stage.world, JOB, run)
    walking.begin(stage.world, "another_job", "a")

    report = walking.go_on_with_due(stage.world, JOB, stage.visit)

    assert str(report) == "3 done"
    assert stage.met == Counter({id: 3 for id in stage.ids})


def test_a_walk_whose_checkpoint_cannot_be_read_holds_up_no_other(stage):
    walking.begin(stage.world, JOB, "a")
    walking.begin(stage.world, JOB, "b")

    class OneBroken:
        def __getattr__(self, name):
            return getattr(stage.table, name)

        def directory(self, *args, **how):
            raise Unavailable("as planned")

    report = walking.go_on_with_due(stage.process(table=OneBroken()), JOB, stage.visit)

    assert str(report) == "2 to be tried again"
    assert str(walking.go_on_with_due(stage.world, JOB, stage.visit)) == "2 done"


def test_a_walk_begins_when_it_is_due_and_not_before(stage):
    later = walks.Walk(job=JOB, run=RUN, began_at=stage.now)
    stage.table.write(walks.beginning(later, stage.now + DAY, SHARDS))

    assert str(walking.go_on_with_due(stage.world, JOB, stage.visit)) == ""

    stage.move(stage.now + DAY)
    assert str(walking.go_on_with_due(stage.world, JOB, stage.visit)) == "1 done"


def test_an_ended_walk_is_tidied_up_after_a_while(stage):
    stage.go_on()

    row = stage.table.query("W#look_around", "walk#").rows[0]

    assert row["expires_at"] == int((stage.now + walks.TIDY_AFTER).timestamp())


def test_every_table_serves(table):
    stage = Failing("acme-001", table=table)

    stage.go_on(out_of_time=after(3))
    stage.go_on()
    stage.broken.clear()
    stage.move(stage.now + DAY)

    assert stage.go_on().walk.counts == {"met": 7}


def test_operators_see_how_far_it_is_and_whom_it_could_not_visit():
    from tests.support.life import Life

    life = Life()
    life.account("broken")

    def visit(_):
        raise RuntimeError

    walking.periodically(life.world, "catch_up_publishing", DAY, visit)

    (walk,) = life.operator("GET", "/v1/admin/jobs/catch_up_publishing").body["walks"]

    assert (walk["status"], walk["failing"], walk["counts"]) == ("running", 1, {})
    (lost,) = walk["not_visited"]
    assert lost == {
        "account_id": "broken",
        "attempts": 1,
        "reason": "RuntimeError",
        "next_try_at": rfc3339(life.now + TICK),
    }
