"""What a subscription does by itself, at both sides of every boundary."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.infra.stripe_emulator.stack import START, Stack, period

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


def test_a_plan_begun_on_the_31st_bills_on_month_ends_and_does_not_drift() -> None:
    stack = Stack()
    subscription = stack.subscribe()

    ends = [period(subscription)[1]]
    for _ in range(4):
        stack.to(ends[-1])
        ends.append(period(stack.again(subscription))[1])

    assert [(end.month, end.day, end.hour) for end in ends] == [
        (2, 28, 12),
        (3, 31, 12),
        (4, 30, 12),
        (5, 31, 12),
        (6, 30, 12),
    ]


def test_every_renewal_bills_its_own_period_and_no_other() -> None:
    stack = Stack()
    subscription = stack.subscribe()
    for _ in range(4):
        stack.to(period(stack.again(subscription))[1] + HOUR)

    invoices = stack.v1.invoices.list({"subscription": subscription.id}).data

    assert len(invoices) == 5
    assert [len(one.lines.data) for one in invoices] == [1] * 5
    assert len({one.total for one in invoices}) == 1


def test_a_year_begun_on_29_february_ends_on_28_and_returns_to_29() -> None:
    stack = Stack(start=datetime(2028, 2, 29, tzinfo=UTC))
    yearly = stack.emulator.seed_price(
        lookup_key="y", unit_amount=100, currency="usd", interval="year", product_name="Y"
    )
    customer = stack.customer()
    subscription = stack.v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": yearly["id"]}]}
    )

    first = period(subscription)[1]
    stack.to(datetime(2031, 6, 1, tzinfo=UTC))

    assert first == datetime(2029, 2, 28, tzinfo=UTC)
    assert period(stack.again(subscription))[1] == datetime(2032, 2, 29, tzinfo=UTC)


def test_the_period_moves_at_its_end_and_not_a_second_before() -> None:
    stack = Stack()
    subscription = stack.subscribe()
    end = period(subscription)[1]

    stack.to(end - SECOND)
    before = period(stack.again(subscription))
    stack.to(end)
    after = period(stack.again(subscription))

    assert before[1] == end
    assert after[0] == end


def test_a_renewal_tells_of_the_subscription_first_and_charges_an_hour_later() -> None:
    stack = Stack()
    stack.listen()
    subscription = stack.subscribe()
    end = period(subscription)[1]
    stack.to(end - SECOND)
    stack.received.clear()

    stack.to(end + HOUR - SECOND)
    draft = stack.v1.invoices.retrieve(stack.again(subscription).latest_invoice)
    drafted = [event["type"] for event in stack.received]
    stack.received.clear()
    stack.to(end + HOUR)
    paid = stack.v1.invoices.retrieve(draft.id)
    charged = [event["type"] for event in stack.received]

    assert drafted == ["customer.subscription.updated", "invoice.created"]
    assert draft.status == "draft"
    assert charged == [
        "payment_intent.created",
        "invoice.finalized",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
    ]
    assert (paid.status, paid.amount_paid, paid.billing_reason) == (
        "paid",
        4900,
        "subscription_cycle",
    )
    assert paid.status_transitions.paid_at == stack.seconds(end + HOUR)
    assert paid.lines.data[0].period.end == stack.seconds(period(stack.again(subscription))[1])


def test_the_update_event_tells_the_period_before() -> None:
    stack = Stack()
    stack.listen()
    subscription = stack.subscribe()
    start, end = period(subscription)

    stack.to(end)

    event = next(e for e in stack.received if e["type"] == "customer.subscription.updated")
    old = event["data"]["previous_attributes"]["items"]["data"][0]
    new = event["data"]["object"]["items"]["data"][0]
    assert (old["current_period_start"], old["current_period_end"]) == (
        stack.seconds(start),
        stack.seconds(end),
    )
    assert new["current_period_start"] == stack.seconds(end)
    assert event["data"]["previous_attributes"]["latest_invoice"] == subscription.latest_invoice
    assert event["created"] == stack.seconds(end)
    assert event["request"] == {"id": None, "idempotency_key": None}


def test_a_clock_that_jumps_a_year_leaves_the_same_account_as_one_that_crawls() -> None:
    jumping, crawling = Stack(), Stack()
    for stack in (jumping, crawling):
        stack.subscribe()

    jumping.now += timedelta(days=365)
    jumping.emulator.run_due()
    crawling.by(days=365)

    for kind in ("subscriptions", "invoices", "charges", "balance_transactions"):
        assert jumping.emulator.truth()[kind] == crawling.emulator.truth()[kind]
    assert jumping.types() == crawling.types()
    assert jumping.emulator.run_due() == []


def test_a_failed_renewal_is_tried_after_3_5_and_7_days_and_then_ends_it() -> None:
    stack = Stack()
    subscription = stack.subscribe()
    end = period(subscription)[1]
    stack.emulator.control("fail_payment", customer=subscription.customer)

    stack.to(end + HOUR - SECOND)
    before = stack.again(subscription).status
    statuses, attempts = [], []
    moment = end + HOUR
    for days in (0, 3, 5, 7):
        moment += timedelta(days=days)
        stack.to(moment)
        shown = stack.again(subscription)
        statuses.append(shown.status)
        attempts.append(stack.v1.invoices.retrieve(shown.latest_invoice).attempt_count)

    assert before == "active"
    assert statuses == ["past_due", "past_due", "past_due", "canceled"]
    assert attempts == [1, 2, 3, 4]
    gone = stack.again(subscription)
    assert gone.cancellation_details.reason == "payment_failed"
    assert gone.ended_at == gone.canceled_at == stack.seconds(moment)
    assert stack.types()[-3:] == [
        "invoice.payment_failed",
        "invoice.updated",
        "customer.subscription.deleted",
    ]


def test_a_retry_that_succeeds_makes_it_active_again() -> None:
    stack = Stack()
    subscription = stack.subscribe()
    end = period(subscription)[1]
    stack.emulator.control("fail_payment", customer=subscription.customer)
    stack.to(end + HOUR)

    stack.emulator.control("allow_payment", customer=subscription.customer)
    stack.to(end + HOUR + timedelta(days=3))

    assert stack.again(subscription).status == "active"
    assert stack.types().count("invoice.paid") == 2


def test_paying_the_open_invoice_by_hand_makes_it_active_again() -> None:
    stack = Stack()
    subscription = stack.subscribe()
    stack.emulator.control("fail_payment", customer=subscription.customer)
    stack.to(period(subscription)[1] + HOUR)
    invoice = stack.again(subscription).latest_invoice
    stack.emulator.control("allow_payment", customer=subscription.customer)

    stack.v1.invoices.pay(invoice)

    assert stack.again(subscription).status == "active"


def test_a_card_that_fails_later_attaches_but_does_not_pay() -> None:
    stack = Stack()

    subscription = stack.subscribe("pm_card_chargeCustomerFail")

    assert subscription.status == "incomplete"
    assert "charge.failed" in stack.types()


def test_without_a_card_it_is_incomplete_and_expires_after_23_hours() -> None:
    stack = Stack()
    subscription = stack.subscribe(card=None)

    stack.to(START + timedelta(hours=23) - SECOND)
    before = stack.again(subscription).status
    stack.to(START + timedelta(hours=23))
    after = stack.again(subscription)

    assert (before, after.status) == ("incomplete", "incomplete_expired")
    assert stack.v1.invoices.retrieve(after.latest_invoice).status == "void"
    assert stack.by(days=90) == []


def test_an_incomplete_one_becomes_active_when_its_invoice_is_paid() -> None:
    stack = Stack()
    subscription = stack.subscribe(card=None)

    stack.v1.invoices.pay(subscription.latest_invoice, {"payment_method": "pm_card_visa"})

    assert stack.again(subscription).status == "active"
    stack.by(days=2)
    assert stack.again(subscription).status == "active"


def test_default_incomplete_waits_for_the_browser_to_confirm() -> None:
    stack = Stack()
    subscription = stack.subscribe(
        payment_behavior="default_incomplete", expand=["latest_invoice.payments"]
    )
    intent = subscription.latest_invoice.payments.data[0].payment.payment_intent

    stack.v1.payment_intents.confirm(intent)

    assert subscription.status == "incomplete"
    assert stack.again(subscription).status == "active"


def test_error_if_incomplete_makes_nothing() -> None:
    stack = Stack()

    with pytest.raises(Exception, match="no attached payment source"):
        stack.subscribe(card=None, payment_behavior="error_if_incomplete")

    assert stack.emulator.truth()["subscriptions"] == {}


def test_a_trial_begins_with_a_paid_invoice_of_nothing_and_ends_with_a_charge() -> None:
    stack = Stack()
    subscription = stack.subscribe(trial_period_days=14)
    end = START + timedelta(days=14)
    first = stack.v1.invoices.retrieve(subscription.latest_invoice)

    stack.to(end - SECOND)
    before = stack.again(subscription).status
    stack.to(end)
    after = stack.again(subscription)
    stack.by(hours=1)

    assert (first.status, first.total) == ("paid", 0)
    assert first.lines.data[0].period.end == stack.seconds(end) == subscription.trial_end
    assert (before, after.status) == ("trialing", "active")
    assert stack.types().count("customer.subscription.trial_will_end") == 1
    assert stack.v1.invoices.retrieve(after.latest_invoice).amount_paid == 4900
    assert period(after) == (end, datetime(2026, 3, 14, 12, tzinfo=UTC))


def test_a_trial_without_a_card_may_be_told_to_cancel() -> None:
    stack = Stack()
    settings = {"end_behavior": {"missing_payment_method": "cancel"}}
    subscription = stack.subscribe(card=None, trial_period_days=7, trial_settings=settings)

    stack.by(days=7)

    assert stack.again(subscription).status == "canceled"


def test_pushing_the_end_of_trial_moves_the_anchor_and_charges_nothing() -> None:
    stack = Stack()
    subscription = stack.subscribe()
    end = period(subscription)[1] + timedelta(days=3)

    changed = stack.v1.subscriptions.update(
        subscription.id, {"trial_end": stack.seconds(end), "proration_behavior": "none"}
    )
    stack.to(end)

    assert changed.status == "trialing"
    assert period(changed)[1] == end
    assert changed.billing_cycle_anchor == stack.seconds(end)
    assert stack.v1.invoices.retrieve(changed.latest_invoice).total == 0
    assert stack.again(subscription).status == "active"
    assert period(stack.again(subscription))[1] == datetime(2026, 4, 3, 12, tzinfo=UTC)


def test_collection_may_be_paused_while_the_subscription_goes_on() -> None:
    stack = Stack()
    subscription = stack.subscribe()
    resumes = period(subscription)[1] + timedelta(days=2)
    stack.v1.subscriptions.update(
        subscription.id,
        {"pause_collection": {"behavior": "void", "resumes_at": stack.seconds(resumes)}},
    )

    stack.to(period(subscription)[1])
    paused = stack.again(subscription)
    stack.to(resumes)

    assert paused.status == "active"
    assert stack.v1.invoices.retrieve(paused.latest_invoice).status == "void"
    assert stack.again(subscription).pause_collection is None


def test_a_paused_subscription_stands_still_until_it_is_resumed() -> None:
    stack = Stack()
    subscription = stack.subscribe()

    paused = stack.v1.subscriptions.pause(subscription.id)
    stack.by(days=70)
    still = stack.again(subscription)
    resumed = stack.v1.subscriptions.resume(subscription.id)

    assert (paused.status, still.status, resumed.status) == ("paused", "paused", "active")
    assert paused.status_details.paused.transitioned_at == stack.seconds(START)
    assert period(still) == period(subscription)
    assert period(resumed)[0] == stack.now
    assert {"customer.subscription.paused", "customer.subscription.resumed"} <= set(stack.types())


def test_a_dearer_item_is_prorated_onto_the_next_invoice() -> None:
    stack = Stack()
    dear = stack.emulator.seed_price(
        lookup_key="dear", unit_amount=9800, currency="usd", interval="month", product_name="D"
    )
    subscription = stack.subscribe()
    start, end = period(subscription)
    stack.to(start + (end - start) / 2)

    item = subscription["items"].data[0].id
    stack.v1.subscriptions.update(subscription.id, {"items": [{"id": item, "price": dear["id"]}]})
    stack.to(end + HOUR)

    invoice = stack.v1.invoices.retrieve(stack.again(subscription).latest_invoice)
    assert [line.amount for line in invoice.lines.data] == [-2450, 4900, 9800]
    assert invoice.amount_paid == 12250
