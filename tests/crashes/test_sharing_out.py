"""More is due than one run does: shares of it are done by other runs, and whatever goes wrong between them shows nowhere."""

import json
from collections import Counter
from datetime import timedelta
from functools import cache

import pytest

from chalicelib import sweeping, wiring
from chalicelib.domain import steps
from chalicelib.handlers import jobs
from chalicelib.handlers.jobs import JOBS, SCHEDULE
from chalicelib.sharing import PARTS, NotShared, Reach, Share, Unreadable, read
from chalicelib.store import keys
from chalicelib.store.table import Due, Key, Unavailable, Update
from infra.local.share_queue import LocalShares, takers
from tests.crashes.again import broken_anywhere
from tests.crashes.meanwhile import Meanwhile, every_moment
from tests.support.endings import differences, ending
from tests.support.faults import Plan, faulty
from tests.support.invariants import check_all
from tests.support.stage import END, SHARDS, Stage

RELEASE = JOBS["release_numbers"]
DUE = END + timedelta(days=14)
ACCOUNTS, FEW = 8, 2
TICKS_TO_RECOVER = 4


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch):
    """Two steps of a shard are as much as one run likes to do."""
    monkeypatch.setattr(sweeping, "PAGE", 2)


class Queue(LocalShares):
    """Its takers are fresh processes, which may break as planned; what was put is remembered."""

    def __init__(self, stage, plan=None):
        super().__init__(
            takers(SCHEDULE), lambda: stage.through(plan) if plan else stage.process(shares=None)
        )
        self.given = []

    def put(self, shares, turn):
        self.given += shares
        super().put(shares, turn)


def everybody_left(accounts=ACCOUNTS):
    """Each had a number, and all of them are due to be given back now."""
    stage = Stage()
    for n in range(accounts):
        stage.account(f"acc{n}", f"cus_{n}")
        stage.subscribe(f"sub_{n}", f"cus_{n}")
        stage.number(f"+1415555{n:04}", account_id=f"acc{n}")
        stage.cancel(f"sub_{n}")
    stage.move(END)
    stage.run_schedule()
    # Whoever is to be reminded was.
    stage.move(DUE - timedelta(days=1))
    stage.run_schedule()
    stage.move(DUE)
    return stage


def released(stage):
    return sorted(n for n, one in stage.carrier.view()["numbers"].items() if one["status"] == "released")  # fmt: skip


def due(stage):
    return [key for kind, _, key in stage.due_now(until="2026-04") if kind == steps.NUMBERS_RELEASED]  # fmt: skip


@cache
def told_alone(accounts=ACCOUNTS):
    stage = everybody_left(accounts)
    RELEASE.run(stage.world)
    _recover(stage, None)
    return ending(stage)


def _recover(stage, queue):
    stage.world = stage.process(shares=queue)
    for _ in range(TICKS_TO_RECOVER):
        stage.tick()
        if queue is not None:
            list(queue.flow())
    check_all(stage.world, stage.table, stage.carrier)


# -- what is shared out, and what is not


def test_a_large_backlog_is_done_in_shares_and_each_number_is_given_back_once():
    stage = everybody_left()
    queue = Queue(stage)

    said = RELEASE.run(stage.process(shares=queue)).did
    before = released(stage)
    did = list(queue.flow())

    assert said == f"{SHARDS} shared out"
    assert before == []
    assert {name for name, _ in did} == {"release_numbers"}
    assert len(released(stage)) == ACCOUNTS
    assert due(stage) == []
    assert differences(_after(stage, queue), told_alone()) == []


def _after(stage, queue):
    _recover(stage, queue)
    return ending(stage)


def test_what_one_run_does_is_not_shared_and_costs_no_further_question(monkeypatch):
    monkeypatch.setattr(sweeping, "PAGE", ACCOUNTS)
    calls = []
    for queued in (False, True):
        stage, plan = everybody_left(), Plan()
        queue = Queue(stage) if queued else None
        world = stage.through(plan)
        object.__setattr__(world, "shares", queue)
        RELEASE.run(world)
        calls.append([call.name for call in plan.calls])
        assert len(released(stage)) == ACCOUNTS
        assert queue is None or queue.given == []

    assert calls[0] == calls[1]


