"""Invoice lines: a period of an item, a part of one, or something bought once beside it."""

from __future__ import annotations

from typing import Any

from . import items
from .catalogue import priced
from .errors import StripeError
from .world import World

Json = dict[str, Any]


def part_line(
    world: World,
    item: Json,
    *,
    amount: int,
    start: int,
    end: int,
    description: str,
    proration: bool = False,
) -> Json:
    """An invoice line for one item and one stretch of time."""
    price = item["price"]
    return {
        "id": world.new_id("il"),
        "object": "line_item",
        "amount": amount,
        "currency": price["currency"],
        "description": description,
        "discount_amounts": [],
        "discountable": not proration,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": dict(item["metadata"]),
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": proration,
                "proration_details": {"credited_items": None},
                "subscription": item["subscription"],
                "subscription_item": item["id"],
            },
            "type": "subscription_item_details",
        },
        "period": {"start": start, "end": end},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        "quantity": item["quantity"],
        "quantity_decimal": str(item["quantity"]),
        "subscription": item["subscription"],
        "subtotal": amount,
        "taxes": [],
        "_price": price,
    }


def regular_line(world: World, item: Json, *, trial: bool = False) -> Json:
    """What the item's current period costs; a trial costs nothing."""
    product = world.find("product", item["price"]["product"]) or {"name": "Product"}
    words = (
        f"Trial period for {product['name']}"
        if trial
        else f"{item['quantity']} × {product['name']}"
    )
    return part_line(
        world,
        item,
        amount=0 if trial else items.amount(item),
        start=item["current_period_start"],
        end=item["current_period_end"],
        description=words,
    )


def one_off_lines(world: World, subscription: Json, given: list[Json]) -> list[Json]:
    """`add_invoice_items`: set-up fees and the like, on the next invoice and never again."""
    made = []
    for number, one in enumerate(given):
        price = priced(world, one, f"add_invoice_items[{number}]")
        if price["recurring"] is not None:
            raise StripeError(
                "The price specified is set to `type=recurring` but this field only accepts"
                " prices with `type=one_time`.",
                param=f"add_invoice_items[{number}][price]",
            )
        made.append(_one_off(world, subscription, price, one.get("quantity", 1)))
    return made


def _one_off(world: World, subscription: Json, price: Json, quantity: int) -> Json:
    product = world.get("product", price["product"])
    item = {
        "id": None,
        "metadata": {},
        "price": price,
        "quantity": quantity,
        "subscription": subscription["id"],
    }
    line = part_line(
        world,
        item,
        amount=items.amount(item),
        start=world.at,
        end=world.at,
        description=product["name"],
    )
    line["parent"] = {
        "invoice_item_details": {
            "invoice_item": world.new_id("ii"),
            "proration": False,
            "proration_details": {"credited_items": None},
            "subscription": subscription["id"],
        },
        "subscription_item_details": None,
        "type": "invoice_item_details",
    }
    return line
