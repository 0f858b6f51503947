"""An operator's act, broken at every call it makes, and then repeated as whoever lost an answer repeats it; and a hold
that comes at any moment of the sweep it is to stop."""

from contextlib import suppress
from datetime import timedelta

import pytest

from chalicelib.domain.account import Hold
from chalicelib.domain.facts import (
    LegalHoldReleased,
    LegalHoldSet,
    StepHeld,
    StepRetried,
    StepWaived,
)
from chalicelib.domain.steps import DATA_PURGED, NUMBERS_RELEASED
from chalicelib.lifecycle import tell
from chalicelib.store import keys
from chalicelib.store.table import StoreError
from tests.crashes.stories import STORIES
from tests.crashes.test_sweeps import at_every_moment, prepared, recover, told_cleanly
from tests.support.endings import differences, ending
from tests.support.faults import Crash, every_fault
from tests.support.invariants import check_all
from tests.support.stage import Stage

WHY = "asked on the phone"
STORY = STORIES[NUMBERS_RELEASED]


def a_hold(stage):
    return Hold(at=stage.now, by="op", reason=WHY)


def held(stage):
    return StepHeld(step_id=NUMBERS_RELEASED, hold=a_hold(stage))


ACTS = {
    "hold": held,
    "retry": lambda stage: StepRetried(step_id=NUMBERS_RELEASED, reason=WHY),
    "waive": lambda stage: StepWaived(step_id=NUMBERS_RELEASED, reason=WHY),
    "legal hold": lambda stage: LegalHoldSet(hold=a_hold(stage)),
    "its release": lambda stage: LegalHoldReleased(reason=WHY),
}


def ready(name):
    stage, witness = prepared(STORY)
    if name == "its release":
        tell(stage.world, "acme", LegalHoldSet(hold=a_hold(stage)), id="before", by="op")
    if name == "retry":
        tell(stage.world, "acme", held(stage), id="before", by="op")
    return stage, witness


def what_is_kept(stage):
    account = stage.load()
    rows = stage.table.query("A#acme", keys.STEP).rows
    told = [
        row["doc"]["what"]
        for row in stage.table.query("A#acme", keys.HISTORY, limit=1000).rows
        if row["doc"]["by"] == "op"
    ]
    index = {(row["sk"], row.get("due_at"), row.get("state")) for row in rows}
    return account.held, account.waived, account.legal_hold, account.steps, index, sorted(told)


@pytest.mark.parametrize("name", ACTS)
def test_an_act_broken_anywhere_and_repeated_is_one_act(name):
    def act(stage, world, id):
        tell(world, "acme", ACTS[name](stage), id=id, by="op")

    clean, _ = ready(name)
    act(clean, clean.world, "first")

    def alone(plan):
        stage, _ = ready(name)
        act(stage, stage.through(plan), "first")

    for plan in every_fault(alone):
        stage, witness = ready(name)
        with suppress(Crash, StoreError):
            act(stage, stage.through(plan), "first")
        check_all(stage.world, stage.table, stage.carrier, witness)
        if name != "retry":
            # Repeated without a key it is another request; said again, it changes nothing.
            act(stage, stage.world, "second")
        act(stage, stage.world, "first")
        assert what_is_kept(stage) == what_is_kept(clean), plan


def but_for_the_operator(stage, right):
    """What ended otherwise than it would have without anybody's doing; the operator's own entries aside."""
    found = differences(ending(stage), right)
    acts = ("step.held", "step.released", "step.retried")
    return [one for one in found if not any(f'/history/["{act}"' in one for act in acts)]


def test_a_hold_at_any_moment_of_a_sweep_stops_it_there():
    """At most the one number that was at the carrier at that moment is given back after it."""

    def calls(stage):
        seen = stage.carrier.view()["numbers"].values()
        return sum(len(number["calls"]) for number in seen)

    def holds(stage):
        stage.before = calls(stage)
        with suppress(Exception):
            tell(stage.world, "acme", held(stage), id="hold", by="op")

    def looked_at(plan, stage, witness):
        now_held = NUMBERS_RELEASED in stage.load().held
        if now_held:
            assert calls(stage) <= stage.before + 1, plan
            so_far = calls(stage)
            recover(stage, witness)
            stage.move(stage.now + timedelta(days=30))
            stage.run_schedule()
            assert calls(stage) == so_far, plan

    at_every_moment(STORY, holds, looked_at)


def test_a_legal_hold_at_any_moment_of_a_purge_is_kept_or_refused():
    def holds(stage):
        stage.said = False
        with suppress(Exception):
            tell(stage.world, "acme", LegalHoldSet(hold=a_hold(stage)), id="hold", by="op")
            stage.said = True

    def looked_at(plan, stage, witness):
        recover(stage, witness)
        account: object = stage.load()
        purged = stage.load().purged_at is not None
        if stage.said and stage.load().legal_hold is not None and not purged:
            assert stage.table.query("A#acme", keys.HISTORY).rows, plan
            assert stage.load().purge_began_at is None, plan
        else:
            assert purged, (plan, account)
        return purged

    kept = set(at_every_moment(STORIES[DATA_PURGED], holds, looked_at))
    assert kept == {True, False}


def test_released_after_it_was_stopped_halfway_it_ends_as_if_nothing_had_happened():
    def holds(stage):
        with suppress(Exception):
            tell(stage.world, "acme", held(stage), id="hold", by="op")

    right = told_cleanly(STORY.kind)

    def looked_at(plan, stage, witness):
        if NUMBERS_RELEASED in stage.load().held:
            release = StepRetried(step_id=NUMBERS_RELEASED, reason=WHY)
            tell(stage.world, "acme", release, id="release", by="op")
        recover(stage, witness)
        assert but_for_the_operator(stage, right) == [], plan

    at_every_moment(STORY, holds, looked_at)


def test_a_retry_while_it_is_being_carried_out_changes_nothing():
    def retries(stage: Stage):
        with suppress(Exception):
            again = StepRetried(step_id=NUMBERS_RELEASED, reason=WHY)
            tell(stage.world, "acme", again, id="retry", by="op")

    right = told_cleanly(STORY.kind)

    def looked_at(plan, stage, witness):
        recover(stage, witness)
        assert but_for_the_operator(stage, right) == [], plan

    at_every_moment(STORY, retries, looked_at)