@pytest.mark.parametrize(("page", "shares"), [(3, PARTS), (4, 0)])
def test_a_shard_is_shared_when_its_first_page_is_full_and_not_one_step_sooner(
    monkeypatch, page, shares
):
    monkeypatch.setattr(sweeping, "PAGE", page)
    stage = everybody_left(accounts=20)
    held = Counter(due_kind for due_kind in _shards(stage))
    for_others = [shard for shard, count in held.items() if count > 3]
    keep = {shard: 3 for shard in held}
    # Exactly three are left in each shard.
    for row in _rows(stage):
        if keep[row["due_kind"]] == 0:
            stage.world.table.write(_put_off(row))
        else:
            keep[row["due_kind"]] -= 1
    queue = Queue(stage)

    RELEASE.run(stage.process(shares=queue))

    assert for_others
    assert len(queue.given) == shares * SHARDS


def _rows(stage):
    found = []
    for shard in range(SHARDS):
        page = stage.table.due(f"{steps.NUMBERS_RELEASED}#{shard}", "2026-04", limit=1000)
        found += [stage.table.get(one.key) for one in page.due]
    return found


def _shards(stage):
    return [row["due_kind"] for row in _rows(stage)]


def _put_off(row):
    return Update(Key(row["pk"], row["sk"]), {"due_at": "2027-01-01T00:00:00Z"})


def test_a_function_that_has_no_queue_does_everything_alone():
    stage = everybody_left()

    said = RELEASE.run(stage.process()).did

    assert said == f"{ACCOUNTS} done"


def test_every_due_step_falls_to_exactly_one_share_and_no_share_has_nearly_all():
    rows = [Due(Key(f"A#account-{n}", "step#x"), "") for n in range(4000)]
    for shards in (2, 16, 5):
        of_one_shard = [one for one in rows if keys.shard(one.key.pk, shards) == 0]
        parts = [Share("x", 0, part, PARTS) for part in range(PARTS)]

        held = [[one for one in of_one_shard if share.holds(one)] for share in parts]

        assert sum(map(len, held)) == len(of_one_shard)
        assert {one.key for part in held for one in part} == {one.key for one in of_one_shard}
        assert max(map(len, held)) < 1.5 * len(of_one_shard) / PARTS


def test_all_steps_of_an_account_fall_to_the_same_share():
    one, other = Key("A#acme", "step#number_removed:+1"), Key("A#acme", "step#number_removed:+2")

    assert keys.part(one, PARTS) == keys.part(other, PARTS)


# -- whatever goes wrong


def test_broken_anywhere_it_ends_as_if_nothing_had_happened(monkeypatch):
    monkeypatch.setattr(sweeping, "PAGE", 1)
    stage, right = everybody_left(FEW), told_alone(FEW)

    def told(plan):
        queue = Queue(stage, plan)
        world = stage.through(plan)
        shares = faulty(queue, plan, names=("put",), unavailable=lambda: NotShared("as planned"))
        object.__setattr__(world, "shares", shares)
        RELEASE.run(world)
        list(queue.flow())

    def looked_at(where):
        check_all(stage.world, stage.table, stage.carrier)
        # Shares that waited are lost as well: the schedule gives new ones.
        assert differences(_after(stage, Queue(stage)), right) == [], where

    broken_anywhere(told, looked_at)


def test_a_share_that_is_done_again_at_any_moment_of_the_first_time_does_nothing_twice():
    def first(stage, plan):
        share = Share(steps.NUMBERS_RELEASED, 0, 0, 1)
        RELEASE.take(stage.through(plan), share)
        return share

    def alone(plan):
        first(everybody_left(FEW), plan)

    for moment in every_moment(alone):
        stage = everybody_left(FEW)

        def again(stage=stage):
            RELEASE.take(stage.process(), Share(steps.NUMBERS_RELEASED, 0, 0, 1))

        first(stage, Meanwhile(moment, again))
        check_all(stage.world, stage.table, stage.carrier)
        for one in stage.carrier.view()["numbers"].values():
            assert len([call for call in one["calls"] if call["outcome"] == "done"]) <= 1


def test_a_schedule_that_runs_twice_gives_each_share_once_and_gives_it_again_in_its_next_turn():
    stage = everybody_left()
    queue = Queue(stage)
    world = stage.process(shares=queue)

    RELEASE.run(world)
    RELEASE.run(world)
    once = len(queue._waiting)
    stage.move(DUE + sweeping.TICK)
    RELEASE.run(world)

    assert once == SHARDS * PARTS
    assert len(queue._waiting) == 2 * once


