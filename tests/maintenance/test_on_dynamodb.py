"""The same on every table there is: announced, told, moved, found again."""

from chalicelib import lifecycle, maintaining
from chalicelib.store import maintenance, walks
from tests.crashes.test_maintenance import Working
from tests.support.maintenance import DAY, HOUR, SMARTER
from tests.support.stage import END


def test_announced_moved_and_told_on_every_table(table):
    stage = Working(table)
    window = stage.window(stage.now + DAY)
    stage.announce(window)
    stage.check()

    stage.change(window, starts_at=stage.now + 2 * DAY, ends_at=stage.now + 4 * DAY)
    stage.tick()

    stage.check(days=3, told=["maintenance.announced", "maintenance.moved"])
    assert stage.stored("acme-0").steps["access_ends:sub_0"] == END + 3 * DAY
    (said,) = maintenance.work_of(table, SMARTER).said
    assert said.revision == 2
    (found,), more = maintaining.windows_shown(stage.world, limit=10, after=None)
    assert (found.revision, more) == (2, None)
    statuses = {w.run: w.status for w in walks.latest(table, maintaining.JOB, 10)}
    assert sorted(statuses.values()) == ["complete", "complete", "running", "running"]

    stage.move(stage.now + 5 * DAY + HOUR)
    maintaining.tell_all(stage.world)
    statuses = {w.run: w.status for w in walks.latest(table, maintaining.JOB, 10)}
    assert set(statuses.values()) == {"complete"}
    assert lifecycle.must_load(stage.world, "acme-1").account == stage.stored("acme-1")
