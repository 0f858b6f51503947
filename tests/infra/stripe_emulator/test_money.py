"""Charges and their fees, refunds and disputes."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from tests.infra.stripe_emulator.stack import Stack


def paid_charge(stack: Stack) -> Any:
    subscription = stack.subscribe()
    return stack.v1.charges.list({"customer": subscription.customer}).data[0]


def test_an_invoice_leads_to_the_fee_of_its_charge() -> None:
    stack = Stack()
    subscription = stack.subscribe()

    payments = stack.v1.invoice_payments.list({"invoice": subscription.latest_invoice})
    intent = stack.v1.payment_intents.retrieve(
        payments.data[0].payment.payment_intent,
        {"expand": ["latest_charge.balance_transaction"]},
    )

    transaction = intent.latest_charge.balance_transaction
    assert (transaction.amount, transaction.fee, transaction.net) == (4900, 172, 4728)


@pytest.mark.parametrize(
    ("amount", "fee"), [(100, 33), (500, 45), (50, 31), (51, 31), (52, 32), (1_000_000, 29030)]
)
def test_the_fee_is_rounded_half_up(amount: int, fee: int) -> None:
    stack = Stack()
    session = stack.v1.checkout.sessions.create(
        {
            "mode": "payment",
            "success_url": "https://app.example.com/ok",
            "line_items": [
                {
                    "quantity": 1,
                    "price_data": {
                        "currency": "usd",
                        "unit_amount": amount,
                        "product_data": {"name": "Top-up"},
                    },
                }
            ],
        }
    )

    stack.emulator.control("pay_checkout", session=session.id)

    transactions = stack.v1.balance_transactions.list()
    assert [one.fee for one in transactions.data] == [fee]


def test_partial_refunds_add_up_to_the_charge_and_not_beyond() -> None:
    stack = Stack()
    charge = paid_charge(stack)

    stack.v1.refunds.create({"charge": charge.id, "amount": 4000})
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded amount"):
        stack.v1.refunds.create({"charge": charge.id, "amount": 901})
    rest = stack.v1.refunds.create({"payment_intent": charge.payment_intent})
    with pytest.raises(stripe.InvalidRequestError) as again:
        stack.v1.refunds.create({"charge": charge.id})

    shown = stack.v1.charges.retrieve(charge.id, {"expand": ["refunds"]})
    assert rest.amount == 900
    assert (shown.amount_refunded, shown.refunded) == (4900, True)
    assert len(shown.refunds.data) == 2
    assert again.value.code == "charge_already_refunded"


def test_a_refund_keeps_stripes_fee_and_tells_what_was_refunded_before() -> None:
    stack = Stack()
    stack.listen()
    charge = paid_charge(stack)

    refund = stack.v1.refunds.create({"charge": charge.id, "amount": 100})
    stack.deliver()

    transaction = stack.v1.balance_transactions.retrieve(refund.balance_transaction)
    event = next(e for e in stack.received if e["type"] == "charge.refunded")
    assert (transaction.amount, transaction.fee) == (-100, 0)
    assert event["data"]["previous_attributes"] == {"amount_refunded": 0}


def test_a_refund_that_fails_is_pending_first_and_gives_the_charge_back() -> None:
    stack = Stack()
    stack.listen()
    charge = paid_charge(stack)
    stack.emulator.control("refund_fails", customer=charge.customer)

    refund = stack.v1.refunds.create({"charge": charge.id})
    stack.deliver()

    shown = stack.v1.refunds.retrieve(refund.id)
    assert (refund.status, shown.status) == ("pending", "failed")
    assert shown.failure_reason == "expired_or_canceled_card"
    assert stack.v1.charges.retrieve(charge.id).amount_refunded == 0
    assert "refund.failed" in [event["type"] for event in stack.received]
    assert stack.v1.refunds.create({"charge": charge.id}).status == "succeeded"


def test_a_refund_already_made_can_fail_later() -> None:
    stack = Stack()
    charge = paid_charge(stack)
    refund = stack.v1.refunds.create({"charge": charge.id})

    answer = stack.emulator.control("refund_fails", charge=charge.id)

    assert answer["refund"] == refund.id
    assert stack.v1.refunds.retrieve(refund.id).status == "failed"


def test_a_dispute_takes_the_money_and_a_fee_and_bars_refunds() -> None:
    stack = Stack()
    charge = paid_charge(stack)

    answer = stack.emulator.control("open_dispute", customer=charge.customer)

    dispute = stack.v1.disputes.retrieve(answer["dispute"])
    assert (dispute.status, dispute.charge, dispute.amount) == ("needs_response", charge.id, 4900)
    assert dispute.balance_transactions[0].net == -4900 - 1500
    assert stack.types()[-2:] == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        stack.v1.refunds.create({"charge": charge.id})
    assert refused.value.code == "charge_disputed"


def test_a_dispute_won_brings_the_money_back_but_not_the_fee() -> None:
    stack = Stack()
    charge = paid_charge(stack)
    stack.emulator.control("open_dispute", charge=charge.id)

    answer = stack.emulator.control("close_dispute", charge=charge.id, status="won")

    dispute = stack.v1.disputes.retrieve(answer["dispute"])
    assert sum(one.net for one in dispute.balance_transactions) == -1500
    assert stack.types()[-2:] == ["charge.dispute.closed", "charge.dispute.funds_reinstated"]
    assert stack.v1.refunds.create({"charge": charge.id}).status == "succeeded"


def test_a_dispute_lost_is_over() -> None:
    stack = Stack()
    charge = paid_charge(stack)
    opened = stack.emulator.control("open_dispute", charge=charge.id)

    stack.emulator.control("close_dispute", dispute=opened["dispute"], status="lost")

    assert stack.v1.disputes.retrieve(opened["dispute"]).status == "lost"
    assert stack.types()[-1] == "charge.dispute.closed"
    with pytest.raises(stripe.InvalidRequestError, match="already closed"):
        stack.v1.disputes.close(opened["dispute"])


def test_evidence_puts_a_dispute_under_review() -> None:
    stack = Stack()
    charge = paid_charge(stack)
    opened = stack.emulator.control("open_dispute", charge=charge.id)

    answered = stack.v1.disputes.update(
        opened["dispute"], {"evidence": {"customer_name": "Ann"}, "submit": True}
    )

    assert answered.status == "under_review"
    assert answered.evidence_details.has_evidence is True


def test_stripes_customer_balance_pays_the_next_invoice_by_itself() -> None:
    stack = Stack()
    subscription = stack.subscribe()
    stack.v1.customers.update(subscription.customer, {"balance": -1000})

    stack.by(days=29)

    invoice = stack.v1.invoices.retrieve(stack.again(subscription).latest_invoice)
    assert (invoice.total, invoice.amount_paid, invoice.starting_balance) == (4900, 3900, -1000)
    assert stack.v1.customers.retrieve(subscription.customer).balance == 0
