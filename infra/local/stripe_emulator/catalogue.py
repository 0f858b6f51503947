"""Products and prices."""

from __future__ import annotations

from typing import Any

from .errors import StripeError, required
from .events import changed, emit
from .listing import matching, page
from .payments import merged
from .world import World

Json = dict[str, Any]


def create_product(world: World, params: Json) -> Json:
    if "name" not in params:
        raise required("name")
    product = world.add(
        {
            "id": params.get("id") or world.new_id("prod", 14),
            "object": "product",
            "active": params.get("active", True),
            "created": world.at,
            "default_price": None,
            "description": params.get("description"),
            "images": params.get("images") or [],
            "livemode": False,
            "marketing_features": params.get("marketing_features") or [],
            "metadata": params.get("metadata") or {},
            "name": params["name"],
            "package_dimensions": None,
            "shippable": None,
            "statement_descriptor": params.get("statement_descriptor"),
            "tax_code": None,
            "type": "service",
            "unit_label": params.get("unit_label"),
            "updated": world.at,
            "url": params.get("url"),
        }
    )
    emit(world, "product.created", product)
    return product


def retrieve_product(world: World, _params: Json, identity: str) -> Json:
    return world.get("product", identity)


def update_product(world: World, params: Json, identity: str) -> Json:
    product = world.get("product", identity)
    values = _given(product, params, ("name", "active", "description", "default_price"))
    changed(world, "product.updated", product, **values)
    return product


def search_products(world: World, params: Json) -> Json:
    fits = matching(params, "active")
    wanted = params.get("ids")
    found = (
        one
        for one in world.newest("product")
        if fits(one) and (wanted is None or one["id"] in wanted)
    )
    return page(world, "product", "/v1/products", found, params)


def create_price(world: World, params: Json) -> Json:
    if "currency" not in params:
        raise required("currency")
    key = params.get("lookup_key")
    if key is not None and world.where("price", "lookup_key", key):
        if not params.get("transfer_lookup_key"):
            raise StripeError(
                f"A price ({world.where('price', 'lookup_key', key)[0]['id']}) already uses that"
                " lookup key.",
                param="lookup_key",
            )
        for holder in world.where("price", "lookup_key", key):
            changed(world, "price.updated", holder, lookup_key=None)
    product = _product_of(world, params)
    price = add_price(world, {**params, "product": product["id"]})
    emit(world, "price.created", price)
    return price


def add_price(world: World, params: Json) -> Json:
    """A price as it stands, without an event: also the unnamed ones made by `price_data`."""
    amount = _amount(params)
    recurring = params.get("recurring")
    return world.add(
        {
            "id": world.new_id("price"),
            "object": "price",
            "active": params.get("active", True),
            "billing_scheme": "per_unit",
            "created": world.at,
            "currency": params["currency"].lower(),
            "custom_unit_amount": None,
            "livemode": False,
            "lookup_key": params.get("lookup_key"),
            "metadata": params.get("metadata") or {},
            "nickname": params.get("nickname"),
            "product": params["product"],
            "recurring": _recurring(recurring) if recurring else None,
            "tax_behavior": "unspecified",
            "tiers_mode": None,
            "transform_quantity": None,
            "type": "recurring" if recurring else "one_time",
            "unit_amount": amount,
            "unit_amount_decimal": str(amount),
        }
    )


def priced(world: World, given: Json, param: str) -> Json:
    """The price an item names, by id or made on the spot from `price_data`, as it is now.

    A copy: an item or a line keeps the price it was made with, whatever becomes of that.
    """
    if "price" in given:
        return dict(world.get("price", given["price"], f"{param}[price]", 400))
    if "price_data" not in given:
        raise required(f"{param}[price]")
    data = dict(given["price_data"])
    if "currency" not in data:
        raise required(f"{param}[price_data][currency]")
    if "product_data" in data:
        data["product"] = create_product(world, data.pop("product_data"))["id"]
    elif "product" not in data:
        raise required(f"{param}[price_data][product]")
    world.get("product", data["product"], f"{param}[price_data][product]", 400)
    return dict(add_price(world, {**data, "active": False}))


def plan_of(price: Json) -> Json:
    """The price as the older Plan object, which subscription items still carry."""
    recurring = price["recurring"] or {}
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": price["billing_scheme"],
        "created": price["created"],
        "currency": price["currency"],
        "interval": recurring.get("interval"),
        "interval_count": recurring.get("interval_count"),
        "livemode": False,
        "metadata": price["metadata"],
        "meter": None,
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": None,
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }


def retrieve_price(world: World, _params: Json, identity: str) -> Json:
    return world.get("price", identity)


def update_price(world: World, params: Json, identity: str) -> Json:
    price = world.get("price", identity)
    values = _given(price, params, ("active", "nickname", "lookup_key"))
    changed(world, "price.updated", price, **values)
    return price


def search_prices(world: World, params: Json) -> Json:
    fits = matching(params, "active", "currency", "product", "type")
    keys = params.get("lookup_keys")
    recurring = params.get("recurring") or {}
    found = (
        one
        for one in world.newest("price")
        if fits(one)
        and (keys is None or one["lookup_key"] in keys)
        and all((one["recurring"] or {}).get(name) == value for name, value in recurring.items())
    )
    return page(world, "price", "/v1/prices", found, params)


def _product_of(world: World, params: Json) -> Json:
    if "product_data" in params:
        return create_product(world, params["product_data"])
    if "product" not in params:
        raise required("product")
    return world.get("product", params["product"], "product", 400)


def _amount(params: Json) -> int:
    if "unit_amount" in params:
        amount = params["unit_amount"]
    elif "unit_amount_decimal" in params:
        amount = _whole(params["unit_amount_decimal"])
    else:
        raise required("unit_amount")
    if amount < 0:
        raise StripeError("Invalid non-negative integer", param="unit_amount")
    return int(amount)


def _whole(text: str) -> int:
    if not text.isdigit() or len(text) > 12:
        raise StripeError("The emulator knows whole minor units only.", param="unit_amount_decimal")
    return int(text)


def _recurring(given: Json) -> Json:
    if "interval" not in given:
        raise required("recurring[interval]")
    return {
        "interval": given["interval"],
        "interval_count": given.get("interval_count", 1),
        "meter": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    }


def _given(thing: Json, params: Json, names: tuple[str, ...]) -> Json:
    values = {
        name: params[name] if params[name] != "" else None for name in names if name in params
    }
    if "metadata" in params:
        values["metadata"] = merged(thing["metadata"], params["metadata"])
    return values
