"""A `Truth` that also knows of money: charges, refunds, disputes and Checkout sessions, told through the real readers."""

from __future__ import annotations

from typing import Any

from chalicelib.domain.disputes import DisputeAtStripe
from chalicelib.domain.refunds import ChargeAtStripe, Paid, RefundAtStripe
from chalicelib.domain.top_ups import PaidCheckout
from chalicelib.gateways.money_reader import read_charge, read_dispute, read_refund
from chalicelib.gateways.stripe_reader import read_checkout, reference
from tests.support import stripe_shapes
from tests.support.stage import Stage
from tests.support.truth import Truth

DAYS = 28


class Everything(Truth):
    def charge(self, charge_id: str) -> ChargeAtStripe:
        return read_charge(self._answer(charge_id))

    def refund(self, refund_id: str) -> RefundAtStripe:
        return read_refund(self._answer(refund_id))

    def dispute(self, dispute_id: str) -> DisputeAtStripe:
        return read_dispute(self._answer(dispute_id))

    def checkout(self, session_id: str) -> PaidCheckout | None:
        return read_checkout(self._answer(session_id))

    def refunds_of(self, charge_id: str) -> tuple[RefundAtStripe, ...]:
        return tuple(read_refund(one) for one in self._about("refund", charge_id))

    def disputes_of(self, charge_id: str) -> tuple[DisputeAtStripe, ...]:
        return tuple(read_dispute(one) for one in self._about("dispute", charge_id))

    def paid_by(self, _charge: ChargeAtStripe) -> Paid:
        return Paid()

    def _about(self, kind: str, charge_id: str) -> list[dict[str, Any]]:
        return [
            self._answer(id)
            for id, thing in list(self._things.items())
            if thing["object"] == kind and reference(thing.get("charge")) == charge_id
        ]


class Scene(Stage):
    """An account with a running plan, a paid top-up, a refund and a dispute at Stripe; and a neighbour to be left alone.

    Of the things, nothing was heard here yet.
    """

    def __init__(self) -> None:
        super().__init__()
        self.truth: Everything = Everything(self.clock)
        self.world = self.process()
        self.account("acme", "cus_1")
        self.account("bravo", "cus_2")
        start, end = self.unix, self.unix + DAYS * 86_400
        for thing in (
            stripe_shapes.subscription(start=start, end=end),
            stripe_shapes.invoice("in_sub_1", start=start, end=end),
            stripe_shapes.charge(),
            stripe_shapes.refund(amount=100),
            stripe_shapes.dispute(created=start),
            stripe_shapes.session(),
        ):
            self.truth.put(thing)

    def thing_of(self, type: str, version: str, **more: Any) -> dict[str, Any]:
        """What the event of this type is about, as this version tells it."""
        start, end = self.unix, self.unix + DAYS * 86_400
        if type.startswith("customer.subscription"):
            return stripe_shapes.subscription(start=start, end=end, version=version, **more)
        if type.startswith("invoice."):
            return stripe_shapes.invoice(
                "in_sub_1", start=start, end=end, version=version, **(_invoice_of(type) | more)
            )
        if type.startswith("charge.dispute"):
            return stripe_shapes.dispute(created=start, **more)
        if type == "charge.refunded":
            return stripe_shapes.charge(amount_refunded=100, **more)
        if type.startswith("checkout."):
            return stripe_shapes.session(**more)
        return stripe_shapes.refund(amount=100, **more)


def _invoice_of(type: str) -> dict[str, Any]:
    status = {"invoice.voided": "void", "invoice.marked_uncollectible": "uncollectible"}
    if type == "invoice.payment_failed":
        return {"status": "open", "paid": False}
    return {"status": status[type]} if type in status else {}
