"""Every kind of event, with each call the webhook makes broken in every way.

Stripe sends again whatever was not answered with 2xx. However it went, the end is that of a clean delivery, and what
was answered with 2xx is applied or parked.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest

from chalicelib.domain.access import access_until
from tests.crashes.again import from_here
from tests.support.endings import differences, ending
from tests.support.faults import Crash, Plan, every_fault
from tests.support.invariants import Witness, check_all
from tests.support.stage import END, POLICIES, Stage

TICKS_TO_RECOVER = 4
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Delivery:
    """How an event comes to be sent, and what it is answered when all goes well."""

    prepare: Callable[[Stage], dict]
    outcome: str
    afterwards: Callable[[Stage], object] = lambda stage: None
    """What has to happen before a parked one can be applied."""


def _first(stage):
    stage.account()
    return stage.subscribe(hear=False)


def _news(stage):
    stage.account()
    stage.subscribe()
    stage.move(stage.now + HOUR)
    return stage.cancel(hear=False)


def _tie(stage):
    stage.account()
    stage.subscribe()
    return stage.cancel(hear=False)


def _late(stage):
    stage.account()
    stage.subscribe()
    stage.move(stage.now + HOUR)
    late = stage.cancel(hear=False)
    stage.move(stage.now + HOUR)
    stage.resume()
    return late


def _nothing_new(stage):
    stage.account()
    stage.subscribe()
    stage.move(stage.now + HOUR)
    same = stage.truth.thing("sub_1")
    return stage.truth.event("customer.subscription.updated", same)


def _ended(stage):
    stage.account()
    stage.subscribe()
    stage.number("+14155550101")
    stage.messages("m1")
    stage.cancel()
    stage.move(END)
    return stage.truth.event("customer.subscription.deleted", stage.truth.thing("sub_1"))


def _paid(stage):
    stage.account()
    stage.subscribe()
    stage.move(END)
    paid = stage.renew("sub_1")
    return stage.truth.event("invoice.paid", paid)


def _paid_before_its_subscription(stage):
    stage.account()
    stage.subscribe(hear=False)
    return stage.truth.event("invoice.paid", stage.truth.thing("in_sub_1"))


def _unknown(stage):
    return stage.subscribe(hear=False)


DELIVERIES = {
    "first": Delivery(_first, "applied"),
    "news": Delivery(_news, "applied"),
    "tie": Delivery(_tie, "applied"),
    "late": Delivery(_late, "applied"),
    "nothing new": Delivery(_nothing_new, "applied"),
    "ended": Delivery(_ended, "applied"),
    "paid": Delivery(_paid, "applied"),
    "paid before its subscription": Delivery(_paid_before_its_subscription, "applied"),
    "unknown customer": Delivery(_unknown, "parked", lambda stage: stage.account()),
}

deliveries = pytest.mark.parametrize("delivery", DELIVERIES.values(), ids=DELIVERIES)


def prepared(delivery):
    stage, witness = Stage(), Witness()
    event = delivery.prepare(stage)
    check_all(stage.world, stage.table, stage.carrier, witness)
    return stage, witness, event


def recover(stage, witness, delivery):
    delivery.afterwards(stage)
    for _ in range(TICKS_TO_RECOVER):
        stage.tick()
        check_all(stage.world, stage.table, stage.carrier, witness)


def cleanly(delivery):
    stage, witness, event = prepared(delivery)
    assert stage.deliver(event) == (200, {"outcome": delivery.outcome})
    recover(stage, witness, delivery)
    return ending(stage)


@deliveries
def test_a_delivery_broken_anywhere_ends_as_if_nothing_had_happened(delivery):
    right = cleanly(delivery)

    stage, witness, event = prepared(delivery)

    @from_here
    def broken(plan):
        status = _deliver(stage, event, plan)
        check_all(stage.world, stage.table, stage.carrier, witness)
        if status != 200:
            assert status is None or status >= 500, (plan, status)
            stage.move(stage.now + timedelta(minutes=5))
            again = stage.deliver(event)
            assert again[0] == 200, (plan, again)
            assert again[1]["outcome"] in (delivery.outcome, "duplicate"), plan
        recover(stage, witness, delivery)
        assert not differences(ending(stage), right), plan

    for plan in every_fault(from_here(lambda plan: _deliver(stage, event, plan))):
        broken(plan)


def _deliver(stage, event, plan):
    """The status, or None when the process died before it answered."""
    try:
        return stage.deliver(event, stage.through(plan))[0]
    except Crash:
        return None


@deliveries
def test_delivering_it_again_after_any_lost_answer_changes_nothing(delivery):
    """Whoever answered 200 and whose answer was lost is sent the same event again, for three days."""
    stage, witness, event = prepared(delivery)
    stage.deliver(event)
    recover(stage, witness, delivery)
    right = ending(stage)

    for _ in range(3):
        stage.move(stage.now + HOUR)
        again = stage.deliver(event)
        check_all(stage.world, stage.table, stage.carrier, witness)
        assert again[0] == 200
        # The clock may have done something; the event did not.
        assert not [d for d in differences(ending(stage), right) if "messages" in d or "due" in d]
        assert ending(stage)["accounts"]["acme"]["history"] == right["accounts"]["acme"]["history"]


def test_throttled_at_storage_for_an_hour_nothing_is_lost():
    stage, witness, event = prepared(DELIVERIES["news"])

    for _ in range(12):
        stage.move(stage.now + timedelta(minutes=5))
        plan = Plan({0: "throttled"})
        assert _deliver(stage, event, plan) == 503
    assert stage.deliver(event) == (200, {"outcome": "applied"})

    check_all(stage.world, stage.table, stage.carrier, witness)
    account = stage.load()
    policy = POLICIES.get("smarter-contact")
    assert access_until(account, account.subscriptions["sub_1"], policy) == END
