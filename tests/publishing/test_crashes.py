"""The publisher, broken at every call it makes in every way a call can break.

Events arrive at least once and first in order; each mail goes out under its one key; nothing is lost.
"""

from contextlib import suppress

import pytest

from chalicelib import mailing, publishing
from chalicelib.store import outbox, positions
from chalicelib.store.table import StoreError
from chalicelib.sweeping import TICK
from tests.publishing.outside import Listener, waiting
from tests.support.faults import Crash, FaultyTable, Plan, every_fault, faulty
from tests.support.stage import Stage

ALL = [
    "account.created",
    "subscription.started",
    "subscription.cancellation_scheduled",
    "subscription.resumed",
]
MAILS = 2


def prepared() -> tuple[Stage, Listener]:
    stage = Stage()
    stage.account()
    stage.subscribe()
    stage.cancel()
    stage.move(stage.now + TICK)
    stage.resume()
    return stage, Listener()


def through(stage: Stage, listener: Listener, plan: Plan):
    outside = faulty(listener, plan, names=("publish", "send"))
    return stage.process(table=FaultyTable(stage.table, plan), mail=outside, events=outside)


def recovered(stage: Stage, listener: Listener) -> None:
    """What the schedule does: catch up, and try again what waits, until the claim of a dead sender has run out."""
    world = stage.process(mail=listener, events=listener)
    for _ in range(4):
        stage.move(stage.now + TICK)
        publishing.catch_up(world)
        publishing.retry_stuck(world)
        mailing.send_unsent(world)


def publish(world) -> None:
    publishing.publish(world, "acme")


def retry(world) -> None:
    publishing.catch_up(world)
    publishing.retry_stuck(world)
    mailing.send_unsent(world)


@pytest.mark.parametrize("run", [publish, retry])
def test_a_publisher_broken_anywhere_loses_nothing(run):
    def clean(plan):
        stage, listener = prepared()
        run(through(stage, listener, plan))
        assert (listener.types, len(listener.mail)) == (ALL, MAILS)

    broken = 0
    for plan in every_fault(clean):
        stage, listener = prepared()
        with suppress(Crash, StoreError):
            run(through(stage, listener, plan))
        recovered(stage, listener)
        broken += 1
        where = f"{plan} at {plan.calls[min(plan.faults)].name}"
        assert listener.types == ALL, where
        assert len(set(listener.keys)) == MAILS, where
        assert len(listener.mail) <= MAILS + 1, where
        assert waiting(stage) == [], where
        assert not positions.position(stage.table, "acme").lags, where
        assert {one.state for one in outbox.recent(stage.table, "acme", 9)} == {"sent"}, where
    assert broken > 40


def test_what_is_sent_twice_is_the_same_letter():
    """A mailer that does not know keys would deliver it twice; then it says the same, to the letter."""
    for plan in every_fault(lambda plan: publish(through(*prepared(), plan))):
        stage, listener = prepared()
        with suppress(Crash, StoreError):
            publish(through(stage, listener, plan))
        recovered(stage, listener)

        letters: dict[str, set[str]] = {}
        for mail in listener.mail:
            letters.setdefault(mail["key"], set()).add(mail["subject"] + mail["text"])
        assert all(len(said) == 1 for said in letters.values()), plan
