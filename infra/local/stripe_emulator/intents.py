"""Payment and setup intents as the API shows them. They are made by invoices and Checkout."""

from __future__ import annotations

from typing import Any

from . import collection
from .errors import StripeError, declined
from .listing import matching, page
from .payment_methods import alive, usable
from .payments import DECLINE, attempt, rewording
from .world import World

Json = dict[str, Any]


def retrieve(world: World, _params: Json, identity: str) -> Json:
    return world.get("payment_intent", identity)


def update(world: World, params: Json, identity: str) -> Json:
    intent = world.get("payment_intent", identity)
    world.change(intent, **rewording(intent, params))
    return intent


def confirm(world: World, params: Json, identity: str) -> Json:
    """What a browser does with the client secret of an incomplete subscription."""
    intent = world.get("payment_intent", identity)
    if intent["status"] not in ("requires_payment_method", "requires_confirmation"):
        raise StripeError(
            f"You cannot confirm this PaymentIntent because it has a status of {intent['status']}.",
            code="payment_intent_unexpected_state",
        )
    method = None
    if "payment_method" in params and intent["customer"]:
        customer = alive(world, intent["customer"])
        method = usable(world, params["payment_method"], customer, "payment_method")
    if invoice := world.find("invoice", intent["_invoice"]):
        paid = collection.collect(world, invoice, method=method["id"] if method else None)
    else:
        paid = attempt(world, intent, method).paid
    if not paid:
        raise declined(DECLINE, "generic_decline")
    return intent


def search(world: World, params: Json) -> Json:
    fits = matching(params, "customer")
    found = (one for one in world.newest("payment_intent") if fits(one))
    return page(world, "payment_intent", "/v1/payment_intents", found, params)


def retrieve_setup(world: World, _params: Json, identity: str) -> Json:
    return world.get("setup_intent", identity)


def search_setups(world: World, params: Json) -> Json:
    fits = matching(params, "customer", "payment_method")
    found = (one for one in world.newest("setup_intent") if fits(one))
    return page(world, "setup_intent", "/v1/setup_intents", found, params)
