"""Objects as an answer shows them: in the asked-for version, with references expanded.

Expanding is generic: any string that is the id of an object we hold may be replaced by it. The
few members Stripe leaves out unless asked (`payments`, `refunds` …) are in a table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .errors import StripeError
from .event_shape import presented
from .versions import shaped
from .world import World

Json = dict[str, Any]

MAXIMUM_DEPTH = 4


def listing(url: str, data: list[Json], has_more: bool = False) -> Json:
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def render(world: World, thing: Json, expand: list[str], version: str) -> Json:
    """One object, or a list of them, ready to be sent."""
    for path in expand:
        if path.count(".") >= MAXIMUM_DEPTH + (thing.get("object") == "list"):
            raise StripeError("You cannot expand more than 4 levels of a property.", param="expand")
    if thing.get("object") == "list":
        inner = [path.removeprefix("data.") for path in expand]
        if any(not path.startswith("data.") for path in expand):
            raise _not_expandable(next(path for path in expand if not path.startswith("data.")))
        return {**thing, "data": [_one(world, one, inner, version) for one in thing["data"]]}
    return _one(world, thing, expand, version)


def _one(world: World, thing: Json, expand: list[str], version: str) -> Json:
    public = _presented(world, thing, version)
    for head, rest in _grouped(expand).items():
        public[head] = _expanded(world, public, head, rest, version)
    return public


def _presented(world: World, thing: Json, version: str) -> Json:
    if "object" not in thing:
        return dict(thing)
    if thing["object"] == "event":
        return presented(thing, version)
    return shaped(thing, version)


def _grouped(expand: list[str]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for path in expand:
        head, _, rest = path.partition(".")
        grouped.setdefault(head, []).extend([rest] if rest else [])
    return grouped


def _expanded(world: World, public: Json, head: str, rest: list[str], version: str) -> Any:
    include = _INCLUDABLE.get((public.get("object", ""), head))
    value = include(world, public) if include and not public.get(head) else public.get(head)
    if value is None:
        if head not in public:
            raise _not_expandable(head)
        return None
    return _followed(world, value, head, rest, version)


def _followed(world: World, value: Any, head: str, rest: list[str], version: str) -> Any:
    if isinstance(value, str):
        found = world.anything(value)
        if found is None:
            raise _not_expandable(head)
        return _one(world, found, rest, version)
    if isinstance(value, list):
        return [_followed(world, entry, head, rest, version) for entry in value]
    if isinstance(value, dict):
        return _one(world, value, rest, version)
    raise _not_expandable(head)


def _not_expandable(path: str) -> StripeError:
    return StripeError(
        f"This property cannot be expanded ({path}). You may want to try expanding another"
        " property.",
        param="expand",
    )


def _payments(world: World, invoice: Json) -> Json:
    found = world.where("invoice_payment", "invoice", invoice["id"])
    return listing("/v1/invoice_payments", [shaped(one, "9999") for one in found])


def _refunds(world: World, charge: Json) -> Json:
    found = world.where("refund", "charge", charge["id"])
    url = f"/v1/charges/{charge['id']}/refunds"
    return listing(url, [shaped(one, "9999") for one in reversed(found)])


def _subscriptions(world: World, customer: Json) -> Json:
    found = world.where("subscription", "customer", customer["id"])
    alive = [one for one in reversed(found) if one["status"] != "canceled"]
    url = f"/v1/customers/{customer['id']}/subscriptions"
    return listing(url, [shaped(one, "9999") for one in alive])


def _line_items(world: World, session: Json) -> Json:
    stored = world.get("checkout.session", session["id"])
    return listing(f"/v1/checkout/sessions/{session['id']}/line_items", stored["_line_items"])


def _currency_options(_world: World, price: Json) -> Json:
    option = {name: price[name] for name in ("unit_amount", "unit_amount_decimal", "tax_behavior")}
    return {price["currency"]: {"custom_unit_amount": None, **option}}


_INCLUDABLE: dict[tuple[str, str], Callable[[World, Json], Any]] = {
    ("invoice", "payments"): _payments,
    ("charge", "refunds"): _refunds,
    ("customer", "subscriptions"): _subscriptions,
    ("checkout.session", "line_items"): _line_items,
    ("price", "currency_options"): _currency_options,
    # Never prebilled here: Stripe then shows null, and nothing without being asked.
    ("subscription_item", "billed_until"): lambda _world, item: item["current_period_end"],
    ("customer", "tax"): lambda _world, _customer: {
        "automatic_tax": "unrecognized_location",
        "ip_address": None,
        "location": None,
        "provider": "stripe",
    },
}
