"""Six events of one subscription's life, with its payments and a dispute, in each of their 720 orders and each of them
twice; and every two of them heard by two functions at once, one in between every two calls of the other.
"""

from itertools import permutations

import pytest

from tests.crashes.meanwhile import Meanwhile, every_moment
from tests.support.endings import differences, ending
from tests.support.everything_at_stripe import Scene
from tests.support.invariants import check_all
from tests.support.stripe_shapes import event

NAMES = ("created", "cancelled", "paid", "unpaid", "disputed", "deleted")
TICKS = 1


def told():
    """The scene as Stripe has it in the end, and what it told on the way there."""
    scene = Scene()
    begun = scene.truth.thing("sub_1")
    end = begun["items"]["data"][0]["current_period_end"]
    cancelled = {**begun, "cancel_at": end, "canceled_at": scene.unix}
    ended = {**cancelled, "status": "canceled", "ended_at": scene.unix + 9}
    paid = scene.truth.thing("in_sub_1")
    things = {
        "created": ("customer.subscription.created", begun),
        "cancelled": ("customer.subscription.updated", cancelled),
        "paid": ("invoice.paid", paid),
        "unpaid": ("invoice.payment_failed", {**paid, "status": "open", "paid": False}),
        "disputed": ("charge.dispute.created", scene.truth.thing("dp_1")),
        "deleted": ("customer.subscription.deleted", ended),
    }
    scene.truth.put(ended)
    events = {
        name: event(f"evt_{name}", kind, scene.unix + n, thing)
        for n, (name, (kind, thing)) in enumerate(things.items())
    }
    scene.move(scene.now.replace(second=30))
    return scene, events


def settled(scene):
    """What is left when everything that waited had its turn. How often something was heard of is no state."""
    for _ in range(TICKS):
        scene.tick()
    check_all(scene.world, scene.table, scene.carrier)
    found = ending(scene)
    for account in found["accounts"].values():
        del account["history"]
    return found


@pytest.mark.parametrize("first", NAMES)
def test_every_order_with_every_one_twice_ends_the_same(first):
    right = all_told(*told())
    others = [name for name in NAMES if name != first]
    for rest in permutations(others):
        scene, events = told()
        order = (first, *rest)
        for name in (*order, *reversed(order)):
            assert scene.deliver(events[name])[0] == 200, order
        assert not differences(settled(scene), right), order


@pytest.mark.parametrize("name", NAMES)
def test_any_other_heard_at_every_moment_in_between_ends_the_same(name):
    """The rest comes afterwards, all of it: until then what was heard may be what Stripe has said by then."""
    right = all_told(*told())

    def alone(plan):
        scene, events = told()
        scene.deliver(events[name], scene.through(plan))

    moments = list(every_moment(alone))
    assert moments
    for other in NAMES:
        for moment in moments:
            scene, events = told()

            def meanwhile(scene=scene, events=events, other=other):
                assert scene.deliver(events[other])[0] == 200

            plan = Meanwhile(moment, meanwhile)
            status, said = scene.deliver(events[name], scene.through(plan))
            assert status == 200, (plan, said)
            assert plan.happened
            assert not differences(all_told(scene, events), right), (other, plan)


def all_told(scene, events):
    for name in NAMES:
        assert scene.deliver(events[name])[0] == 200
    return settled(scene)
