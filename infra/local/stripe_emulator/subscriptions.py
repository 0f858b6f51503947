"""Subscriptions as the API creates, shows, lists and ends them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import cancellations, collection, invoices, items, prorations, standing
from .calendar import DAY
from .errors import StripeError, declined, required
from .events import emit
from .invoice_lines import one_off_lines, regular_line
from .listing import matching, page, within
from .payment_methods import alive, usable
from .payments import DECLINE, declines, method_for
from .subscription_shape import blank
from .world import World

Json = dict[str, Any]

LIMIT_OF_TRIAL = 730 * DAY


def create(world: World, params: Json) -> Json:
    """Through the API the event `created` shows the status after the first payment was tried."""
    subscription = begin(world, params)
    _announce(world, subscription)
    return subscription


def begin(world: World, params: Json, *, announce: bool = False, pay: bool = True) -> Json:
    """Makes it, bills it and tries to collect. Checkout announces it before it is paid."""
    for name in ("customer", "items"):
        if not params.get(name):
            raise required(name)
    customer = alive(world, params["customer"])
    params = {**params, **_method(world, customer, params)}
    subscription = _assemble(world, customer, params)
    _refuse_unpaid(world, subscription, params)
    world.add(subscription)
    if announce:
        _announce(world, subscription)
    if customer["currency"] is None:
        world.change(customer, currency=subscription["currency"])
    _bill(world, subscription, params, pay=pay)
    _schedule_end(world, subscription, params)
    return subscription


def _announce(world: World, subscription: Json) -> None:
    world.change(subscription, _announced=True)
    emit(world, "customer.subscription.created", subscription)


def retrieve(world: World, _params: Json, identity: str) -> Json:
    return world.get("subscription", identity)


def search(world: World, params: Json) -> Json:
    if "customer" in params:
        held = reversed(world.where("subscription", "customer", params["customer"]))
    else:
        held = world.newest("subscription")
    return page(world, "subscription", "/v1/subscriptions", _fitting(held, params), params)


def cancel(world: World, params: Json, identity: str) -> Json:
    """`DELETE`: over at once. `prorate` credits the unused time, `invoice_now` bills it."""
    subscription = world.get("subscription", identity)
    if subscription["status"] in standing.ENDED:
        # An ended subscription is as good as gone for this call; Stripe answers so too.
        raise StripeError(
            f"No such subscription: '{identity}'", status=404, code="resource_missing", param="id"
        )
    if params.get("prorate") and subscription["status"] != "trialing":
        prorations.credit_unused(world, subscription, subscription["items"]["data"])
    details = details_given(params)
    standing.end(world, subscription, details=details)
    if params.get("invoice_now"):
        prorations.invoice_pending(world, subscription, "subscription_update")
    return subscription


def details_given(params: Json) -> Json:
    given = params.get("cancellation_details") or {}
    return {name: value if value != "" else None for name, value in given.items()}


def _fitting(held: Iterator[Json], params: Json) -> Iterator[Json]:
    fits = matching(params, "collection_method")
    status, price = params.get("status"), params.get("price") or params.get("plan")
    for one in held:
        if not fits(one) or not _in_status(one, status):
            continue
        entries = one["items"]["data"]
        if price is not None and all(entry["price"]["id"] != price for entry in entries):
            continue
        if within(items.first_end(one), params.get("current_period_end")):
            yield one


def _in_status(subscription: Json, wanted: str | None) -> bool:
    status = subscription["status"]
    if wanted == "all":
        return True
    if wanted == "ended":
        return status in standing.ENDED
    return bool(status != "canceled" if wanted is None else status == wanted)


def _method(world: World, customer: Json, params: Json) -> Json:
    if "default_payment_method" not in params:
        return {}
    named = params["default_payment_method"]
    method = usable(world, named, customer, "default_payment_method")
    return {"default_payment_method": method["id"]}


def _assemble(world: World, customer: Json, params: Json) -> Json:
    identity = world.new_id("sub")
    trial_end = _trial_end(world, params)
    anchor = trial_end or _anchor(world, params) or world.at
    entries = []
    for number, given in enumerate(params["items"]):
        entry = items.make(world, given, identity, world.at, anchor, f"items[{number}]")
        if anchor == world.at or not trial_end:
            entry["current_period_end"] = items.period_end(entry, anchor, world.at)
        entries.append(entry)
    currencies = {entry["price"]["currency"] for entry in entries}
    if len(currencies) > 1:
        raise StripeError(
            "All prices on a subscription must have the same currency.", param="items"
        )
    mode = (params.get("billing_mode") or {}).get("type", "flexible")
    subscription = blank(identity, world.at, customer["id"], currencies.pop(), mode)
    subscription.update(
        billing_cycle_anchor=anchor,
        collection_method=params.get("collection_method", "charge_automatically"),
        days_until_due=params.get("days_until_due"),
        default_payment_method=params.get("default_payment_method"),
        description=params.get("description") or None,
        items=items.holder(identity, entries),
        metadata=dict(params.get("metadata") or {}),
        trial_end=trial_end,
        trial_start=world.at if trial_end else None,
    )
    if "trial_settings" in params:
        subscription["trial_settings"] = params["trial_settings"]
    return subscription


def _trial_end(world: World, params: Json) -> int | None:
    if "trial_period_days" in params:
        days = params["trial_period_days"]
        return world.at + days * DAY if days > 0 else None
    if params.get("trial_end") in (None, "now"):
        return None
    return checked_trial_end(world, params["trial_end"], world.at)


def checked_trial_end(world: World, trial_end: int, anchor: int) -> int:
    if trial_end <= world.at:
        raise StripeError(
            "Invalid timestamp: must be an integer Unix timestamp in the future.",
            param="trial_end",
        )
    if trial_end > max(anchor, world.at) + LIMIT_OF_TRIAL:
        raise StripeError(
            "Invalid timestamp: can be no more than two years from the current"
            " `billing_cycle_anchor`.",
            param="trial_end",
        )
    return trial_end


def _anchor(world: World, params: Json) -> int | None:
    anchor: int | None = params.get("billing_cycle_anchor")
    if anchor is not None and anchor < world.at:
        raise StripeError(
            "`billing_cycle_anchor` must be in the future.", param="billing_cycle_anchor"
        )
    return anchor


def _refuse_unpaid(world: World, subscription: Json, params: Json) -> None:
    """`error_if_incomplete`: nothing is made when the first payment would fail."""
    if params.get("payment_behavior") != "error_if_incomplete" or subscription["trial_end"]:
        return
    holder = subscription["customer"]
    method = method_for(world, holder, subscription["default_payment_method"])
    if method is None:
        raise StripeError(
            "This customer has no attached payment source or default payment method. Please"
            " consider adding a default payment method.",
            status=402,
            code="resource_missing",
        )
    if declines(world, holder, method):
        raise declined(DECLINE, "generic_decline")


def _bill(world: World, subscription: Json, params: Json, *, pay: bool) -> None:
    trial = subscription["trial_end"] is not None
    invoice = invoices.draft(
        world,
        subscription,
        reason="subscription_create",
        auto_advance=False,
        lines=_first_lines(world, subscription, params, trial=trial),
        start=world.at,
        end=items.first_end(subscription) if trial else world.at,
    )
    standing.update(world, subscription, latest_invoice=invoice["id"])
    held_back = params.get("payment_behavior") == "default_incomplete"
    if subscription["collection_method"] == "send_invoice":
        # Nothing has to be paid first: an invoice that is sent starts the subscription at once.
        standing.update(world, subscription, status="trialing" if trial else "active")
    if trial or (pay and not held_back):
        if trial:
            standing.update(world, subscription, status="trialing")
        collection.complete(world, invoice)
    else:
        invoices.finalize(world, invoice)


def _first_lines(world: World, subscription: Json, params: Json, *, trial: bool) -> list[Json]:
    """A first period cut short by a billing anchor costs its share, or nothing if so asked."""
    lines = []
    for entry in subscription["items"]["data"]:
        line = regular_line(world, entry, trial=trial)
        end = entry["current_period_end"]
        begin_of_whole = items.full_start(entry, subscription["billing_cycle_anchor"], end)
        if not trial and begin_of_whole < world.at:
            free = params.get("proration_behavior") == "none"
            cost = items.share(line["amount"], end - world.at, end - begin_of_whole)
            line["amount"] = line["subtotal"] = 0 if free else cost
        lines.append(line)
    given = params.get("add_invoice_items") or []
    return lines + one_off_lines(world, subscription, given)


def _schedule_end(world: World, subscription: Json, params: Json) -> None:
    if params.get("cancel_at_period_end") or params.get("cancel_at"):
        world.change(subscription, **cancellations.values(world, subscription, params))
