"""The two shapes an object can be shown in: today's, and that of before 2025-03-31.basil.

Objects are kept in today's shape. The older one is worked out from it, so that an app which must
read both can be tested with either. Versions between the two differ in nothing that is emulated.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

Json = dict[str, Any]

DEFAULT_VERSION = "2026-10-28.endive"
_BASIL = "2025-03-31"


def is_old(version: str) -> bool:
    return version[:10] < _BASIL


def shaped(thing: Json, version: str) -> Json:
    """The object without our private members, in the shape of that version."""
    public = without_private(thing)
    shapes = _OLD if is_old(version) else _NEW
    if reshape := shapes.get(thing["object"]):
        reshape(public, thing)
    return public


def without_private(thing: Json) -> Json:
    public = dict(thing)
    for name in _private(tuple(thing)):
        del public[name]
    return public


@lru_cache(maxsize=1024)
def _private(names: tuple[str, ...]) -> tuple[str, ...]:
    """Asked for each thing that is shown. Few kinds of things there are, and all of a kind have the same names."""
    return tuple(name for name in names if name.startswith("_"))


def shaped_previous(kind: str, previous: Json, version: str) -> Json:
    """`previous_attributes` in the shape of that version."""
    if not is_old(version) or kind != "subscription" or "items" not in previous:
        return previous
    first = previous["items"]["data"][0]
    items = {**previous["items"], "data": [_old_item(item) for item in previous["items"]["data"]]}
    periods = {
        name: first[name]
        for name in ("current_period_start", "current_period_end")
        if name in first
    }
    return {**previous, **periods, "items": items}


def _old_item(item: Json) -> Json:
    return {name: value for name, value in item.items() if not name.startswith("current_period_")}


def _new_invoice(public: Json, thing: Json) -> None:
    lines = [without_private(line) for line in thing["lines"]["data"]]
    public["lines"] = {**thing["lines"], "data": lines}


def _old_subscription(public: Json, thing: Json) -> None:
    items = thing["items"]["data"]
    public["current_period_start"] = max(item["current_period_start"] for item in items)
    public["current_period_end"] = min(item["current_period_end"] for item in items)
    public["items"] = {**thing["items"], "data": [_old_item(item) for item in items]}
    public["discount"] = None
    public["plan"] = items[0]["plan"] if len(items) == 1 else None
    public["quantity"] = items[0]["quantity"] if len(items) == 1 else None
    for name in ("billing_mode", "billing_schedules", "status_details"):
        public.pop(name, None)


def _old_invoice(public: Json, thing: Json) -> None:
    parent = public.pop("parent", None) or {}
    details = parent.get("subscription_details") or {}
    public["subscription"] = details.get("subscription")
    public["subscription_details"] = {"metadata": details.get("metadata")} if details else None
    public["charge"] = thing.get("_charge")
    public["payment_intent"] = thing.get("_payment_intent")
    public["paid"] = thing["status"] == "paid"
    public["paid_out_of_band"] = False
    public["discount"] = public["quote"] = public["tax"] = None
    lines = [_old_line(line) for line in thing["lines"]["data"]]
    public["lines"] = {**thing["lines"], "data": lines}


def _old_line(line: Json) -> Json:
    parent = line.get("parent") or {}
    details = parent.get("subscription_item_details") or {}
    old = {name: value for name, value in line.items() if name not in ("parent", "pricing")}
    old["type"] = "subscription"
    old["proration"] = bool(details.get("proration"))
    old["subscription"] = details.get("subscription")
    old["subscription_item"] = details.get("subscription_item")
    old["price"] = line.get("_price")
    old.pop("_price", None)
    return old


def _old_money(public: Json, thing: Json) -> None:
    public["invoice"] = thing.get("_invoice")


_NEW: dict[str, Callable[[Json, Json], None]] = {"invoice": _new_invoice}

_OLD: dict[str, Callable[[Json, Json], None]] = {
    "subscription": _old_subscription,
    "subscription_item": lambda public, thing: public.update(_old_item(thing)),
    "invoice": _old_invoice,
    "charge": _old_money,
    "payment_intent": _old_money,
}
