"""Disputes: opened and closed by a control, answered by the API. They never lapse by themselves."""

from __future__ import annotations

from typing import Any

from .calendar import DAY
from .errors import StripeError
from .events import changed, emit
from .listing import matching, page
from .payments import add_transaction, merged
from .world import World

Json = dict[str, Any]

ANSWER_DAYS = 9
# Stripe keeps this even when the dispute is won.
FEE = 1500
CLOSED = ("won", "lost", "warning_closed", "prevented")
_EVIDENCE = (
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
)


def open_for(world: World, charge: Json, reason: str = "fraudulent") -> Json:
    if charge["disputed"]:
        raise StripeError(f"Charge {charge['id']} is already disputed.")
    if charge["status"] != "succeeded":
        raise StripeError(f"Charge {charge['id']} did not succeed; nothing can be disputed.")
    dispute = world.add(_blank(world, charge, reason))
    world.change(charge, disputed=True)
    emit(world, "charge.dispute.created", dispute)
    _move(world, dispute, -dispute["amount"], FEE)
    emit(world, "charge.dispute.funds_withdrawn", dispute)
    return dispute


def close_as(world: World, dispute: Json, status: str) -> Json:
    if dispute["status"] in CLOSED:
        raise StripeError(
            f"Dispute {dispute['id']} is already closed.", code="dispute_already_closed"
        )
    won = status == "won"
    world.change(dispute, status=status, is_charge_refundable=False)
    if won:
        _move(world, dispute, dispute["amount"], 0)
    emit(world, "charge.dispute.closed", dispute)
    if won:
        emit(world, "charge.dispute.funds_reinstated", dispute)
    return dispute


def retrieve(world: World, _params: Json, identity: str) -> Json:
    return world.get("dispute", identity)


def search(world: World, params: Json) -> Json:
    fits = matching(params, "charge", "payment_intent")
    found = (one for one in world.newest("dispute") if fits(one))
    return page(world, "dispute", "/v1/disputes", found, params)


def update(world: World, params: Json, identity: str) -> Json:
    dispute = world.get("dispute", identity)
    values: Json = {}
    if "metadata" in params:
        values["metadata"] = merged(dispute["metadata"], params["metadata"])
    if "evidence" in params:
        if dispute["status"] in CLOSED:
            raise StripeError("This dispute is already closed.", code="dispute_already_closed")
        values.update(_answered(dispute, params))
    changed(world, "charge.dispute.updated", dispute, **values)
    return dispute


def close(world: World, _params: Json, identity: str) -> Json:
    """Closing a dispute by the API is giving it up."""
    return close_as(world, world.get("dispute", identity), "lost")


def _answered(dispute: Json, params: Json) -> Json:
    details = {**dispute["evidence_details"], "has_evidence": True}
    values: Json = {"evidence": {**dispute["evidence"], **params["evidence"]}}
    if params.get("submit", True):
        details["submission_count"] += 1
        details["submission_method"] = "manual"
        values["status"] = "under_review"
    values["evidence_details"] = details
    return values


def _blank(world: World, charge: Json, reason: str) -> Json:
    return {
        "id": world.new_id("du"),
        "object": "dispute",
        "amount": charge["amount"] - charge["amount_refunded"],
        "balance_transactions": [],
        "charge": charge["id"],
        "created": world.at,
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {"enhanced_evidence": {}, **{name: None for name in _EVIDENCE}},
        "evidence_details": {
            "due_by": world.at + ANSWER_DAYS * DAY,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method_details": {
            "card": {
                "brand": charge["payment_method_details"]["card"]["brand"],
                "case_type": "chargeback",
                "network": "visa",
                "network_reason_code": "10.4",
            },
            "type": "card",
        },
        "reason": reason,
        "status": "needs_response",
    }


def _move(world: World, dispute: Json, amount: int, fee: int) -> None:
    transaction = add_transaction(
        world,
        kind="adjustment",
        amount=amount,
        currency=dispute["currency"],
        fee=fee,
        source=dispute["id"],
        description=f"Chargeback for {dispute['charge']}",
    )
    moved = [*dispute["balance_transactions"], transaction]
    world.change(dispute, balance_transactions=moved)
