"""The senders, broken at every call they make in every way a call can break: nothing lost, everything first in order."""

from contextlib import suppress

import pytest

from chalicelib import delivering, mailing, publishing, replaying
from chalicelib.domain.capabilities import SwitchedOff
from chalicelib.gateways.events import EventRefused, Gone, OutOfReach
from chalicelib.replaying import Wanted
from chalicelib.store import aside, positions
from chalicelib.store.table import StoreError
from chalicelib.sweeping import TICK
from tests.publishing.outside import waiting
from tests.publishing.stages import ALL, Sending, fails
from tests.support.faults import Crash, FaultyTable, Plan, every_fault, faulty

THINGS = [*ALL, "number.added"]


def prepared() -> Sending:
    stage = Sending()
    stage.leaving()
    stage.number("+14155550100")
    return stage


def through(stage: Sending, plan: Plan):
    def broken(outsider, *names):
        return faulty(outsider, plan, names=names, unavailable=lambda: OutOfReach("timed_out"))

    return stage.anew(
        table=FaultyTable(stage.table, plan),
        mail=broken(stage.listener, "send"),
        events=broken(stage.listener, "publish"),
        endpoints={"app": broken(stage.app, "send"), "crm": broken(stage.crm, "send")},
    )


def deliver(world) -> None:
    delivering.deliver(world, "acme")


def everything(world) -> None:
    publishing.publish(world, "acme")
    delivering.deliver(world, "acme")


def schedule(world) -> None:
    publishing.catch_up(world)
    delivering.send_again(world)


def recovered(stage: Sending) -> None:
    for _ in range(4):
        stage.move(stage.now + TICK)
        publishing.catch_up(stage.anew())
        publishing.retry_stuck(stage.anew())
        delivering.send_again(stage.anew())
        mailing.send_unsent(stage.anew())


@pytest.mark.parametrize("run", [deliver, everything, schedule])
def test_a_sender_broken_anywhere_loses_nothing_and_keeps_the_order(run):
    broken = 0
    for plan in every_fault(lambda plan: run(through(prepared(), plan))):
        stage = prepared()
        with suppress(Crash, StoreError):
            run(through(stage, plan))
        recovered(stage)
        broken += 1
        where = f"{plan} at {plan.calls[min(plan.faults)].name}"
        for way in (stage.listener, stage.app, stage.crm):
            assert way.types == THINGS, where
            sent = [event["sequence"] for event in way.events]
            # What comes again comes again from one point on, never a single one out of its place.
            assert len(sent) <= 2 * len(THINGS), where
        assert waiting(stage) == [], where
        assert stage.set_aside() == [], where
        for name in ("bus", "app", "crm"):
            assert not positions.position(stage.table, "acme", name).lags, where
    assert broken > 30


@pytest.mark.parametrize("error", [EventRefused("too_large"), Gone("status_410")])
def test_setting_aside_and_stopping_survive_every_break(error):
    """Either it is set aside (stopped) and told so, or it is tried again: it is never simply forgotten."""

    def bad() -> Sending:
        stage = prepared()
        stage.app.fails = fails(error, "subscription.started")
        return stage

    for plan in every_fault(lambda plan: deliver(through(bad(), plan))):
        stage = bad()
        with suppress(Crash, StoreError):
            deliver(through(stage, plan))
        recovered(stage)
        where = f"{plan} at {plan.calls[min(plan.faults)].name}"
        if isinstance(error, Gone):
            assert delivering.stopped(stage.world, "app") is not None, where
            assert stage.app.types == ALL[:1], where
            assert positions.position(stage.table, "acme", "app").lags, where
        else:
            assert [one.way for one in stage.set_aside()] == ["app"], where
            assert stage.app.types == [ALL[0], ALL[2], "number.added"], where
        assert stage.crm.types == THINGS, where


def test_a_replay_broken_anywhere_sends_it_again_and_forgets_it_in_the_end():
    def aside_() -> Sending:
        stage = prepared()
        stage.app.fails = fails(EventRefused("too_large"), "subscription.started")
        deliver(stage.anew())
        stage.app.fails = fails(None)
        return stage

    def replay(world) -> None:
        for one in list(replaying.found(world, Wanted())):
            replaying.replay(world, one)

    for plan in every_fault(lambda plan: replay(through(aside_(), plan))):
        stage = aside_()
        # Who cannot read the kill switch sends nothing.
        with suppress(Crash, StoreError, SwitchedOff):
            replay(through(stage, plan))
        replay(stage.anew())
        assert list(aside.everything(stage.table, 2)) == [], plan
        assert sorted(stage.app.types) == sorted(THINGS), plan
