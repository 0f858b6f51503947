"""Everybody leaves: cancelled at Stripe's portal, and whatever an operator holds is let go.

Of some a court still wants everything kept, or a case of theirs is not decided. That is over only after the years have
passed: until then nothing of theirs may be purged, and then it must be.
"""

from __future__ import annotations

from random import Random

from tests.simulation.acts import customers, operators
from tests.simulation.stripes_truth import at_stripe
from tests.simulation.world import Resident, Simulated

LIVE = ("active", "trialing", "past_due", "unpaid", "paused")
OVER = {"reason": "It is over."}
COMPLETE = {
    "payment": "pi_1", "date": "2026-01-30", "amount": {"amount": 1, "currency": "usd"},
    "description": "It is over.",
}  # fmt: skip


def leave(world: Simulated, resident: Resident) -> None:
    if not resident.customer:
        return
    random = Random(f"{world.plan.seed} {resident.id}")
    match random.choice(("nothing is left", "nothing is left", "a court asked", "a case is open")):
        case "a court asked":
            operators.legal_hold(world, resident, random)
            _decide_everything(world, resident)
        case "a case is open":
            _lift_the_hold(world, resident)
            customers.appeal(world, resident, random)
        case _:
            _nothing_keeps(world, resident)
    _cancel_everything(world, resident)
    seen = world.operator("GET", f"/v1/admin/accounts/{resident.id}/timeline")
    resident.held.clear()
    for one in (seen.body or {}).get("held", []):
        world.operator("POST", f"/v1/admin/steps/{one['key']}/retry", OVER)


def nothing_is_left(world: Simulated, resident: Resident) -> None:
    """That keeps what they had from being deleted. What a waiver kept is given back in another way."""
    if resident.customer:
        _nothing_keeps(world, resident)
        if resident.release_waived:
            customers.give_everything_back(world, resident)


def _nothing_keeps(world: Simulated, resident: Resident) -> None:
    _lift_the_hold(world, resident)
    _decide_everything(world, resident)


def _lift_the_hold(world: Simulated, resident: Resident) -> None:
    resident.on_hold = False
    world.operator("DELETE", f"/v1/admin/accounts/{resident.id}/legal-hold", OVER)


def _decide_everything(world: Simulated, resident: Resident) -> None:
    for dispute in resident.disputes:
        world.try_control("close_dispute", dispute=dispute, status="won")
    world.deliver()
    for case in resident.cases:
        decision = f"/v1/cases/{case}/decision"
        world.operator("POST", decision, {"approve": False, **OVER})
        # One that lacks something can still be completed and then decided.
        world.customer(resident.id, "POST", f"/v1/cases/{case}/replies", COMPLETE)
        world.operator("POST", decision, {"approve": False, **OVER})


def _cancel_everything(world: Simulated, resident: Resident) -> None:
    for subscription in at_stripe(world, resident):
        if subscription["status"] in LIVE:
            world.try_control("portal_cancel", subscription=subscription["id"])
    world.deliver()
