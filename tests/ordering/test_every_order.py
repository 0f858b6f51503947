"""Four events in each of their 24 orders, whatever seconds they share: the end is Stripe's."""

from datetime import timedelta
from itertools import permutations, product

import pytest

from chalicelib.gateways.stripe_reader import read_subscription
from chalicelib.store import parked
from chalicelib.sweeping import retry_one_parked
from tests.ordering.moments import Ways
from tests.support.invariants import Witness, check_all
from tests.support.logged import unlogged
from tests.support.stage import Stage
from tests.support.stripe_shapes import event, subscription

SECONDS = [one for one in product((0, 1), repeat=3) if any(one)] + [(0, 0, 0)]
"""Whether each event is of a later second than the one before."""


def life(stage):
    start, end = stage.unix, stage.unix + 28 * 86_400
    first = subscription(start=start, end=end)
    cancelled = {**first, "cancel_at": end, "canceled_at": start}
    resumed = {**first, "metadata": {"resumed": "yes"}}
    ended = {**first, "status": "canceled", "ended_at": start + 9, "canceled_at": start + 9}
    return [("created", first), ("updated", cancelled), ("updated", resumed), ("deleted", ended)]


def events(stage, seconds):
    created, found = stage.unix, []
    for n, (kind, thing) in enumerate(life(stage)):
        created += seconds[n - 1] if n else 0
        found.append(event(f"evt_{n}", f"customer.subscription.{kind}", created, thing))
    return found


@pytest.mark.parametrize("seconds", SECONDS, ids=str)
@unlogged()
def test_every_order_of_four_events_ends_in_what_stripe_holds(seconds):
    stage, witness, told = begun(seconds)
    stage.truth.put(told[-1]["data"]["object"])
    ways = Ways(stage, witness)

    def hear(event):
        assert stage.deliver(event)[0] == 200
        check_all(stage.world, stage.table, stage.carrier, witness)

    for order in permutations(range(4)):
        moment = ways.begins
        for n in (*order, *reversed(order)):
            moment, _ = ways.after(moment, n, lambda n=n: hear(told[n]))

        _, known = ways.after(moment, "known", stage.load)
        assert _state(known) == _theirs(stage, told), order


@pytest.mark.parametrize("seconds", SECONDS, ids=str)
@unlogged()
def test_each_asked_about_while_the_object_was_only_so_far_ends_right_as_well(seconds):
    """The newest event may be missing when we ask: it is still to come, and is news then."""
    stage, _, told = begun(seconds)
    states = [one["data"]["object"] for one in told]
    ways = Ways(stage)

    def hear(n):
        stage.truth.advance("sub_1", states, n)
        assert stage.deliver(told[n])[0] == 200

    for order in permutations(range(4)):
        moment = ways.begins
        for n in order:
            moment, _ = ways.after(moment, n, lambda n=n: hear(n))

        _, known = ways.after(moment, "known", stage.load)
        assert _state(known) == _theirs(stage, told), order


def begun(seconds):
    stage = Stage()
    stage.account()
    return stage, Witness(), events(stage, seconds)


def _state(account):
    known = account.subscriptions["sub_1"]
    return known.status, known.ended_at


def _theirs(stage, told):
    said = read_subscription(told[-1]["data"]["object"], stage.now)
    return said.status, said.ended_at


def test_ended_is_terminal_whatever_is_said_afterwards():
    """Invariant 8: an event that comes late, or one that lies, does not bring it back."""
    stage, witness = Stage(), Witness()
    stage.account()
    told = events(stage, (1, 1, 1))
    stage.deliver(told[3])
    ended = stage.load().subscriptions["sub_1"].ended_at

    revived = event("evt_9", "customer.subscription.updated", stage.unix + 99, life(stage)[0][1])
    for one in (*told, revived):
        stage.truth.put(one["data"]["object"])
        stage.deliver(one)
        check_all(stage.world, stage.table, stage.carrier, witness)

    assert stage.load().subscriptions["sub_1"].ended_at == ended


def test_one_that_changes_nothing_visible_still_makes_the_one_before_it_late():
    """Otherwise the cancellation that was undone since would pass as news."""
    stage = Stage()
    stage.account()
    start = stage.unix
    (_, first), (_, cancelled), (_, resumed), _ = life(stage)
    stage.truth.put(resumed)
    told = [
        event(f"evt_{n}", "customer.subscription.updated", start + n, thing)
        for n, thing in enumerate((first, cancelled, resumed))
    ]

    for n in (0, 2, 1):
        assert stage.deliver(told[n]) == (200, {"outcome": "applied"})

    assert stage.load().subscriptions["sub_1"].cancel_at is None


def test_a_parked_one_that_is_applied_at_once_is_not_overtaken_by_an_older_one():
    """Asked about in the same minute, Stripe's `Date` may lag behind the very event that made us ask."""
    stage = Stage()
    stage.truth.lag = timedelta(seconds=90)
    start = stage.unix
    (_, first), (_, cancelled), (_, resumed), _ = life(stage)
    told = [
        event(f"evt_{n}", "customer.subscription.updated", start + n, thing)
        for n, thing in enumerate((first, cancelled, resumed))
    ]
    stage.truth.put(resumed)
    assert stage.deliver(told[2]) == (200, {"outcome": "parked"})
    stage.account()
    for key, _ in parked.of_customer(stage.table, "cus_1"):
        assert retry_one_parked(stage.world, key) == "done"

    stage.deliver(told[1])

    assert stage.load().subscriptions["sub_1"].cancel_at is None


def test_invoices_in_every_order_say_the_same_in_the_end():
    """The paid-through date only grows, and a failure does not come back after the payment."""
    stage = Stage()
    stage.account()
    stage.subscribe()
    renewal = stage.renew("sub_1")
    kinds = [
        ("invoice.paid", stage.truth.thing("in_sub_1")),
        ("invoice.payment_failed", {**renewal, "status": "open"}),
        ("invoice.payment_failed", {**renewal, "status": "open", "attempt_count": 2}),
        ("invoice.paid", renewal),
    ]
    told = [stage.truth.event(kind, thing) for kind, thing in kinds]
    ways = Ways(stage)

    def hear(n):
        assert stage.deliver(told[n])[0] == 200

    for order in permutations(range(4)):
        moment = ways.begins
        for n in (*order, *order):
            moment, _ = ways.after(moment, n, lambda n=n: hear(n))

        _, account = ways.after(moment, "known", stage.load)
        known = account.subscriptions["sub_1"]
        assert known.unpaid is None, order
        assert int(known.paid_until.timestamp()) == renewal["lines"]["data"][0]["period"]["end"]
