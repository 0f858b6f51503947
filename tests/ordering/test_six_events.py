"""Six events of one subscription's life, with its payments and a dispute, in each of their 720 orders, once and then each
of them again; and every two of them heard by two functions at once, one in between every two calls of the other.

Three lives: one that ends, one that is cancelled and resumed, and one whose trial ends and whose card then fails.
"""

from collections.abc import Callable, Mapping
from functools import cache
from itertools import permutations
from typing import Any

import pytest

from chalicelib.domain.access import access_until
from tests.crashes.meanwhile import Meanwhile, every_moment
from tests.ordering.moments import Ways
from tests.support import stripe_shapes
from tests.support.endings import differences, ending
from tests.support.everything_at_stripe import DAYS, Scene
from tests.support.invariants import check_all
from tests.support.logged import unlogged
from tests.support.stripe_shapes import event

Things = dict[str, tuple[str, dict[str, Any]]]
"""An event's name → its type, and the thing it tells of, in the order in which it happened."""
CREATED, UPDATED = "customer.subscription.created", "customer.subscription.updated"
TICKS = 1


def _begun(scene: Scene) -> tuple[dict[str, Any], int]:
    begun = scene.truth.thing("sub_1")
    return begun, begun["items"]["data"][0]["current_period_end"]


def ended(scene: Scene) -> Things:
    begun, end = _begun(scene)
    cancelled = {**begun, "cancel_at": end, "canceled_at": scene.unix}
    gone = {**cancelled, "status": "canceled", "ended_at": scene.unix + 9}
    paid = scene.truth.thing("in_sub_1")
    scene.truth.put(gone)
    return {
        "created": (CREATED, begun),
        "cancelled": (UPDATED, cancelled),
        "paid": ("invoice.paid", paid),
        "unpaid": ("invoice.payment_failed", {**paid, "status": "open", "paid": False}),
        "disputed": ("charge.dispute.created", scene.truth.thing("dp_1")),
        "deleted": ("customer.subscription.deleted", gone),
    }


def resumed(scene: Scene) -> Things:
    """What it was before and what it is in the end look the same: a cancellation that comes late must not pass as news."""
    begun, end = _begun(scene)
    cancelled = {
        **begun, "cancel_at": end, "cancel_at_period_end": True, "canceled_at": scene.unix,
    }  # fmt: skip
    disputed = scene.truth.thing("dp_1")
    won = {**disputed, "status": "won"}
    scene.truth.put(won)
    return {
        "created": (CREATED, begun),
        "paid": ("invoice.paid", scene.truth.thing("in_sub_1")),
        "disputed": ("charge.dispute.created", disputed),
        "cancelled": (UPDATED, cancelled),
        "won": ("charge.dispute.closed", won),
        "resumed": (UPDATED, begun),
    }


def unpaid(scene: Scene) -> Things:
    """A trial is paid for, and the next month is not."""
    start, end = scene.unix, scene.unix + DAYS * 86_400
    later = end + DAYS * 86_400
    trying = stripe_shapes.subscription(
        start=start, end=end, status="trialing", trial_start=start, trial_end=end,
        latest_invoice="in_sub_1",
    )  # fmt: skip
    active = stripe_shapes.subscription(
        start=end, end=later, start_date=start, trial_start=start, trial_end=end,
        latest_invoice="in_sub_2",
    )  # fmt: skip
    owed = stripe_shapes.invoice("in_sub_2", start=end, end=later, status="open", attempt_count=4)
    past_due, given_up = {**active, "status": "past_due"}, {**active, "status": "unpaid"}
    scene.truth.put(owed)
    scene.truth.put(given_up)
    return {
        "created": (CREATED, trying),
        "paid": ("invoice.paid", scene.truth.thing("in_sub_1")),
        "active": (UPDATED, active),
        "failed": ("invoice.payment_failed", owed),
        "past_due": (UPDATED, past_due),
        "unpaid": (UPDATED, given_up),
    }


LIVES: Mapping[str, Callable[[Scene], Things]] = {
    life.__name__: life for life in (ended, resumed, unpaid)
}
NAMES = {life: tuple(happens(Scene())) for life, happens in LIVES.items()}
each_event = pytest.mark.parametrize(
    ("life", "name"), [(life, name) for life, names in NAMES.items() for name in names]
)