def test_a_shard_that_was_given_away_is_not_looked_at_again_in_the_same_run():
    reach = Reach(Queue(Stage()))

    assert reach.gives_away("x", 1, "2026-03-14T12:00:00Z", DUE)
    assert list(reach.shards("x", 3)) == [0, 2]
    assert list(reach.shards("y", 3)) == [0, 1, 2]


def test_what_a_share_had_no_time_for_is_shared_out_again():
    stage = everybody_left()
    queue = Queue(stage)
    RELEASE.run(stage.process(shares=queue))
    asked = iter([False] * 3)
    for text in list(queue._waiting.values()):
        RELEASE.take(stage.process(), read(text), lambda: next(asked, True))
    queue._waiting.clear()
    assert 0 < len(released(stage)) < ACCOUNTS

    stage.move(DUE + sweeping.TICK)
    RELEASE.run(stage.process(shares=queue))
    list(queue.flow())

    assert len(released(stage)) == ACCOUNTS


def test_what_the_queue_does_not_take_is_done_at_once():
    class Down:
        def put(self, shares, turn):
            raise NotShared("EndpointConnectionError")

    stage = everybody_left()

    said = RELEASE.run(stage.process(shares=Down())).did

    assert said == f"{ACCOUNTS} done"


# -- the messages, as Lambda hands them over


def message(id, body):
    return {"messageId": id, "body": body if isinstance(body, str) else json.dumps(body)}


GOOD = {"kind": steps.NUMBERS_RELEASED, "shard": 0, "part": 0, "parts": 1}


def failures(records, remaining=lambda: 280_000, job="release_numbers"):
    answer = jobs.take_shares(job, records, remaining)
    return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


def test_a_message_that_cannot_be_read_comes_again_alone():
    stage = everybody_left()
    wiring.use(stage.world)
    records = [
        message("torn", "{"), message("list", "[]"), message("empty", {}),
        message("beyond", {**GOOD, "part": 1}), message("of another job", {**GOOD, "kind": steps.DATA_PURGED}),
        message("good", GOOD), message("other", {**GOOD, "shard": 1}),
    ]  # fmt: skip

    assert failures(records) == ["torn", "list", "empty", "beyond", "of another job"]
    assert len(released(stage)) == ACCOUNTS


def test_a_share_comes_again_when_the_table_does_not_answer():
    class Down:
        def due(self, *_, **__):
            raise Unavailable("down")

    stage = everybody_left()
    down = stage.process()
    object.__setattr__(down, "table", Down())
    wiring.use(down)

    assert failures([message("one", GOOD)]) == ["one"]


def test_what_there_is_no_time_to_begin_comes_again():
    stage = everybody_left()
    wiring.use(stage.world)
    left = iter([280_000] * 40)

    assert failures([message("late", GOOD)], remaining=lambda: 5_000) == ["late"]
    assert released(stage) == []
    assert failures([message("in time", GOOD)], remaining=lambda: next(left, 280_000)) == []


def test_a_job_that_shares_nothing_out_takes_no_share():
    with pytest.raises(Unreadable):
        JOBS["pay_decided_cases"].take(None, Share(steps.REFUND_PAID, 0, 0, 1))


def test_a_share_is_read_as_it_was_written():
    share = Share("number_fee", 3, 1, 4)

    assert read(share.text()) == share


# -- the local stack's queue


def test_a_share_that_fails_three_times_is_put_aside_and_the_others_go_on():
    stage = everybody_left()
    tries = Counter()

    class Half:
        """Cannot do one of the parts."""

        name = "release_numbers"

        def take(self, world, share):
            tries[share.part] += 1
            if share.part == 0:
                raise Unavailable("down")
            return RELEASE.take(world, share)

    queue = LocalShares({steps.NUMBERS_RELEASED: Half()}, stage.process)
    queue.put([Share(steps.NUMBERS_RELEASED, 0, part, 2) for part in range(2)], "now")
    list(queue.flow())

    assert tries == {0: 3, 1: 1}
    assert [read(text).part for text in queue.unfinished] == [0]


def test_every_kind_of_what_may_fall_due_at_once_is_shared_out_by_its_own_job():
    shared = takers(SCHEDULE)

    assert {steps.ACCESS_ENDS, steps.NUMBER_FEE, steps.NUMBERS_RELEASED, steps.DATA_PURGED} <= set(shared)  # fmt: skip
    assert all(kind in taker.shared for kind, taker in shared.items())
