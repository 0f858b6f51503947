"""Refunds: money back to the card it came from, in parts if wanted, and those that fail later."""

from __future__ import annotations

from typing import Any

from . import knobs
from .errors import StripeError, required
from .events import changed, emit
from .listing import matching, page
from .payments import add_transaction, merged
from .world import World

Json = dict[str, Any]


def create(world: World, params: Json) -> Json:
    charge = _charge_of(world, params)
    left = charge["amount"] - charge["amount_refunded"]
    amount = params.get("amount", left)
    _refuse(charge, amount, left, world)
    fails = _is_to_fail(world, charge)
    refund = world.add(
        {
            "id": world.new_id("re"),
            "object": "refund",
            "amount": amount,
            "balance_transaction": None,
            "charge": charge["id"],
            "created": world.at,
            "currency": charge["currency"],
            "destination_details": {
                "card": {
                    "reference_status": "pending",
                    "reference_type": "acquirer_reference_number",
                    "type": "refund",
                },
                "type": "card",
            },
            "failure_balance_transaction": None,
            "metadata": params.get("metadata") or {},
            "payment_intent": charge["payment_intent"],
            "reason": params.get("reason"),
            "receipt_number": None,
            "source_transfer_reversal": None,
            # One that is going to fail looks undecided until it does, a moment later.
            "status": "pending" if fails else "succeeded",
            "transfer_reversal": None,
            "_fails": fails,
        }
    )
    transaction = add_transaction(
        world,
        kind="refund",
        amount=-amount,
        currency=charge["currency"],
        fee=0,
        source=refund["id"],
        description="REFUND FOR CHARGE",
    )
    world.change(refund, balance_transaction=transaction["id"])
    refunded = charge["amount_refunded"] + amount
    before = world.change(charge, amount_refunded=refunded, refunded=refunded == charge["amount"])
    emit(world, "refund.created", refund)
    emit(world, "charge.refunded", charge, before)
    return refund


def due_at(refund: Json) -> int | None:
    """A refund marked to fail does so as soon as anybody looks."""
    failing = refund["_fails"] and refund["status"] in ("pending", "succeeded")
    return int(refund["created"]) if failing else None


def carry_out(world: World, refund: Json) -> str:
    charge = world.get("charge", refund["charge"])
    transaction = add_transaction(
        world,
        kind="refund_failure",
        amount=refund["amount"],
        currency=refund["currency"],
        fee=0,
        source=refund["id"],
        description="REFUND FAILURE",
    )
    before = world.change(
        refund,
        status="failed",
        failure_reason="expired_or_canceled_card",
        _fails=False,
        failure_balance_transaction=transaction["id"],
    )
    left = charge["amount_refunded"] - refund["amount"]
    changed(world, "charge.updated", charge, amount_refunded=left, refunded=False)
    emit(world, "refund.updated", refund, before)
    emit(world, "charge.refund.updated", refund, before)
    emit(world, "refund.failed", refund)
    return f"refund {refund['id']} failed"


def retrieve(world: World, _params: Json, identity: str) -> Json:
    return world.get("refund", identity)


def update(world: World, params: Json, identity: str) -> Json:
    refund = world.get("refund", identity)
    if "metadata" in params:
        metadata = merged(refund["metadata"], params["metadata"])
        changed(world, "refund.updated", refund, metadata=metadata)
    return refund


def search(world: World, params: Json) -> Json:
    fits = matching(params, "charge", "payment_intent")
    found = (one for one in world.newest("refund") if fits(one))
    return page(world, "refund", "/v1/refunds", found, params)


def of_target(world: World, charges: list[Json]) -> list[Json]:
    """The refunds of these charges that have not failed, newest last."""
    found = [one for charge in charges for one in world.where("refund", "charge", charge["id"])]
    return [one for one in found if one["status"] in ("pending", "succeeded")]


def _charge_of(world: World, params: Json) -> Json:
    if "charge" in params:
        return world.get("charge", params["charge"], "charge")
    if "payment_intent" not in params:
        raise required("payment_intent")
    intent = world.get("payment_intent", params["payment_intent"], "payment_intent")
    if intent["latest_charge"] is None or intent["status"] != "succeeded":
        raise StripeError(
            f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.",
            param="payment_intent",
        )
    return world.get("charge", intent["latest_charge"])


def _refuse(charge: Json, amount: int, left: int, world: World) -> None:
    name = charge["id"]
    if charge["status"] != "succeeded":
        raise StripeError(f"Charge {name} is not in a refundable state.", param="charge")
    disputes = world.where("dispute", "charge", name)
    if any(not one["is_charge_refundable"] and one["status"] != "won" for one in disputes):
        raise StripeError(
            f"Charge {name} has been charged back; cannot issue a refund.", code="charge_disputed"
        )
    if left == 0:
        raise StripeError(
            f"Charge {name} has already been refunded.", code="charge_already_refunded"
        )
    if amount < 1:
        raise StripeError(
            "Invalid positive integer", code="parameter_invalid_integer", param="amount"
        )
    if amount > left:
        raise StripeError(
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})",
            param="amount",
        )


def _is_to_fail(world: World, charge: Json) -> bool:
    waiting = knobs.knobs(world)["failing_refunds"]
    for index, wish in enumerate(waiting):
        if wish["customer"] in (None, charge["customer"]) and wish["charge"] in (
            None,
            charge["id"],
        ):
            left = {**wish, "count": wish["count"] - 1}
            rest = waiting[:index] + ([left] if left["count"] else []) + waiting[index + 1 :]
            knobs.set_knob(world, failing_refunds=rest)
            return True
    return False
