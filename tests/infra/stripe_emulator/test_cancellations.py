"""Scheduling an end in each of its ways, taking it back, and the end itself."""

from __future__ import annotations

from datetime import timedelta

import pytest
import stripe

from tests.infra.stripe_emulator.stack import START, Stack, period

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


def test_cancelled_at_period_end_it_ends_at_that_instant_without_an_invoice() -> None:
    stack = Stack()
    subscription = stack.subscribe()
    end = period(subscription)[1]
    stack.by(days=5)
    asked = stack.now
    stack.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})

    stack.to(end - SECOND)
    before = stack.again(subscription)
    stack.to(end)
    after = stack.again(subscription)
    stack.by(days=60)

    assert (before.status, after.status) == ("active", "canceled")
    assert before.canceled_at == after.canceled_at == stack.seconds(asked)
    assert after.ended_at == stack.seconds(end)
    assert stack.types()[-1] == "customer.subscription.deleted"
    assert len(stack.emulator.truth()["invoices"]) == 1


def test_undoing_the_flag_clears_everything_and_it_renews() -> None:
    stack = Stack()
    subscription = stack.subscribe()
    stack.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})

    undone = stack.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    stack.to(period(subscription)[1])

    assert undone.cancel_at is None
    assert undone.canceled_at is None
    assert undone.cancellation_details.reason is None
    assert stack.again(subscription).status == "active"


def test_a_portal_cancellation_sets_only_the_moment_on_a_flexible_subscription() -> None:
    stack = Stack()
    subscription = stack.subscribe()

    stack.emulator.control("portal_cancel", subscription=subscription.id, feedback="unused")

    shown = stack.again(subscription)
    assert subscription.billing_mode.type == "flexible"
    assert shown.cancel_at_period_end is False
    assert shown.cancel_at == stack.seconds(period(subscription)[1])
    assert shown.canceled_at == stack.seconds()
    assert shown.cancellation_details.feedback == "unused"


def test_a_portal_cancellation_sets_both_on_a_classic_subscription() -> None:
    stack = Stack()
    subscription = stack.subscribe(billing_mode={"type": "classic"})

    stack.emulator.control("portal_cancel", subscription=subscription.id)

    shown = stack.again(subscription)
    assert shown.cancel_at_period_end is True
    assert shown.cancel_at == stack.seconds(period(subscription)[1])


def test_the_flag_does_not_clear_a_moment_the_portal_set() -> None:
    stack = Stack()
    subscription = stack.subscribe()
    stack.emulator.control("portal_cancel", subscription=subscription.id)

    by_flag = stack.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    by_moment = stack.v1.subscriptions.update(subscription.id, {"cancel_at": ""})

    assert by_flag.cancel_at is not None
    assert by_moment.cancel_at is None
    assert by_moment.canceled_at is None


def test_both_parameters_in_one_call_are_refused() -> None:
    stack = Stack()
    subscription = stack.subscribe()

    with pytest.raises(stripe.InvalidRequestError, match="only specify one"):
        stack.v1.subscriptions.update(
            subscription.id, {"cancel_at": "", "cancel_at_period_end": False}
        )


@pytest.mark.parametrize("name", ["min_period_end", "max_period_end", "max_billed_until"])
def test_a_named_moment_resolves_at_once(name: str) -> None:
    stack = Stack()
    subscription = stack.subscribe()

    shown = stack.v1.subscriptions.update(subscription.id, {"cancel_at": name})

    assert shown.cancel_at == stack.seconds(period(subscription)[1])


def test_a_moment_inside_the_period_ends_it_there() -> None:
    stack = Stack()
    subscription = stack.subscribe()
    moment = START + 10 * DAY
    stack.v1.subscriptions.update(subscription.id, {"cancel_at": stack.seconds(moment)})

    stack.to(moment - SECOND)
    before = stack.again(subscription).status
    stack.to(moment)

    assert (before, stack.again(subscription).status) == ("active", "canceled")
    assert stack.again(subscription).ended_at == stack.seconds(moment)


def test_a_moment_in_a_later_period_gives_back_the_part_after_it() -> None:
    stack = Stack()
    subscription = stack.subscribe()
    end = period(subscription)[1]
    stack.v1.subscriptions.update(subscription.id, {"cancel_at": stack.seconds(end + 10 * DAY)})

    stack.to(end + timedelta(hours=1))

    invoice = stack.v1.invoices.retrieve(stack.again(subscription).latest_invoice)
    assert invoice.lines.data[0].amount == 4900
    assert invoice.lines.data[1].amount < 0
    assert 0 < invoice.amount_paid < 4900


def test_a_moment_in_the_past_is_refused() -> None:
    stack = Stack()
    subscription = stack.subscribe()

    with pytest.raises(stripe.InvalidRequestError, match="future"):
        stack.v1.subscriptions.update(subscription.id, {"cancel_at": stack.seconds()})


