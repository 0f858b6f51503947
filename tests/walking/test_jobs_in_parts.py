"""Each job that walks over all accounts, through the schedule and the queue that it is deployed with: what it does in
parts it does as if one run had made the whole round."""

import json

import pytest

from chalicelib import catching_up, checking, maintaining, publishing, visiting, wiring
from chalicelib.handlers import jobs
from chalicelib.handlers.jobs import JOBS, SCHEDULE
from chalicelib.store import keys, walks
from chalicelib.sweeping import TICK
from tests.support.life import Life
from tests.support.maintenance import CHANNEL, Works

MANY = 9
WALKING = [job.name for job in SCHEDULE if walks.due_kind(job.name) in job.shared]


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch):
    monkeypatch.setattr(visiting, "AT_ONCE", 1)
    monkeypatch.setattr(maintaining, "AT_ONCE", 1)


def newest(life, job):
    """But for the one that waits until the announced work is over."""
    found = walks.latest(life.world.table, job, 9)
    return next((one for one in found if not one.run.endswith("~after")), None)


def once_moved(life, job):
    """Time is over when the walk has come one page further."""
    before = getattr(newest(life, job), "version", 1)
    return lambda: getattr(newest(life, job), "version", 1) > before


def everybody(job):
    life = Life()
    for n in range(MANY):
        life.account(f"acme-{n}", "1msg")
    if job == maintaining.JOB:
        for n in range(MANY):
            life.subscribe(f"acme-{n}", CHANNEL)
        Works(life).announce("02-10 02:00", "02-10 04:00")
    return life


def at_once(life, job):
    JOBS[job].run(life.world)


def in_parts(life, job):
    JOBS[job].run(life.world, once_moved(life, job))
    assert newest(life, job).parts > 0
    assert newest(life, job).status == "running"
    assert {name for name, _ in life.shares.flow()} <= {job}
    life.wait(life.now + TICK)
    JOBS[job].run(life.world)


def test_every_walk_over_all_accounts_is_in_this_list():
    assert {*WALKING} == {
        maintaining.JOB, publishing.CATCH_UP, "reconcile", checking.JOB,
    }  # fmt: skip


@pytest.mark.parametrize("job", WALKING)
def test_in_parts_a_job_does_what_it_does_at_once(job):
    made = []
    for how in (at_once, in_parts):
        life = everybody(job)
        how(life, job)
        walk = newest(life, job)
        made.append((walk.status, walk.counts, walk.given_up))

    assert made[0] == made[1]
    assert made[0][0] == "complete"


def test_everybody_is_told_of_work_on_the_systems_exactly_once():
    told = []
    for how in (at_once, in_parts):
        life = everybody(maintaining.JOB)
        how(life, maintaining.JOB)
        told.append([history(life, f"acme-{n}") for n in range(MANY)])

    assert told[0] == told[1]
    assert all(one.count("maintenance.announced") == 1 for one in told[1])


def history(life, account_id):
    rows = life.world.table.query(f"A#{account_id}", keys.HISTORY).rows
    return sorted(row["doc"]["what"] for row in rows)


def test_a_gap_in_stripes_events_is_closed_when_the_whole_round_is_made_and_not_by_a_part(
    monkeypatch,
):
    life = everybody("reconcile")
    closed = []
    monkeypatch.setattr(catching_up, "close_gap", lambda _, at: closed.append(at))

    JOBS["reconcile"].run(life.world, once_moved(life, "reconcile"))
    list(life.shares.flow())
    assert all(one.status == "complete" for one in walks.parts(life.world.table, newest(life, "reconcile")))  # fmt: skip
    assert closed == []

    JOBS["reconcile"].run(life.world)
    assert closed == [newest(life, "reconcile").began_at]


def test_who_takes_a_part_leaves_stripes_lists_to_the_schedules_own_run(monkeypatch):
    life = everybody("reconcile")
    JOBS["reconcile"].run(life.world, once_moved(life, "reconcile"))
    monkeypatch.setattr("chalicelib.reconciling.read_lists", lambda *_: pytest.fail("it read them"))

    assert [name for name, _ in life.shares.flow()]


@pytest.mark.parametrize("job", WALKING)
def test_lambda_hands_a_part_over_and_it_comes_again_only_when_it_failed(job, monkeypatch):
    life = everybody(job)
    wiring.use(life.world)
    JOBS[job].run(life.world, once_moved(life, job))
    bodies = list(life.shares._waiting.values())
    records = [{"messageId": f"m{n}", "body": body} for n, body in enumerate(bodies)]
    of_another = {"messageId": "other", "body": json.dumps({**json.loads(bodies[0]), "kind": "walk:x"})}  # fmt: skip

    answer = jobs.take_shares(job, [*records, of_another], lambda: 280_000)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "other"}]}
    assert all(one.status == "complete" for one in walks.parts(life.world.table, newest(life, job)))


@pytest.mark.parametrize("job", WALKING)
def test_operators_see_a_round_as_a_whole_while_it_is_made_in_parts(job):
    life = everybody(job)
    JOBS[job].run(life.world, once_moved(life, job))

    def shown():
        found = life.operator("GET", f"/v1/admin/jobs/{job}").body["walks"]
        return next(one for one in found if one["run"] == newest(life, job).run)

    begun = shown()
    list(life.shares.flow())
    walked = shown()
    JOBS[job].run(life.world)
    ended = shown()

    assert begun["shards_done"] < begun["shards"]
    assert walked["shards_done"] == walked["shards"]
    assert (walked["status"], ended["status"]) == ("running", "complete")
    assert walked["counts"] == ended["counts"]
