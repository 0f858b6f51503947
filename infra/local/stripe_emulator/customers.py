"""Customers, and their deletion, which ends their subscriptions."""

from __future__ import annotations

from typing import Any

from . import payment_methods, standing
from .events import changed, emit
from .listing import matching, page
from .payment_methods import alive
from .payments import merged
from .world import World

Json = dict[str, Any]

_PLAIN = (
    "address",
    "description",
    "email",
    "name",
    "phone",
    "shipping",
    "preferred_locales",
    "invoice_prefix",
    "next_invoice_sequence",
    "tax_exempt",
    "balance",
)


def create(world: World, params: Json) -> Json:
    identity = world.new_id("cus", 14)
    customer = world.add(
        {
            "id": identity,
            "object": "customer",
            "address": None,
            "balance": 0,
            "created": world.at,
            "currency": None,
            "default_source": None,
            "delinquent": False,
            "description": None,
            "discount": None,
            "email": None,
            "invoice_prefix": identity[-8:].upper(),
            "invoice_settings": {
                "custom_fields": None,
                "default_payment_method": None,
                "footer": None,
                "rendering_options": None,
            },
            "livemode": False,
            "metadata": {},
            "name": None,
            "next_invoice_sequence": 1,
            "phone": None,
            "preferred_locales": [],
            "shipping": None,
            "tax_exempt": "none",
            "test_clock": None,
        }
    )
    given = dict(params)
    if method := given.pop("payment_method", None):
        attached = payment_methods.attach_to(world, method, customer)
        settings = given.get("invoice_settings") or {}
        if settings.get("default_payment_method") == method:
            # The usual way to say it in one call: the test name becomes the card just made.
            given["invoice_settings"] = {**settings, "default_payment_method": attached["id"]}
    world.change(customer, **_values(world, customer, given))
    emit(world, "customer.created", customer)
    return customer


def retrieve(world: World, _params: Json, identity: str) -> Json:
    return world.get("customer", identity)


def update(world: World, params: Json, identity: str) -> Json:
    customer = alive(world, identity, status=404)
    changed(world, "customer.updated", customer, **_values(world, customer, params))
    return customer


def search(world: World, params: Json) -> Json:
    fits = matching(params, "email")
    found = (one for one in world.newest("customer") if not one.get("deleted") and fits(one))
    return page(world, "customer", "/v1/customers", found, params)


def delete(world: World, _params: Json, identity: str) -> Json:
    customer = alive(world, identity, status=404)
    for subscription in world.where("subscription", "customer", identity):
        if subscription["status"] not in standing.ENDED:
            standing.end(world, subscription)
    emit(world, "customer.deleted", customer)
    for method in world.where("payment_method", "customer", identity):
        world.change(method, customer=None)
    gone = {"id": identity, "object": "customer", "deleted": True}
    world.remove(customer)
    world.add(gone)
    return gone


def _values(world: World, customer: Json, params: Json) -> Json:
    values = {name: _unset(params[name]) for name in _PLAIN if name in params}
    if "metadata" in params:
        values["metadata"] = merged(customer["metadata"], params["metadata"])
    if "invoice_settings" in params:
        values["invoice_settings"] = _settings(world, customer, params["invoice_settings"])
    return values


def _settings(world: World, customer: Json, given: Json) -> Json:
    settings = {name: _unset(value) for name, value in given.items()}
    if method := settings.get("default_payment_method"):
        param = "invoice_settings[default_payment_method]"
        attached = payment_methods.usable(world, method, customer, param)
        settings["default_payment_method"] = attached["id"]
    return {**customer["invoice_settings"], **settings}


def _unset(value: Any) -> Any:
    return None if value == "" else value