def told(life):
    """The scene as Stripe has it in the end, and what it told on the way there."""
    scene = Scene()
    things = LIVES[life](scene)
    events = {
        name: event(f"evt_{name}", kind, scene.unix + n, thing)
        for n, (name, (kind, thing)) in enumerate(things.items())
    }
    scene.move(scene.now.replace(second=30))
    return scene, events


def settled(scene):
    """What is left when everything that waited had its turn. How often something was heard of is no state; nor is when
    we first heard that it is behind, as long as access reaches equally far: the invoice's own failure decides that."""
    for _ in range(TICKS):
        scene.tick()
    check_all(scene.world, scene.table, scene.carrier)
    found = ending(scene)
    for account in found["accounts"].values():
        del account["history"]
        for one in account["record"].get("subscriptions", {}).values():
            one["past_due_since"] = bool(one.get("past_due_since"))
    ours = scene.load("acme")
    policy = scene.world.policies.get(ours.policy)
    reaches = {one.id: access_until(ours, one, policy) for one in ours.subscriptions.values()}
    return {**found, "access": reaches}


def all_told(scene, events):
    for one in events.values():
        assert scene.deliver(one)[0] == 200
    return settled(scene)


class Life(Ways):
    """A life that goes on from any moment it was at: what is heard at one is heard there once."""

    def __init__(self, life):
        scene, self.events = told(life)
        super().__init__(scene)
        self.right = all_told(*told(life))

    def hear(self, moment, *names):
        """The moment at which these are heard, one after the other."""
        for name in names:
            moment, status = self.after(moment, name, lambda name=name: self._deliver(name))
            assert status == 200, names
        return moment

    def _deliver(self, name):
        return self.stage.deliver(self.events[name])[0]

    def differs(self, moment):
        """Where it would end elsewhere, were nothing heard any more."""

        def end():
            return differences(settled(self.stage), self.right)

        return self.after(moment, "end", end)[1]


lives = cache(Life)
"""Both of the following tests go on from the same moments."""


@pytest.mark.parametrize("life", LIVES)
@unlogged()
def test_every_order_with_every_one_once_and_twice_ends_the_same(life):
    one = lives(life)
    for order in permutations(NAMES[life]):
        once = one.hear(one.begins, *order)
        assert not one.differs(once), order
        assert not one.differs(one.hear(once, *reversed(order))), order


@each_event
@unlogged()
def test_any_other_heard_at_every_moment_in_between_ends_the_same(life, name):
    """The rest comes afterwards, all of it: until then what was heard may be what Stripe has said by then."""
    one = lives(life)
    scene, events = one.stage, one.events

    def alone():
        return list(every_moment(lambda plan: scene.deliver(events[name], scene.through(plan))))

    _, moments = one.after(one.begins, (name, "alone"), alone)
    assert moments
    for other in NAMES[life]:
        for moment in moments:

            def meanwhile(other=other):
                assert scene.deliver(events[other])[0] == 200

            plan = Meanwhile(moment, meanwhile)

            def both(plan=plan):
                assert scene.deliver(events[name], scene.through(plan))[0] == 200, plan
                assert plan.happened

            heard, _ = one.after(one.begins, (name, other, moment), both)
            assert not one.differs(one.hear(heard, *NAMES[life])), (other, plan)


@pytest.mark.parametrize(
    ("life", "status", "cancel_at_period_end"),
    [("ended", "canceled", False), ("resumed", "active", False), ("unpaid", "unpaid", False)],
)
def test_each_life_ends_as_it_is_called(life, status, cancel_at_period_end):
    """What every order ends like is what Stripe says, not merely always the same."""
    scene, events = told(life)
    all_told(scene, events)

    ours = scene.load("acme").subscriptions["sub_1"]
    assert (ours.status, ours.cancel_at_period_end) == (status, cancel_at_period_end)
    assert (ours.ended_at is not None) == (life == "ended")
    assert (ours.cancel_at is not None) == (life == "ended")
