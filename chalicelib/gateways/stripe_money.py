"""What Stripe is asked about money that was paid, and what it is told to give back. A part of `gateways.stripe`.

Everything is asked with the pinned API version, so the shapes are today's. A refund carries the case it is made for,
so that it is found again whatever became of the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from chalicelib.domain.disputes import DisputeAtStripe
from chalicelib.domain.money import Money
from chalicelib.domain.refunds import ChargeAtStripe, Paid, PaidPeriod, RefundAtStripe
from chalicelib.gateways.money_reader import (
    ATTEMPT,
    CASE_ID,
    paid_by_invoice,
    payment_named_on,
    read_charge,
    read_dispute,
    read_disputed,
    read_invoice_payment,
    read_refund,
)
from chalicelib.gateways.stripe_reader import (
    Json,
    Unreadable,
    is_for_a_wallet,
    read_invoice,
    reference,
)

T = TypeVar("T")

OF_PERIODS = ("subscription_create", "subscription_cycle")
"""Why an invoice was made that pays for a whole period. Others bill a change within one."""
TAKES_FEE = {"expand": ["balance_transaction"]}


class MoneyAtStripe:
    def _call(self, ask: Callable[[Any], T], *, pays_back: bool = False) -> T:
        raise NotImplementedError

    def _all(self, ask: Callable[[Any, Json], Any], *, half_is_none: bool = False) -> list[Json]:
        raise NotImplementedError

    def _whole(self, thing: Json) -> Json:
        raise NotImplementedError

    def charge(self, charge_id: str) -> ChargeAtStripe:
        """The charge with Stripe's own fee. Raises StripeUnavailable, StripeRefused, Unreadable."""
        reply = self._call(lambda c: c.v1.charges.retrieve(charge_id, TAKES_FEE))
        return read_charge(reply.to_dict(for_json=True))

    def charge_of_intent(self, payment_intent: str) -> ChargeAtStripe | None:
        """The charge that this payment led to in the end."""
        reply = self._call(lambda c: c.v1.payment_intents.retrieve(payment_intent))
        latest = reference(reply.to_dict(for_json=True).get("latest_charge"))
        return self.charge(latest) if latest is not None else None

    def newest_period(self, subscription_id: str) -> PaidPeriod | None:
        """The newest period of the subscription that something was paid for, with its payment."""
        params: dict[str, Any] = {"subscription": subscription_id, "status": "paid", "limit": 100}
        reply = self._call(lambda c: c.v1.invoices.list(params))
        paid = [
            self._whole(one)
            for one in (found.to_dict(for_json=True) for found in reply.data)
            if one.get("amount_paid")
        ]
        periods = [one for one in paid if one.get("billing_reason") in OF_PERIODS] or paid
        newest = max(periods, key=_covers, default=None)
        if newest is None:
            return None
        return PaidPeriod(
            invoice_id=newest["id"],
            covers_until=_covers(newest),
            paid=Money(newest["amount_paid"], newest["currency"]),
            charge=self._charge_of_invoice(newest),
        )

    def _charge_of_invoice(self, invoice: Json) -> ChargeAtStripe | None:
        """The one card payment that paid it; None when it was paid in parts, or outside Stripe."""
        payments = self._invoice_payments({"invoice": invoice["id"], "status": "paid"})
        try:
            ways = [read_invoice_payment(one) for one in payments]
        except Unreadable:
            return None
        named = payment_named_on(invoice)
        found = ways or ([named] if named else [])
        if len(found) != 1:
            return None
        way, id = found[0]
        return self.charge(id) if way == "charge" else self.charge_of_intent(id)

    def paid_by(self, charge: ChargeAtStripe) -> Paid:
        """What this charge paid for: an invoice of a subscription, or a Checkout session."""
        intent = charge.payment_intent
        if intent is None:
            return Paid()
        payment = {"type": "payment_intent", "payment_intent": intent}
        for one in self._invoice_payments({"payment": payment}):
            invoice = reference(one.get("invoice"))
            if invoice is not None:
                reply = self._call(lambda c, name=invoice: c.v1.invoices.retrieve(name))  # type: ignore[misc]
                return paid_by_invoice(self._whole(reply.to_dict(for_json=True)))
        sessions = self._call(
            lambda c: c.v1.checkout.sessions.list({"payment_intent": intent, "limit": 1})
        )
        found = [one.to_dict(for_json=True) for one in sessions.data]
        ours = next((one for one in found if is_for_a_wallet(one)), None)
        return Paid(checkout_session=str(ours["id"])) if ours else Paid()

    def open_disputes_of(self, customer_id: str) -> tuple[DisputeAtStripe, ...]:
        """Every dispute of the customer's payments that is not over. Stripe lists no disputes by customer, but payments,
        each of which says whether it was ever disputed: one call for a hundred payments, and one for each of those."""
        paid = self._all(
            lambda c, p: c.v1.charges.list({"customer": customer_id, **p}), half_is_none=True
        )
        disputed = [id for id, was_disputed in map(read_disputed, paid) if was_disputed]
        return tuple(one for id in disputed for one in self.disputes_of(id) if not one.is_over)

    def _invoice_payments(self, params: dict[str, Any]) -> list[Json]:
        reply = self._call(lambda c: c.v1.invoice_payments.list({**params, "limit": 10}))
        return [one.to_dict(for_json=True) for one in reply.data]

    def refunds_of(self, charge_id: str) -> tuple[RefundAtStripe, ...]:
        """Every refund of the charge, failed ones too, newest first. Whoever finds none here makes one."""
        found = self._all(
            lambda c, p: c.v1.refunds.list({"charge": charge_id, **p}), half_is_none=True
        )
        return tuple(read_refund(one) for one in found)

    def refund(self, refund_id: str) -> RefundAtStripe:
        reply = self._call(lambda c: c.v1.refunds.retrieve(refund_id))
        return read_refund(reply.to_dict(for_json=True))

    def pay_back(
        self, charge_id: str, amount: Money, *, case_id: str, attempt: int, key: str
    ) -> RefundAtStripe:
        """Refunds so much of the charge, to where it came from (A28)."""
        params = {
            "charge": charge_id,
            "amount": amount.amount,
            "reason": "requested_by_customer",
            "metadata": {CASE_ID: case_id, ATTEMPT: str(attempt)},
        }
        reply = self._call(
            lambda c: c.v1.refunds.create(params, {"idempotency_key": key}), pays_back=True
        )
        return read_refund(reply.to_dict(for_json=True))

    def dispute(self, dispute_id: str) -> DisputeAtStripe:
        reply = self._call(lambda c: c.v1.disputes.retrieve(dispute_id))
        return read_dispute(reply.to_dict(for_json=True))

    def disputes_of(self, charge_id: str) -> tuple[DisputeAtStripe, ...]:
        reply = self._call(lambda c: c.v1.disputes.list({"charge": charge_id, "limit": 100}))
        return tuple(read_dispute(one.to_dict(for_json=True)) for one in reply.data)


def _covers(invoice: Json) -> Any:
    read = read_invoice(invoice)
    if read is None:
        raise Unreadable("an invoice of a subscription that names none")
    return read.covers_until
