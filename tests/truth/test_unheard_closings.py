"""M1-12, SC-10: what a bank has decided is heard in the end, though nobody told us and no list reaches back so far."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.domain import drift
from chalicelib.gateways.stripe import StripeRefused, StripeUnavailable
from chalicelib.gateways.stripe_money import MoneyAtStripe
from chalicelib.handlers.jobs import JOBS
from chalicelib.lifecycle import must_load
from chalicelib.reconciling_accounts import note, visit
from chalicelib.reconciling_lists import DISPUTED_SINCE
from chalicelib.store.table import StoreError
from chalicelib.store.walks import latest
from tests.crashes.meanwhile import Meanwhile, every_moment
from tests.operators.desk import ACME, DAY, PURGE, Desk
from tests.purging.test_purge import certificates
from tests.purging.test_unheard_disputes import Line
from tests.support.cases import (
    becomes,
    disputed,
    inquired,
    newest_charge,
    onemsg,
    settled,
    show,
    through,
    told,
)
from tests.support.faults import Crash, every_fault
from tests.support.top_ups import held, parked, pay, started

RECONCILE = JOBS["reconcile"]
FORGOTTEN = timedelta(days=31)
"""After so long Stripe has forgotten an event."""
UNHEARD = drift.DISPUTE_UNHEARD


def left_with_a_dispute(opened=disputed):
    """Left, with a dispute that is open for longer by now than Stripe's list of them is read back; and from now on no
    webhook comes."""
    desk = Desk().leave()
    desk.dispute = opened(desk)
    desk.life.move(desk.life.now + DISPUTED_SINCE + DAY)
    desk.life.control("drop_webhooks")
    return desk


def disputed_plan(desk):
    return disputed(desk.life, subscription=desk.subscription)


def asked_about(desk):
    (charge,) = desk.life.charges(desk.customer)
    return inquired(desk.life, charge["id"])


@pytest.fixture
def desk():
    return left_with_a_dispute(disputed_plan)


def closed(desk, status="won"):
    """The bank decided; Stripe's list of events names it no more."""
    (settled if status in ("won", "lost") else becomes)(desk.life, desk.dispute, status)
    desk.life.sleep(desk.life.now + FORGOTTEN)
    return desk


def run(desk):
    return RECONCILE.run(desk.life.world).did


def state(desk):
    return show(desk.life, desk.dispute)["state"]


def found(desk):
    shown = desk.life.operator("GET", "/v1/admin/jobs/reconcile").body["findings"]
    return [(one["kind"], one["subject"]) for one in shown]


# -- a purge is not held for ever


@pytest.mark.parametrize(
    ("opened", "status"),
    [
        (disputed_plan, "won"),
        (disputed_plan, "lost"),
        (disputed_plan, "prevented"),
        (asked_about, "warning_closed"),
    ],
)
def test_a_dispute_closed_without_a_word_holds_the_purge_no_longer(opened, status):
    """SC-10: "retained for one year. After that, all data will be permanently deleted": a lost webhook is no reason to
    keep it for ever."""
    desk = closed(left_with_a_dispute(opened), status)

    desk.life.move(PURGE + DAY)
    desk.life.move(PURGE + 2 * DAY)

    assert len(certificates(desk.life)) == 1


def test_one_that_is_still_open_holds_it_however_old_it_is(desk):
    desk.life.move(PURGE + 400 * DAY)

    assert certificates(desk.life) == []
    assert state(desk) == "open"


def test_it_is_closed_here_as_it_was_closed_there_and_once(desk):
    closed(desk)

    assert run(desk) == f"1 repaired: {UNHEARD}"
    desk.life.wait(desk.life.now + DAY)
    assert run(desk) == ""

    assert state(desk) == "won"
    assert must_load(desk.life.world, ACME).account.cases == {}
    assert len(told(desk.life, "dispute.won")) == 1


def test_what_it_moved_is_booked_with_it():
    """M1-12: "balance … adjustments in accordance with accounting rules"."""
    life, _ = onemsg()
    pay(life, started(life))
    dispute = disputed(life, charge=newest_charge(life))
    life.control("drop_webhooks")
    settled(life, dispute, "lost")
    before = held(life)

    seen = visit(life.world, "acme", apply=True)

    assert seen.outcome == f"repaired: {UNHEARD}"
    assert (before, held(life)) == (5000, 0)


def test_asked_without_being_told_to_it_says_so_and_changes_nothing(desk):
    closed(desk)

    seen = visit(desk.life.world, ACME, apply=False)

    assert [(one.kind, one.subject) for one in seen.open] == [(UNHEARD, desk.dispute)]
    assert state(desk) == "open"


def test_a_step_of_it_that_nobody_told_us_of_is_heard_as_well(desk):
    """It is not over yet: only its word is another one."""
    becomes(desk.life, desk.dispute, "under_review")
    desk.life.wait(desk.life.now + DAY)

    assert run(desk) == f"1 repaired: {UNHEARD}"
    assert state(desk) == "in_review"


# -- what it costs


def test_it_costs_one_call_for_each_that_is_open(desk):
    line = Line(desk.life)

    seen = visit(desk.life.world, ACME, apply=True)

    assert seen.outcome == "equal"
    assert line.asked == [f"disputes/{desk.dispute}"]


