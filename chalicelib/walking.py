"""The one walk over all accounts: by the directory, page by page, with a checkpoint after each.

A walk that is killed, doubled or out of time goes on where its checkpoint is. Whatever it does to an account may
therefore be done twice, and must not mind. An account that is created while it walks may be missed.

What one run cannot do in its time is divided: each shard that is left becomes a part with a checkpoint of its own, and
other runs of the same function take those. A small walk never comes to that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib import log
from chalicelib.domain.moments import rfc3339
from chalicelib.effects.effect import OutOfTime
from chalicelib.sharing import Reach, Share
from chalicelib.store import walks
from chalicelib.store.table import Due, StoreError
from chalicelib.store.walks import Walk
from chalicelib.sweeping import CLAIM, Outcome, Report, each_due
from chalicelib.visiting import Choose, Visit, Visiting, Walked
from chalicelib.wiring import World

MOST_TRIES = 16
"""Of one account: nearly three days with the backoff."""


def begin(world: World, job: str, run: str, *, note: Mapping[str, str] | None = None) -> Walk:
    """Begins a walk under this name; one that was begun already is left as it is."""
    now = world.clock.now()
    walk = Walk(job=job, run=run, began_at=now, note=note or {})
    return walks.begin(world.table, walk, now, world.settings.due_shards)


def go_on(
    world: World,
    walk: Walk,
    visit: Visit,
    out_of_time: OutOfTime = lambda: False,
    reach: Reach | None = None,
    *,
    choose: Choose = lambda ids: ids,
    most_tries: int = MOST_TRIES,
) -> Walked:
    """Goes on from the walk's checkpoint until it is finished, waits for a next try, or is out of time. What is left
    then is divided into parts, if there is somebody to give them to.

    Another run that walks at the same time does no harm: whoever sees that its checkpoint was moved leaves the rest to
    the other. Raises the table's errors only.
    """
    reach = reach or Reach()
    walked = Walked(walks.load(world.table, walk.job, walk.run) or walk)
    visiting = Visiting(world, walked, visit, out_of_time, choose, most_tries)
    if walked.walk.parts:
        _divide(visiting)
    of_it = _parts_go_on(visiting, reach)
    before = walked.walk.version
    visiting.goes_on()
    # One that had no time at all says nothing of how much there is.
    if reach.may_give and visiting.has_pages() and walked.walk.version > before and out_of_time():
        _divide(visiting)
        of_it = _parts_go_on(visiting, reach)
    if of_it:
        visiting.adds_up(of_it)
    return walked


def periodically(
    world: World,
    job: str,
    every: timedelta,
    visit: Visit,
    out_of_time: OutOfTime = lambda: False,
    reach: Reach | None = None,
    *,
    choose: Choose = lambda ids: ids,
    most_tries: int = MOST_TRIES,
) -> Walked | None:
    """The job's unfinished walk goes on; if there is none, a new one begins `every` so often. None when it is not time
    for one.

    A run that was given a share does its part of its walk; None when nothing is left of that.
    """
    if reach is not None and reach.share is not None:
        return _take(world, reach.share, visit, out_of_time, choose, most_tries)
    now = world.clock.now()
    newest = next(iter(walks.latest(world.table, job, 1)), None)
    if newest is None or (newest.status != "running" and newest.began_at + every <= now):
        newest = begin(world, job, _next_run(newest, now))
    elif newest.status != "running":
        return None
    elif every and (late := now - (newest.began_at + every)) > timedelta(0):
        log.event("walk_late", job=job, run=newest.run, late_seconds=int(late.total_seconds()))
    return go_on(world, newest, visit, out_of_time, reach, choose=choose, most_tries=most_tries)


def again(world: World, job: str, visit: Visit) -> Walked:
    """As `periodically`, without waiting for the time: the unfinished walk is finished, or else a new one made."""
    walked = periodically(world, job, timedelta(0), visit)
    assert walked is not None
    return walked


def go_on_with_due(
    world: World,
    job: str,
    visit: Visit,
    out_of_time: OutOfTime = lambda: False,
    reach: Reach | None = None,
    *,
    most_tries: int = MOST_TRIES,
) -> Report | Walked | None:
    """Every walk of the job that has something to do by now, one after the other; or the share that was given."""

    def carry(due: Due) -> Outcome:
        walk = walks.load(world.table, *walks.named(due.key))
        if walk is None or walk.status != "running":
            return "called off"
        try:
            done = go_on(world, walk, visit, out_of_time, reach, most_tries=most_tries).walk
        except Exception as error:  # noqa: BLE001 - isolated: it stays due as it is, and the next walk goes on
            log.problem("walk_failed", error, job=walk.job, run=walk.run)
            return "to be tried again"
        return "left" if done.status == "running" else "done"

    if reach is not None and reach.share is not None:
        return _take(world, reach.share, visit, out_of_time, lambda ids: ids, most_tries)
    return each_due(world, walks.due_kind(job), out_of_time, carry)


def _next_run(newest: Walk | None, now: datetime) -> str:
    """Named by its moment; two within the same second are told apart."""
    run = rfc3339(now)
    if newest is None or not newest.run.startswith(run):
        return run
    return f"{run}~{int(newest.run.removeprefix(run).removeprefix('~') or 1) + 1:04d}"


# -- in parts


def _divide(visiting: Visiting) -> None:
    """Everything that is left becomes parts, in one write with the walk's own checkpoint: also shards that there are only
    since it was divided."""
    world, shards = visiting.world, visiting.world.settings.due_shards
    while walks.has_pages(walk := visiting.walked.walk, shards):
        divided, beginnings = walks.divided(walk, world.clock.now(), shards)
        if not visiting.moves(divided, {}, beginnings):
            return
        log.event("walk_divided", job=walk.job, run=walk.run, parts=divided.parts - walk.parts)


def _parts_go_on(visiting: Visiting, reach: Reach) -> list[Walk]:
    """All parts of the walk. Those that have something to do are given to others; where nobody takes them, this run
    does them itself, one after the other."""
    world, walk = visiting.world, visiting.walked.walk
    of_it, now = walks.parts(world.table, walk), world.clock.now()
    wait = [one for one in of_it if _is_free(one, now) and _has_something_to_do(one, now)]
    if not wait or reach.gives([_share(one) for one in wait], now):
        return of_it
    for one in wait:
        if visiting.out_of_time():
            break
        visiting.walked.counts.update(_part_goes_on(one, visiting))
    return walks.parts(world.table, walk)


def _take(
    world: World,
    share: Share,
    visit: Visit,
    out_of_time: OutOfTime,
    choose: Choose,
    most_tries: int,
) -> Walked | None:
    """The whole walk, and what this run did of its part. None when nothing is to be done."""
    job = walks.job_of(share.kind)
    walk = walks.load(world.table, job, share.run)
    part = walks.part(world.table, job, share.run, share.shard)
    now = world.clock.now()
    if walk is None or part is None or not _is_free(part, now):
        return None
    visiting = Visiting(world, Walked(walk), visit, out_of_time, choose, most_tries)
    return Walked(walk, _part_goes_on(part, visiting))


def _part_goes_on(part: Walk, whole: Visiting) -> Counter[str]:
    """What came of it. Whoever finds it taken leaves it."""
    mine = replace(whole, walked=Walked(part))
    if not mine.saves(replace(part, taken_until=whole.world.clock.now() + CLAIM), []):
        return Counter()
    try:
        mine.goes_on()
    finally:
        if mine.walked.walk.status == "running":
            # If not even this can be written, it is free when its time is over.
            with suppress(StoreError):
                mine.saves(replace(mine.walked.walk, taken_until=None), [])
    return mine.walked.counts


def _is_free(part: Walk, now: datetime) -> bool:
    # Half-open, as every span here: at the instant itself it is free again.
    taken = part.taken_until is not None and now < part.taken_until
    return part.status == "running" and not taken


def _has_something_to_do(part: Walk, now: datetime) -> bool:
    return part.waits_until is None or part.waits_until <= now


def _share(part: Walk) -> Share:
    assert part.part is not None
    return Share(walks.due_kind(part.job), part.part, run=part.run)
