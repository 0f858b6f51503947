"""Work is announced, moved and withdrawn while processes die, walks double and days pass: nobody is forgotten, nobody
is told twice, and nothing happens on a date that had moved."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from threading import Barrier, Thread

import pytest

from chalicelib import lifecycle, maintaining, walking
from chalicelib.domain.ending import extended_days
from chalicelib.maintaining import Asked
from chalicelib.store import accounts, keys, maintenance, walks
from chalicelib.store.maintenance import Overtaken
from chalicelib.store.memory import MemoryTable
from chalicelib.store.table import Contended, StoreError
from chalicelib.sweeping import sweep, try_now
from tests.crashes.again import from_here
from tests.support.faults import Crash, every_fault
from tests.support.maintenance import DAY, HOUR, PROMISED, SECOND, SMARTER
from tests.support.rewriting import rewritten
from tests.support.stage import END, Stage

POLICIES = rewritten(SMARTER, ("[numbers]", PROMISED))
MANY = 5


class Working(Stage):
    """Some customers of a company that promises as 1msg does; one of them has left."""

    def __init__(self, table=None, many=MANY):
        super().__init__(table)
        self.ids = [f"acme-{n}" for n in range(many)]
        for n, id in enumerate(self.ids):
            self.account(id, f"cus_{n}")
            self.subscribe(f"sub_{n}", f"cus_{n}")
        self.cancel("sub_0")

    def process(self, **parts):
        return replace(super().process(**parts), policies=POLICIES)

    def window(self, starts, hours=2, **more):
        asked = Asked(
            starts_at=starts,
            ends_at=starts + hours * HOUR,
            kind="scheduled",
            reason="New disks",
            **more,
        )
        return maintaining.announced(self.world, asked, "op")

    def announce(self, window, world=None):
        walk = maintaining.save(world or self.world, window)
        maintaining.begin_to_tell(world or self.world, walk)

    def change(self, window, **more):
        known = maintenance.window(self.table, window.id) or window
        changed = maintaining.changed(self.world, known, Asked(**more), "op")
        self.announce(changed)
        return changed

    def stored(self, id):
        """As it lies in the table, told of nothing on the way."""
        return accounts.load(self.table, id).account

    def days(self, id, n=None):
        found = self.stored(id)
        return extended_days(found, found.subscriptions[f"sub_{id[5:]}"])

    def told(self, id):
        rows = self.table.query(keys.partition(id), f"{keys.HISTORY}maintenance:", limit=100).rows
        return [row["doc"]["what"] for row in rows]

    def check(self, days=1, told=("maintenance.announced",)):
        for id in self.ids:
            assert self.days(id) == days, id
            assert sorted(self.told(id)) == sorted(told), id


@pytest.fixture
def stage():
    return Working()


# -- dying anywhere


def test_an_announcement_that_dies_anywhere_is_there_wholly_or_not_at_all():
    stage = Working()
    window = stage.window(stage.now + DAY)

    def run(plan):
        with suppress(Crash, StoreError):
            stage.announce(window, stage.through(plan))

    @from_here
    def broken(plan):
        run(plan)
        if maintenance.window(stage.table, window.id) is None:
            assert not any(stage.told(id) for id in stage.ids), plan
            stage.announce(window)
        stage.tick()

        stage.check()

    for plan in every_fault(from_here(run)):
        broken(plan)


def test_telling_that_dies_anywhere_is_finished_by_the_schedule_and_tells_once():
    stage = Working()
    maintaining.save(stage.world, stage.window(stage.now + DAY))

    def run(plan):
        with suppress(Crash, StoreError):
            maintaining.tell_all(stage.through(plan))

    @from_here
    def broken(plan):
        run(plan)
        stage.tick()
        # A visit whose answer was lost is written down as failed, and tried again.
        stage.tick(2)

        stage.check()
        run_ = walks.latest(stage.table, maintaining.JOB, 10)
        assert {w.status for w in run_ if not w.run.endswith("~after")} == {"complete"}, plan

    for plan in every_fault(from_here(run)):
        broken(plan)


def test_an_announcement_whose_answer_was_lost_is_not_announced_again(stage):
    window = stage.window(stage.now + DAY)
    maintaining.save(stage.world, window)

    maintaining.save(stage.world, window)

    assert maintenance.window(stage.table, window.id).revision == 1
    maintaining.tell_all(stage.world)
    stage.check()


# -- two at once


def test_two_walks_at_once_tell_everybody_once():
    stage = Working(many=30)
    maintaining.save(stage.world, stage.window(stage.now + DAY))
    together = Barrier(2)

    def run():
        together.wait()
        with suppress(Contended):
            maintaining.tell_all(stage.world)

    threads = [Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    maintaining.tell_all(stage.world)

    stage.check()


def test_two_windows_announced_at_once_are_both_there(stage):
    first, second = stage.window(stage.now + DAY), stage.window(stage.now + 2 * DAY)
    together = Barrier(2)

    def run(window):
        together.wait()
        stage.announce(window)

    threads = [Thread(target=run, args=(one,)) for one in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stage.tick()

    stage.check(days=2, told=["maintenance.announced"] * 2)


def test_one_that_is_announced_between_another_s_reading_and_writing_is_not_lost(stage):
    first, second = stage.window(stage.now + DAY), stage.window(stage.now + 2 * DAY)
    late = iter([lambda: stage.announce(second)])

    class Overtaken(MemoryTable):
        def __getattribute__(self, name):
            if name == "transact":
                next(late, lambda: None)()
            return getattr(stage.table, name)

    stage.announce(first, stage.process(table=Overtaken()))

    assert {s.window_id for s in maintenance.work_of(stage.table, SMARTER).said} == {
        first.id,
        second.id,
    }
    stage.check(days=2, told=["maintenance.announced"] * 2)


def test_of_two_changes_at_once_the_second_is_told_that_it_was_overtaken(stage):
    window = stage.window(stage.now + DAY)
    stage.announce(window)
    one = maintaining.changed(stage.world, window, Asked(reason="a"), "op")
    stage.move(stage.now + SECOND)
    other = maintaining.changed(stage.world, window, Asked(reason="b"), "op")
    maintaining.save(stage.world, one)

    with pytest.raises(Overtaken):
        maintaining.save(stage.world, other)


# -- a change of mind in the middle


def test_moved_while_half_of_them_are_told_everybody_has_one_day():
    stage = Working(many=12)
    window = stage.window(stage.now + DAY)
    walk = maintaining.save(stage.world, window)
    some = iter(range(6))
    walking.go_on(
        stage.world,
        walk,
        lambda account_id: maintaining.tell(stage.world, account_id),
        lambda: next(some, None) is None,
    )
    heard = [id for id in stage.ids if stage.told(id)]
    assert 0 < len(heard) < 12

    stage.change(window, starts_at=stage.now + 3 * DAY, ends_at=stage.now + 3 * DAY + HOUR)
    stage.tick()

    for id in stage.ids:
        assert stage.days(id) == 1
        moved = ["maintenance.announced", "maintenance.moved"]
        assert stage.told(id) == (moved if id in heard else moved[:1])


def test_withdrawn_while_half_of_them_are_told_those_keep_it_and_nobody_else_hears_of_it():
    stage = Working(many=12)
    window = stage.window(stage.now + DAY)
    walk = maintaining.save(stage.world, window)
    some = iter(range(6))
    walking.go_on(
        stage.world,
        walk,
        lambda account_id: maintaining.tell(stage.world, account_id),
        lambda: next(some, None) is None,
    )
    heard = {id for id in stage.ids if stage.told(id)}

    stage.change(window, withdrawn=True)
    stage.tick()

    assert {id for id in stage.ids if stage.days(id) == 1} == heard
    assert {id for id in stage.ids if stage.told(id)} == heard


# -- before a walk comes by


def test_whoever_is_loaded_is_told_before_any_walk(stage):
    maintaining.save(stage.world, stage.window(stage.now + DAY))
    assert stage.told("acme-0") == []

    lifecycle.must_load(stage.world, "acme-0")

    assert stage.told("acme-0") == ["maintenance.announced"]
    assert stage.told("acme-1") == []


def test_what_was_due_on_the_old_date_is_not_done_when_the_walk_has_not_come_by(stage):
    """Messages are credited, and what else follows from an end, only once it is the extended end."""
    stage.messages("M1", account_id="acme-0")
    maintaining.save(stage.world, stage.window(END - DAY))
    stage.truth.change("sub_0", status="canceled", ended_at=int(END.timestamp()))
    stage.move(END)

    for kind in ("access_ends", "messages_credited"):
        assert "done" not in str(sweep(stage.world, kind))
    assert try_now(stage.world, "acme-0", "messages_credited:sub_0") == "called off"

    stage.move(END + DAY - SECOND)
    assert "done" not in str(sweep(stage.world, "messages_credited"))
    stage.move(END + DAY)
    assert str(sweep(stage.world, "messages_credited")) == "1 done"


def test_work_that_an_extension_brings_within_reach_is_told_of_at_once(stage):
    """Announced first, it was nobody's business: access ended before it."""
    stage.announce(stage.window(END + 15 * HOUR))
    assert stage.told("acme-0") == []

    stage.announce(stage.window(END - HOUR, 1))

    assert stage.told("acme-0") == ["maintenance.announced"] * 2
    assert stage.stored("acme-0").steps["access_ends:sub_0"] == END + 2 * DAY


