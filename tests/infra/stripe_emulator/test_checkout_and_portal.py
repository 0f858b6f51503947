"""The hosted pages and the controls that press their buttons."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import stripe

from infra.local.stripe_emulator import ControlError
from tests.infra.stripe_emulator.stack import BASE, Stack, period

OK = "https://app.example.com/ok?session={CHECKOUT_SESSION_ID}"
BACK = "https://app.example.com/back"


def checkout(stack: Stack, mode: str = "subscription", **params: Any) -> Any:
    price: Any = {"price": stack.price["id"]}
    if mode == "payment":
        data = {"currency": "usd", "unit_amount": 500, "product_data": {"name": "Top-up"}}
        price = {"price_data": data}
    given = {
        "mode": mode,
        "success_url": OK,
        "cancel_url": BACK,
        "line_items": [{**price, "quantity": 1}],
        **params,
    }
    return stack.v1.checkout.sessions.create(given)


def test_paying_on_the_page_starts_the_subscription_and_goes_back() -> None:
    stack = Stack()
    customer = stack.customer(card=None)
    session = checkout(
        stack,
        customer=customer.id,
        metadata={"a": "session"},
        subscription_data={"metadata": {"a": "subscription"}},
        client_reference_id="acc_1",
    )

    shown = stack.emulator.handle("GET", session.url.removeprefix(BASE), "", {}, b"")
    answer = stack.form(session.url, action="pay", line1="1 Main St", country="US")

    done = stack.v1.checkout.sessions.retrieve(session.id, {"expand": ["subscription"]})
    assert b"Pay" in shown.body
    assert answer.status == 303
    assert answer.headers["Location"] == OK.replace("{CHECKOUT_SESSION_ID}", session.id)
    assert (done.status, done.payment_status, done.url) == ("complete", "paid", None)
    assert done.subscription.status == "active"
    assert done.subscription.metadata["a"] == "subscription"
    assert done.client_reference_id == "acc_1"
    method = stack.v1.payment_methods.retrieve(done.subscription.default_payment_method)
    assert method.billing_details.address.line1 == "1 Main St"
    assert stack.types()[-1] == "checkout.session.completed"


def test_a_set_up_fee_beside_the_plan_is_on_the_first_invoice_only() -> None:
    stack = Stack()
    fee = stack.v1.prices.create(
        {"currency": "usd", "unit_amount": 500, "product_data": {"name": "Set-up"}}
    )
    lines: Any = [{"price": stack.price["id"], "quantity": 1}, {"price": fee.id, "quantity": 1}]
    session = checkout(stack, line_items=lines)

    answer = stack.emulator.control("pay_checkout", session=session.id)
    subscription = stack.v1.subscriptions.retrieve(answer["subscription"])
    first = stack.v1.invoices.retrieve(subscription.latest_invoice)
    stack.by(days=30)
    second = stack.v1.invoices.retrieve(stack.again(subscription).latest_invoice)

    assert session.amount_total == 5400
    assert [line.amount for line in first.lines.data] == [4900, 500]
    assert (first.amount_paid, second.amount_paid) == (5400, 4900)
    assert len(subscription["items"].data) == 1


def test_a_recurring_price_is_no_single_payment() -> None:
    stack = Stack()
    lines: Any = [{"price": stack.price["id"], "quantity": 1}]

    with pytest.raises(stripe.InvalidRequestError, match="recurring price"):
        checkout(stack, mode="payment", line_items=lines)


def test_a_declined_card_leaves_the_session_open() -> None:
    stack = Stack()
    session = checkout(stack)

    answer = stack.form(session.url, action="decline")

    assert answer.status == 200
    assert b"declined" in answer.body
    assert stack.v1.checkout.sessions.retrieve(session.id).status == "open"


def test_the_customer_whose_payments_fail_is_declined_too() -> None:
    stack = Stack()
    customer = stack.customer()
    stack.emulator.control("fail_payment", customer=customer.id)
    session = checkout(stack, customer=customer.id)

    answer = stack.form(session.url, action="pay")

    assert b"declined" in answer.body
    assert stack.emulator.truth()["subscriptions"] == {}


def test_going_back_pays_nothing() -> None:
    stack = Stack()
    session = checkout(stack)

    answer = stack.form(session.url, action="back")

    assert (answer.status, answer.headers["Location"]) == (303, BACK)
    assert stack.v1.checkout.sessions.retrieve(session.id).status == "open"


def test_a_payment_that_takes_days_completes_unpaid_and_then_arrives() -> None:
    stack = Stack()
    session = checkout(stack, mode="payment")

    stack.form(session.url, action="pay_later")
    pending = stack.v1.checkout.sessions.retrieve(session.id)
    stack.by(days=3)
    stack.emulator.control("pay_checkout", session=session.id, outcome="async_succeeded")

    assert (pending.status, pending.payment_status) == ("complete", "unpaid")
    assert stack.v1.payment_intents.retrieve(pending.payment_intent).status == "succeeded"
    assert stack.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
    assert stack.types()[-1] == "checkout.session.async_payment_succeeded"


def test_a_payment_that_takes_days_may_fail_in_the_end() -> None:
    stack = Stack()
    session = checkout(stack)

    stack.emulator.control("pay_checkout", session=session.id, outcome="async_pending")
    pending = stack.v1.subscriptions.list({"status": "all"}).data[0]
    stack.by(days=3)
    still = stack.again(pending)
    stack.emulator.control("pay_checkout", session=session.id, outcome="async_failed")
    stack.by(seconds=1)

    assert (pending.status, still.status) == ("incomplete", "incomplete")
    assert "checkout.session.async_payment_failed" in stack.types()
    assert stack.again(pending).status == "incomplete_expired"


def test_a_delayed_payment_that_arrives_starts_the_subscription() -> None:
    stack = Stack()
    session = checkout(stack)

    answer = stack.emulator.control("pay_checkout", session=session.id, outcome="async_succeeded")

    assert answer["payment_status"] == "paid"
    assert stack.v1.subscriptions.retrieve(answer["subscription"]).status == "active"


def test_a_session_expires_at_its_moment() -> None:
    stack = Stack()
    session = checkout(stack, expires_at=stack.seconds() + 1800)

    stack.by(seconds=1799)
    before = stack.v1.checkout.sessions.retrieve(session.id).status
    stack.by(seconds=1)

    assert (before, stack.v1.checkout.sessions.retrieve(session.id).status) == ("open", "expired")
    assert stack.types()[-1] == "checkout.session.expired"
    with pytest.raises(ControlError):
        stack.emulator.control("pay_checkout", session=session.id)


@pytest.mark.parametrize("seconds", [1799, 86401])
def test_an_expiry_outside_half_an_hour_and_a_day_is_refused(seconds: int) -> None:
    stack = Stack()

    with pytest.raises(stripe.InvalidRequestError, match="30 minutes"):
        checkout(stack, expires_at=stack.seconds() + seconds)


def portal(stack: Stack, customer: str, **params: Any) -> Any:
    return stack.v1.billing_portal.sessions.create(
        {"customer": customer, "return_url": BACK, **params}
    )


def visit(stack: Stack, session: Any) -> Any:
    return stack.emulator.handle("GET", session.url.removeprefix(BASE), "", {}, b"")


def test_the_portal_cancels_with_a_reason_and_takes_it_back() -> None:
    stack = Stack()
    subscription = stack.subscribe()
    session = portal(stack, subscription.customer)

    first = visit(stack, session)
    answer = stack.form(
        session.url,
        action="cancel",
        subscription=subscription.id,
        feedback="too_expensive",
        comment="sorry",
    )
    cancelled = stack.again(subscription)
    stack.form(session.url, action="resume", subscription=subscription.id)

    assert b"Cancel subscription" in first.body
    assert BACK.encode() in first.body
    assert answer.status == 303
    assert cancelled.cancel_at == stack.seconds(period(subscription)[1])
    assert cancelled.cancel_at_period_end is False
    assert cancelled.cancellation_details.feedback == "too_expensive"
    assert stack.again(subscription).cancel_at is None


def test_the_portal_offers_only_what_its_configuration_allows() -> None:
    stack = Stack()
    subscription = stack.subscribe()
    configuration = stack.v1.billing_portal.configurations.create(
        {"features": {"invoice_history": {"enabled": True}}}
    )
    session = portal(stack, subscription.customer, configuration=configuration.id)

    shown = visit(stack, session)
    answer = stack.form(session.url, action="cancel", subscription=subscription.id)

    assert b"Cancel subscription" not in shown.body
    assert b"Save card" not in shown.body
    assert b"not enabled" in answer.body
    assert stack.again(subscription).cancel_at is None


def test_a_configuration_may_cancel_at_once() -> None:
    stack = Stack()
    subscription = stack.subscribe()
    configuration = stack.v1.billing_portal.configurations.create(
        {"features": {"subscription_cancel": {"enabled": True, "mode": "immediately"}}}
    )
    session = portal(stack, subscription.customer, configuration=configuration.id)

    stack.form(session.url, action="cancel", subscription=subscription.id)

    assert stack.again(subscription).status == "canceled"


def test_a_cancel_flow_shows_that_alone_and_redirects_when_done() -> None:
    stack = Stack()
    subscription = stack.subscribe()
    flow = {
        "type": "subscription_cancel",
        "subscription_cancel": {"subscription": subscription.id},
        "after_completion": {"type": "redirect", "redirect": {"return_url": BACK}},
    }
    session = portal(stack, subscription.customer, flow_data=flow)

    shown = visit(stack, session)
    answer = stack.form(session.url, action="cancel", subscription=subscription.id)

    assert b"Cancel subscription" in shown.body
    assert b"Invoices" not in shown.body
    assert answer.headers["Location"] == BACK


def test_a_cancel_flow_for_what_is_already_cancelled_is_refused() -> None:
    stack = Stack()
    subscription = stack.subscribe()
    stack.emulator.control("portal_cancel", subscription=subscription.id)
    flow = {
        "type": "subscription_cancel",
        "subscription_cancel": {"subscription": subscription.id},
    }

    with pytest.raises(stripe.InvalidRequestError, match="already set to be canceled"):
        portal(stack, subscription.customer, flow_data=flow)


def test_a_new_card_from_the_portal_pays_the_next_retry() -> None:
    stack = Stack()
    subscription = stack.subscribe(trial_period_days=1, card="pm_card_chargeCustomerFail")
    stack.by(days=1, hours=1)
    session = portal(stack, subscription.customer, flow_data={"type": "payment_method_update"})

    overdue = stack.again(subscription).status
    stack.form(session.url, action="card", card="pm_card_mastercard")
    stack.by(days=3)

    assert overdue == "past_due"
    assert stack.again(subscription).status == "active"


def test_a_portal_link_dies_after_five_minutes_unless_it_was_opened() -> None:
    stack = Stack()
    subscription = stack.subscribe()
    unopened, opened = (portal(stack, subscription.customer) for _ in range(2))

    stack.now += timedelta(seconds=299)
    in_time = visit(stack, opened)
    stack.now += timedelta(seconds=1)

    assert in_time.status == 200
    assert visit(stack, unopened).status == 404
    assert visit(stack, opened).status == 200


def test_one_customers_portal_does_not_touch_anothers_subscription() -> None:
    stack = Stack()
    mine, theirs = stack.subscribe(), stack.subscribe()
    session = portal(stack, mine.customer)

    answer = stack.form(session.url, action="cancel", subscription=theirs.id)

    assert b"no such subscription" in answer.body
    assert stack.again(theirs).cancel_at is None


def test_the_login_page_leads_a_known_address_to_its_portal() -> None:
    stack = Stack()
    stack.v1.customers.create(params={"email": "ann@example.com", "name": "Ann"})
    address = f"{BASE}/p/login/local"

    unknown = stack.form(address, email="bob@example.com")
    known = stack.form(address, email="ann@example.com")

    assert "No link can be sent to this address." in unknown.body.decode()
    assert known.headers["Location"].startswith(f"{BASE}/p/session/")