def test_resuming_in_the_last_second_keeps_it_and_at_the_end_is_too_late() -> None:
    in_time, too_late = Stack(), Stack()
    subscriptions = {}
    for stack in (in_time, too_late):
        subscriptions[stack] = stack.subscribe()
        stack.emulator.control("portal_cancel", subscription=subscriptions[stack].id)

    in_time.to(period(subscriptions[in_time])[1] - SECOND)
    in_time.emulator.control("portal_resume", subscription=subscriptions[in_time].id)
    in_time.by(seconds=1)
    # The clock alone is moved here: a request must not slip in before what is due.
    too_late.now = period(subscriptions[too_late])[1]

    assert in_time.again(subscriptions[in_time]).status == "active"
    with pytest.raises(stripe.InvalidRequestError, match="canceled subscription"):
        too_late.v1.subscriptions.update(subscriptions[too_late].id, {"cancel_at": ""})


def test_deleting_ends_it_now_and_a_second_time_finds_nothing() -> None:
    stack = Stack()
    subscription = stack.subscribe()
    stack.by(days=3)

    gone = stack.v1.subscriptions.cancel(
        subscription.id, {"cancellation_details": {"comment": "enough", "feedback": "other"}}
    )

    assert gone.status == "canceled"
    assert gone.ended_at == gone.canceled_at == stack.seconds()
    assert gone.cancellation_details.comment == "enough"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stack.v1.subscriptions.cancel(subscription.id)
    assert refused.value.http_status == 404


def test_deleting_can_bill_the_unused_time_back() -> None:
    stack = Stack()
    subscription = stack.subscribe()
    stack.by(days=14)

    stack.v1.subscriptions.cancel(subscription.id, {"prorate": True, "invoice_now": True})

    assert stack.v1.customers.retrieve(subscription.customer).balance == -2450


def test_an_ended_subscription_takes_only_words() -> None:
    stack = Stack()
    subscription = stack.subscribe()
    stack.emulator.control("cancel_now", customer=subscription.customer)

    said = stack.v1.subscriptions.update(
        subscription.id, {"cancellation_details": {"comment": "bye"}, "metadata": {"a": "b"}}
    )

    assert said.cancellation_details.comment == "bye"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stack.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    assert refused.value.code == "invalid_canceled_subscription_fields"


def test_an_end_within_the_draft_hour_stops_the_charge() -> None:
    stack = Stack()
    subscription = stack.subscribe()
    stack.to(period(subscription)[1] + timedelta(minutes=30))

    stack.v1.subscriptions.cancel(subscription.id)
    stack.by(days=30)

    assert len(stack.emulator.truth()["charges"]) == 1


def test_deleting_a_customer_ends_everything() -> None:
    stack = Stack()
    subscription = stack.subscribe()

    stack.v1.customers.delete(subscription.customer)

    assert stack.again(subscription).status == "canceled"
    assert stack.v1.customers.retrieve(subscription.customer).deleted is True
    assert stack.v1.customers.list().data == []


def test_a_schedule_ends_the_subscription_after_its_last_phase() -> None:
    stack = Stack()
    subscription = stack.subscribe()
    schedule = stack.v1.subscription_schedules.create({"from_subscription": subscription.id})
    item = {"price": stack.price["id"], "quantity": 1}
    stack.v1.subscription_schedules.update(
        schedule.id,
        {
            "end_behavior": "cancel",
            "phases": [
                {
                    "items": [item],
                    "start_date": schedule.phases[0].start_date,
                    "duration": {"interval": "month", "interval_count": 3},
                }
            ],
        },
    )
    end = START.replace(month=4, day=30)

    stack.to(end - SECOND)
    before = stack.again(subscription)
    stack.to(end)

    assert before.status == "active"
    assert before.schedule == schedule.id
    assert stack.again(subscription).status == "canceled"
    assert stack.v1.subscription_schedules.retrieve(schedule.id).status == "completed"
    assert len(stack.emulator.truth()["invoices"]) == 3


def test_a_released_schedule_leaves_the_subscription_renewing() -> None:
    stack = Stack()
    subscription = stack.subscribe()
    schedule = stack.v1.subscription_schedules.create({"from_subscription": subscription.id})

    stack.to(period(subscription)[1])

    assert stack.v1.subscription_schedules.retrieve(schedule.id).status == "released"
    assert stack.again(subscription).schedule is None
    assert stack.again(subscription).status == "active"


def test_a_scheduled_subscription_is_not_cancelled_directly() -> None:
    stack = Stack()
    subscription = stack.subscribe()
    stack.v1.subscription_schedules.create({"from_subscription": subscription.id})

    with pytest.raises(stripe.InvalidRequestError, match="managed by the subscription schedule"):
        stack.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