def test_whoever_came_after_the_walk_is_told_after_the_work(stage):
    """One event told us that they have access, and nothing came by since."""
    window = stage.window(stage.now + DAY)
    stage.announce(window)
    stage.account("acme-9", "cus_9")
    stage.subscribe("sub_9", "cus_9")
    assert stage.told("acme-9") == []

    stage.move(window.ends_at + maintaining.NEWCOMERS_AFTER - SECOND)
    maintaining.tell_all(stage.world)
    assert stage.told("acme-9") == []

    stage.move(stage.now + SECOND)
    maintaining.tell_all(stage.world)
    assert stage.told("acme-9") == ["maintenance.announced"]


def test_an_event_that_comes_before_the_walk_finds_the_account_told(stage):
    maintaining.save(stage.world, stage.window(stage.now + DAY))

    stage.cancel("sub_1")

    assert stage.told("acme-1") == ["maintenance.announced"]
    assert stage.stored("acme-1").steps["access_ends:sub_1"] == END + DAY


def test_one_that_cannot_be_told_holds_up_nobody_and_is_never_given_up(stage):
    broken = ["acme-2"]

    class OneBroken(MemoryTable):
        def __getattribute__(self, name):
            return (
                getattr(stage.table, name) if name != "get" else object.__getattribute__(self, name)
            )

        def get(self, key):
            if key.pk in {keys.partition(id) for id in broken}:
                raise StoreError("as planned")
            return stage.table.get(key)

    world = stage.process(table=OneBroken())
    maintaining.save(stage.world, stage.window(stage.now + 200 * DAY))
    for _ in range(30):
        maintaining.tell_all(world)
        stage.move(stage.now + timedelta(hours=6))

    newest = next(w for w in walks.latest(stage.table, maintaining.JOB, 10) if "after" not in w.run)
    assert (newest.status, newest.failing, newest.given_up) == ("running", 1, 0)
    assert [id for id in stage.ids if not stage.told(id)] == ["acme-0", "acme-2"]

    broken.clear()
    stage.move(stage.now + timedelta(hours=6))
    maintaining.tell_all(world)
    assert stage.told("acme-2") == ["maintenance.announced"]


def test_once_nothing_can_come_late_any_more_the_policy_s_row_forgets_the_window(stage):
    first = stage.window(stage.now + DAY)
    stage.announce(first)
    stage.move(first.ends_at + maintenance.TOLD_FOR - SECOND)
    stage.announce(stage.window(stage.now + DAY))
    assert len(maintenance.work_of(stage.table, SMARTER).said) == 2

    stage.move(stage.now + SECOND)
    stage.announce(stage.window(stage.now + DAY))
    assert first.id not in {s.window_id for s in maintenance.work_of(stage.table, SMARTER).said}
