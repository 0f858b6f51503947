"""Invoice payments: which payment belongs to which invoice, since invoices no longer say it."""

from __future__ import annotations

from typing import Any

from .listing import matching, page
from .world import World

Json = dict[str, Any]


def retrieve(world: World, _params: Json, identity: str) -> Json:
    return world.get("invoice_payment", identity)


def search(world: World, params: Json) -> Json:
    fits = matching(params, "invoice", "status")
    payment = params.get("payment") or {}
    found = (
        one
        for one in world.newest("invoice_payment")
        if fits(one)
        and (
            "payment_intent" not in payment
            or one["payment"].get("payment_intent") == payment["payment_intent"]
        )
    )
    return page(world, "invoice_payment", "/v1/invoice_payments", found, params)