def test_and_none_where_nothing_is_open_and_nothing_lives():
    desk = Desk().leave()
    settled(desk.life, disputed_plan(desk), "won")
    desk.life.move(PURGE - DAY)
    line = Line(desk.life)

    seen = visit(desk.life.world, ACME, apply=True)

    assert (seen.outcome, line.asked) == ("nothing live", [])


# -- what Stripe may answer


def test_one_that_stripe_does_not_know_is_a_finding_and_holds_the_purge(desk):
    """Another account's key, perhaps: nothing is deleted on that. Known again, it is heard."""
    world = desk.life.emulator._world
    gone = world.get("dispute", desk.dispute)
    world.remove(gone)
    desk.life.move(PURGE + DAY)
    waiting = found(desk), certificates(desk.life)

    world.add({**gone, "status": "won"})
    desk.life.move(PURGE + 3 * DAY)

    assert waiting == ([(drift.DISPUTE_UNKNOWN_AT_STRIPE, desk.dispute)], [])
    assert (found(desk), len(certificates(desk.life))) == ([], 1)


def test_one_that_nobody_can_read_is_a_finding(desk):
    world = desk.life.emulator._world
    world.change(world.get("dispute", desk.dispute), currency=None)
    desk.life.wait(desk.life.now + DAY)

    assert run(desk) == f"1 drifted: {drift.UNREADABLE}"
    assert found(desk) == [(drift.UNREADABLE, desk.dispute)]


def test_while_stripe_does_not_answer_the_walk_goes_on_and_comes_back(desk):
    closed(desk)
    line = Line(desk.life, silent=f"disputes/{desk.dispute}")
    said = run(desk)
    (walk,) = latest(desk.life.world.table, RECONCILE.name, 1)

    line.silent = None
    desk.life.wait(desk.life.now + timedelta(minutes=5))
    run(desk)

    assert (said, walk.status) == ("1 to be tried again, not finished", "running")
    assert state(desk) == "won"


def test_one_that_we_may_not_ask_for_is_no_finding_but_tried_again(desk, monkeypatch):
    """A key that lost its permission says nothing of the dispute."""

    def refused(_stripe, _id):
        raise StripeRefused("permission_error", "not with this key")

    monkeypatch.setattr(MoneyAtStripe, "dispute", refused)
    desk.life.wait(desk.life.now + DAY)

    assert run(desk) == "1 to be tried again, not finished"
    assert found(desk) == []


def test_what_cannot_be_applied_yet_waits_among_the_parked_events_and_is_a_finding():
    life, _ = onemsg()
    session = started(life)
    pay(life, session)
    dispute = disputed(life, charge=newest_charge(life))
    life.control("drop_webhooks")
    settled(life, dispute, "lost")
    world = life.emulator._world
    charge = world.get("charge", world.get("dispute", dispute)["charge"])
    world.change(charge, customer="cus_stranger")

    seen = visit(life.world, "acme", apply=True)
    note(life.world, seen)
    waiting = parked(life)
    world.change(charge, customer=world.get("checkout.session", session)["customer"])
    life.move(life.now + 2 * DAY)

    assert [(one.kind, one.subject) for one in seen.open] == [(UNHEARD, dispute)]
    assert waiting == [("charge.dispute.updated", "other_customer")]
    assert (parked(life), held(life), show(life, dispute)["state"]) == ([], 0, "lost")


# -- broken anywhere, and twice at once


def lost_unheard():
    """A top-up that its bank took back without a word, so that money, case and account have to follow."""
    life, _ = onemsg()
    pay(life, started(life))
    life.dispute = disputed(life, charge=newest_charge(life))
    life.control("drop_webhooks")
    settled(life, life.dispute, "lost")
    return life


def is_heard_once(life, why):
    kinds = [one["kind"] for one in life.entries("acme")]
    assert sorted(kinds) == ["dispute_lost", "dispute_withdrawn", "top_up"], why
    assert (held(life), show(life, life.dispute)["state"]) == (0, "lost"), why
    assert (must_load(life.world, "acme").account.cases, parked(life)) == ({}, []), why
    assert len(told(life, "dispute.lost")) == 1, why


def visited(world):
    note(world, visit(world, "acme", apply=True))


@pytest.mark.slow
def test_broken_before_or_after_any_call_the_next_visit_hears_it_once():
    for plan in every_fault(lambda plan: visited(through(lost_unheard(), plan))):
        life = lost_unheard()
        with suppress(Crash, StoreError, StripeUnavailable):
            visited(through(life, plan))
        assert plan.struck, plan

        visited(replace(life.world, customers={}))
        life.deliver()

        is_heard_once(life, f"{plan} at {plan.calls[min(plan.faults)].name}")


@pytest.mark.slow
def test_two_at_once_hear_it_once():
    for moment in every_moment(lambda plan: visited(through(lost_unheard(), plan))):
        life = lost_unheard()
        plan = Meanwhile(moment, lambda: visited(life.world))  # noqa: B023 - called in this round
        visited(through(life, plan))
        life.deliver()

        assert plan.happened
        is_heard_once(life, plan)


@pytest.mark.slow
def test_heard_by_its_late_webhook_in_the_middle_it_is_heard_once():
    def late(life):
        life.control("resume_webhooks")
        life.deliver()

    for moment in every_moment(lambda plan: visited(through(lost_unheard(), plan))):
        life = lost_unheard()
        plan = Meanwhile(moment, lambda: late(life))  # noqa: B023 - called in this round
        visited(through(life, plan))
        life.deliver()

        is_heard_once(life, plan)
