"""What the webhook and the sweeps ask of the table and of Stripe, call by call: the part of speed that no machine changes."""

from datetime import timedelta

import pytest

from chalicelib.domain import steps
from chalicelib.handlers.jobs import SCHEDULE
from chalicelib.store.positions import UNSENT_EVENTS
from chalicelib.sweeping import sweep
from tests.support.faults import Plan
from tests.support.stage import END, SHARDS, Stage
from tests.support.stripe_shapes import event, invoice

HOUR = timedelta(hours=1)


@pytest.fixture
def stage():
    """An account with a subscription, of which a warm process has heard."""
    stage = Stage()
    stage.account()
    stage.plan = Plan()
    stage.warm = stage.through(stage.plan)
    stage.subscribe()
    assert stage.deliver(stage.subscribe("sub_2", hear=False), stage.warm)[0] == 200
    stage.move(stage.now + HOUR)
    return stage


def calls(stage, one, process=None):
    """What this delivery asked for, and what it was answered."""
    before = len(stage.plan.calls)
    status, body = stage.deliver(one, process or stage.warm)
    assert status == 200
    return [call.name for call in stage.plan.calls[before:]], body["outcome"]


def test_an_applied_event_costs_one_read_and_one_transaction(stage):
    assert calls(stage, stage.cancel(hear=False)) == (["get", "transact"], "applied")


def test_and_one_read_more_in_a_process_that_is_new(stage):
    cold = stage.through(stage.plan)

    assert calls(stage, stage.cancel(hear=False), cold) == (["get", "get", "transact"], "applied")


def test_a_newer_event_that_changes_nothing_visible_costs_one_read_and_one_conditional_update(
    stage,
):
    same = stage.truth.event("customer.subscription.updated", stage.truth.thing("sub_1"))

    assert calls(stage, same) == (["get", "write"], "applied")


def test_a_payment_costs_one_read_and_one_transaction(stage):
    paid = stage.truth.event("invoice.paid", stage.renew("sub_1"))

    assert calls(stage, paid) == (["get", "transact"], "applied")


def test_a_duplicate_costs_one_read(stage):
    one = stage.cancel(hear=False)
    calls(stage, one)

    assert calls(stage, one) == (["get"], "duplicate")


def test_a_duplicate_that_came_late_costs_two_reads_and_no_call_to_stripe(stage):
    one = stage.cancel(hear=False)
    calls(stage, one)
    stage.move(stage.now + HOUR)
    calls(stage, stage.resume(hear=False))

    assert calls(stage, one) == (["get", "get"], "duplicate")


def test_only_a_tie_or_a_late_event_asks_stripe(stage):
    first, tie = stage.cancel(hear=False), stage.resume(hear=False)
    assert calls(stage, first) == (["get", "transact"], "applied")

    asked, outcome = calls(stage, tie)

    assert asked == ["get", "get", "Truth.subscription", "transact"]
    assert outcome == "applied"


def test_an_event_of_no_concern_costs_nothing(stage):
    other = event("evt_x", "customer.updated", stage.unix, {"id": "cus_1", "object": "customer"})
    single = invoice(subscription=None, start=stage.unix, end=stage.unix) | {"parent": None}

    assert calls(stage, other) == ([], "ignored")
    assert calls(stage, event("evt_y", "invoice.paid", stage.unix, single)) == ([], "ignored")


def test_what_is_refused_costs_nothing(stage):
    one = stage.cancel(hear=False)
    before = len(stage.plan.calls)

    assert stage.deliver(one, stage.warm, at=stage.unix - 301)[0] == 400
    assert stage.deliver({**one, "object": "list"}, stage.warm)[0] == 400
    assert len(stage.plan.calls) == before


def test_parking_costs_one_read_and_one_write(stage):
    unknown = stage.subscribe("sub_9", "cus_9", hear=False)

    assert calls(stage, unknown) == (["get", "write"], "parked")


# -- sweeps


def sweep_all(stage):
    plan = Plan()
    world = stage.through(plan)
    for job in SCHEDULE:
        if job.due_kinds:
            job.run(world)
    return [call.name for call in plan.calls]


def test_a_sweep_asks_the_same_of_ten_and_of_ten_thousand_accounts_that_are_not_due():
    asked = {}
    for many in (0, 10, 10_000):
        stage = Stage()
        stage.not_due(many)
        asked[many] = sweep_all(stage)

    assert asked[0] == asked[10] == asked[10_000]
    # Nobody is asked what waits for an HTTP endpoint where there is none.
    kinds = sum(len(job.due_kinds) for job in SCHEDULE if UNSENT_EVENTS not in job.due_kinds)
    assert asked[0].count("due") == SHARDS * kinds


def _leaving(stage, accounts):
    for n in range(accounts):
        stage.account(f"acme-{n}", f"cus_{n}")
        stage.subscribe(f"sub_{n}", f"cus_{n}")
        stage.number(f"+1415555010{n}", account_id=f"acme-{n}")
        stage.registration(f"brand-{n}", account_id=f"acme-{n}")
        stage.messages(f"m{n}", account_id=f"acme-{n}")
        stage.cancel(f"sub_{n}")


LEAVING = {
    steps.ACCESS_ENDS: 0,
    steps.MESSAGES_CREDITED: 0,
    steps.NUMBERS_RELEASED: 14,
    steps.REGISTRATIONS_LAPSE: 30,
    steps.DATA_PURGED: 365,
}
"""Kind → days after the end."""


@pytest.mark.parametrize("kind", LEAVING)
def test_what_a_sweep_asks_grows_with_what_is_due_and_with_nothing_else(kind):
    asked = [
        _asked_for(kind, accounts, idle) for accounts, idle in ((0, 0), (1, 9), (2, 0), (4, 900))
    ]

    none, one, two, four = asked
    # Each run asks once whether the kill switch is turned.
    assert none == SHARDS + 1
    assert two - none == 2 * (one - none), asked
    assert four - none == 4 * (one - none), asked


def _asked_for(kind, accounts, idle):
    stage = Stage()
    _leaving(stage, accounts)
    for day in sorted(set(LEAVING.values())):
        if day < LEAVING[kind]:
            stage.move(END + timedelta(days=day))
            stage.run_schedule()
    stage.move(END + timedelta(days=LEAVING[kind]))
    stage.not_due(idle)
    plan = Plan()
    sweep(stage.through(plan), kind)
    return len(plan.calls)


def test_an_end_that_was_heard_of_costs_one_read_one_question_and_one_transaction(stage):
    """access_ends, beside asking the index: the account; Stripe; the account, its history and the step together."""
    stage.cancel()
    stage.move(END)
    stage.deliver(stage.truth.event("customer.subscription.deleted", stage.truth.thing("sub_1")))
    plan = Plan()

    sweep(stage.through(plan), steps.ACCESS_ENDS)

    names = [call.name for call in plan.calls if call.name != "due"]
    # The first is the kill switch, asked once a run.
    assert names == ["get", "get", "Truth.subscriptions_of", "transact"]
