"""Charges, refunds and disputes as every API version tells them, and as none does."""

import pytest

from chalicelib.domain.disputes import KNOWN, DisputeAtStripe, bookings
from chalicelib.domain.moments import from_unix
from chalicelib.domain.money import Money
from chalicelib.gateways.money_reader import (
    paid_by_invoice,
    payment_named_on,
    read_charge,
    read_dispute,
    read_invoice_payment,
    read_refund,
)
from chalicelib.gateways.stripe_reader import Unreadable

CHARGE = {
    "id": "ch_1", "object": "charge", "amount": 4900, "amount_refunded": 0, "currency": "usd",
    "customer": "cus_1", "payment_intent": "pi_1", "disputed": False,
    "balance_transaction": {"id": "txn_1", "fee": 172, "amount": 4900, "currency": "usd"},
}  # fmt: skip
REFUND = {
    "id": "re_1", "object": "refund", "amount": 100, "currency": "usd", "charge": "ch_1",
    "status": "succeeded", "metadata": {},
}  # fmt: skip
DISPUTE = {
    "id": "du_1", "object": "dispute", "amount": 4900, "currency": "usd", "charge": "ch_1",
    "created": 1_769_860_800, "reason": "fraudulent", "status": "needs_response",
    "is_charge_refundable": False, "evidence_details": {"due_by": 1_770_638_400},
    "balance_transactions": [{"id": "txn_2", "amount": -4900, "fee": 1500, "currency": "usd"}],
}  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"customer": {"id": "cus_1", "object": "customer"}},
        {"payment_intent": {"id": "pi_1"}},
        {"invoice": "in_1", "dispute": None},
        {"currency": "USD"},
    ],
)
def test_old_and_expanded_charges_read_the_same(changes):
    read = read_charge({**CHARGE, **changes})

    assert (read.customer_id, read.payment_intent) == ("cus_1", "pi_1")
    assert (read.paid, read.refunded, read.fee) == (
        Money(4900, "usd"), Money(0, "usd"), Money(172, "usd"),
    )  # fmt: skip
    assert read.disputed is False


def test_before_a_flag_said_so_a_charge_named_its_dispute():
    old = {name: value for name, value in CHARGE.items() if name != "disputed"}

    assert read_charge({**old, "dispute": "dp_1"}).disputed is True


@pytest.mark.parametrize(
    "changes",
    [
        {"id": None}, {"id": ""}, {"amount": "4900"}, {"amount": 49.0}, {"amount": True},
        {"currency": None}, {"currency": "us$"}, {"amount_refunded": "0"}, {"customer": "x" * 300},
    ],
)  # fmt: skip
def test_money_that_cannot_be_read_for_certain_is_not_guessed_at(changes):
    with pytest.raises(Unreadable):
        read_charge({**CHARGE, **changes})


@pytest.mark.parametrize(
    ("changes", "case", "attempt"),
    [
        ({"metadata": {"case_id": "case_1", "attempt": "2"}}, "case_1", 2),
        ({"metadata": {"case_id": "case_1"}}, "case_1", 1),
        ({"metadata": {"case_id": "case_1", "attempt": "-2"}}, "case_1", 1),
        ({"metadata": {"case_id": ""}}, None, 1),
        ({"metadata": None}, None, 1),
        ({}, None, 1),
    ],
)
def test_a_refund_names_its_case_or_none(changes, case, attempt):
    read = read_refund({**REFUND, **changes})

    assert (read.case_id, read.attempt) == (case, attempt)


@pytest.mark.parametrize(
    ("status", "in_force"),
    [("pending", True), ("requires_action", True), ("succeeded", True), ("failed", False),
     ("canceled", False), (None, True), ("on_the_way", True)],
)  # fmt: skip
def test_money_that_may_have_left_counts_as_refunded(status, in_force):
    assert read_refund({**REFUND, "status": status}).in_force is in_force


def test_a_dispute_tells_its_movements_and_its_evidence_deadline():
    read = read_dispute(DISPUTE)

    assert read.due_by == from_unix(1_770_638_400)
    assert [(m.amount.amount, m.fee.amount) for m in read.movements] == [(-4900, 1500)]
    assert (read.is_over, read.blocks_refunds, read.awaits_evidence) == (False, True, True)


@pytest.mark.parametrize(
    "changes", [{"evidence_details": None}, {"evidence_details": {"due_by": None}}]
)
def test_a_dispute_may_have_no_deadline(changes):
    assert read_dispute({**DISPUTE, **changes}).due_by is None


@pytest.mark.parametrize("status", sorted(KNOWN))
def test_every_status_says_whether_it_is_over_and_whether_it_blocks(status):
    read = read_dispute({**DISPUTE, "status": status})

    assert read.is_over is (status in ("won", "lost", "warning_closed", "prevented"))
    assert read.blocks_refunds is (status not in ("won", "warning_closed", "prevented"))


@pytest.mark.parametrize("changes", [{"status": None}, {"status": ""}, {"charge": None},
                                     {"created": "today"}, {"balance_transactions": ["txn_2"]}])  # fmt: skip
def test_a_dispute_that_is_none_is_unreadable(changes):
    with pytest.raises(Unreadable):
        read_dispute({**DISPUTE, **changes})


def test_every_booking_of_a_dispute_sums_to_nothing_and_has_its_own_cause():
    lost: DisputeAtStripe = read_dispute({**DISPUTE, "status": "lost"})
    at = from_unix(1_770_000_000)

    found = list(bookings(lost, True, False, at))

    assert [one.cause for one in found] == ["dispute:du_1:txn_2", "dispute:du_1:lost"]
    assert [sum(line.money.amount for line in one.lines) for one in found] == [0, 0]


@pytest.mark.parametrize(
    ("invoice", "named"),
    [
        ({"charge": "ch_1", "payment_intent": "pi_1"}, ("charge", "ch_1")),
        ({"charge": None, "payment_intent": {"id": "pi_1"}}, ("payment_intent", "pi_1")),
        ({}, None),
    ],
)
def test_before_basil_an_invoice_named_its_payment_itself(invoice, named):
    assert payment_named_on(invoice) == named


def test_an_invoice_payment_names_an_intent_or_a_charge():
    assert read_invoice_payment({"payment": {"payment_intent": "pi_1"}}) == (
        "payment_intent",
        "pi_1",
    )
    assert read_invoice_payment({"payment": {"charge": "ch_1"}}) == ("charge", "ch_1")
    with pytest.raises(Unreadable):
        read_invoice_payment({"payment": {"type": "payment_record"}})


def test_an_invoice_of_either_shape_says_what_was_paid():
    lines = {"data": [{"period": {"start": 1, "end": 2}}]}
    new = {"parent": {"subscription_details": {"subscription": "sub_1"}}}
    for shape in (new, {"subscription": "sub_1"}):
        paid = paid_by_invoice(
            {"id": "in_1", "customer": "cus_1", "status": "paid", "lines": lines, **shape}
        )

        assert (paid.subscription_id, paid.covers_until) == ("sub_1", from_unix(2))
    assert paid_by_invoice({"id": "in_1", "parent": None}).subscription_id is None
    assert paid_by_invoice({"id": "in_1", "subscription": None}).subscription_id is None
