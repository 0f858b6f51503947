"""`POST /v1/subscriptions/{id}`: everything an update may change, and what it bills at once."""

from __future__ import annotations

from typing import Any

from . import cancellations, collection, invoices, items, prorations, standing
from .errors import StripeError, required
from .events import emit
from .invoice_lines import one_off_lines, regular_line
from .payment_methods import usable
from .payments import merged
from .subscriptions import checked_trial_end, details_given
from .world import World

Json = dict[str, Any]

# Accepted and shown, without further effect.
_PLAIN = ("collection_method", "days_until_due", "description", "trial_settings")
_AFTER_THE_END = {"cancellation_details", "metadata", "expand"}


def update(world: World, params: Json, identity: str) -> Json:
    subscription = world.get("subscription", identity)
    _refuse_if_ended(subscription, params)
    _refuse_together(params)
    _refuse_if_scheduled(subscription, params)
    values = _simple(world, subscription, params)
    values.update(cancellations.values(world, subscription, params))
    if given := details_given(params):
        known = {**subscription, **values}["cancellation_details"]
        values["cancellation_details"] = {**known, **given}
    billed = _timing(world, subscription, params, values)
    before = world.change(subscription, **values)
    _say_and_bill(world, subscription, before, params, billed)
    return subscription


def _refuse_if_ended(subscription: Json, params: Json) -> None:
    refused = sorted(set(params) - _AFTER_THE_END)
    if subscription["status"] in standing.ENDED and refused:
        raise StripeError(
            "A canceled subscription can only update its cancellation_details and metadata.",
            code="invalid_canceled_subscription_fields",
            param=refused[0],
        )


def _refuse_together(params: Json) -> None:
    if "trial_end" in params and "billing_cycle_anchor" in params:
        raise StripeError(
            "You cannot set both `trial_end` and `billing_cycle_anchor`.",
            param="billing_cycle_anchor",
        )


def _refuse_if_scheduled(subscription: Json, params: Json) -> None:
    schedule = subscription["schedule"]
    if schedule and {"cancel_at", "cancel_at_period_end"} & set(params):
        raise StripeError(
            f"The subscription is managed by the subscription schedule `{schedule}`, and updating"
            " any cancelation behavior directly is not allowed. Please update the schedule"
            " instead."
        )


def _simple(world: World, subscription: Json, params: Json) -> Json:
    values: Json = {
        name: params[name] if params[name] != "" else None for name in _PLAIN if name in params
    }
    if "metadata" in params:
        values["metadata"] = merged(subscription["metadata"], params["metadata"])
    if "default_payment_method" in params:
        customer = world.get("customer", subscription["customer"])
        named = params["default_payment_method"]
        method = usable(world, named, customer, "default_payment_method")
        values["default_payment_method"] = method["id"]
    if "pause_collection" in params:
        values["pause_collection"] = _pause_of(params["pause_collection"])
    if "payment_settings" in params:
        known = subscription["payment_settings"]
        values["payment_settings"] = {**known, **params["payment_settings"]}
    return values


def _pause_of(given: Json | str) -> Json | None:
    if not isinstance(given, dict):
        return None
    if "behavior" not in given:
        raise required("pause_collection[behavior]")
    return {"behavior": given["behavior"], "resumes_at": given.get("resumes_at")}


def _timing(world: World, subscription: Json, params: Json, values: Json) -> bool:
    """Items, trial and anchor: what moves periods. True if an invoice is due at once."""
    anchored = (params.get("billing_cycle_anchor") or {}).get("type") == "now"
    billed = False
    if "add_invoice_items" in params:
        waiting = one_off_lines(world, subscription, params["add_invoice_items"])
        prorations.wait(world, subscription, waiting)
    if "items" in params:
        billed = _change_items(world, subscription, params, values)
    if params.get("trial_end") == "now":
        if subscription["status"] == "trialing":
            values.update(trial_end=world.at, status="active")
            anchored = True
    elif "trial_end" in params:
        _extend(world, subscription, params, values)
        billed = True
    if anchored:
        _restart(world, subscription, params, values)
        billed = True
    return billed


def _extend(world: World, subscription: Json, params: Json, values: Json) -> None:
    """A trial from now on: the anchor moves to its end and nothing is charged before."""
    anchor = subscription["billing_cycle_anchor"]
    trial_end = checked_trial_end(world, params["trial_end"], anchor)
    trialing = subscription["status"] == "trialing"
    if not trialing and params.get("proration_behavior") != "none":
        prorations.credit_unused(world, subscription, subscription["items"]["data"])
    start = items.first_start(subscription) if trialing else world.at
    current = {**subscription, **values}
    values.update(
        billing_cycle_anchor=trial_end,
        items=items.moved(current, start, trial_end),
        status="trialing",
        trial_end=trial_end,
        trial_start=subscription["trial_start"] if trialing else world.at,
        _reminded_of=[],
    )
    _follow(subscription, values)


def _restart(world: World, subscription: Json, params: Json, values: Json) -> None:
    """A new cycle from now."""
    if subscription["status"] == "active" and params.get("proration_behavior") != "none":
        prorations.credit_unused(world, subscription, subscription["items"]["data"])
    current = {**subscription, **values}
    entries = [
        {
            **entry,
            "current_period_start": world.at,
            "current_period_end": items.period_end(entry, world.at, world.at),
        }
        for entry in current["items"]["data"]
    ]
    values.update(
        billing_cycle_anchor=world.at, items=items.with_items(current, entries), _reminded_of=[]
    )
    _follow(subscription, values)


def _follow(subscription: Json, values: Json) -> None:
    """A cancellation by flag is tied to the period, wherever that goes."""
    if {**subscription, **values}["cancel_at_period_end"]:
        ends = [entry["current_period_end"] for entry in values["items"]["data"]]
        values["cancel_at"] = min(ends)


def _change_items(world: World, subscription: Json, params: Json, values: Json) -> bool:
    old = subscription["items"]["data"]
    new = _merged_items(world, subscription, params["items"])
    if not new:
        raise StripeError("A subscription must have at least one active item.", param="items")
    values["items"] = items.with_items(subscription, new)
    kept = {entry["id"]: entry for entry in old}
    if subscription["status"] != "trialing" and _interval(new[0]) != _interval(old[0]):
        _restart(world, subscription, params, values)
        return True
    if subscription["status"] == "trialing" or params.get("proration_behavior") == "none":
        return False
    changed = [entry for entry in new if entry != kept.get(entry["id"])]
    gone = [entry for entry in old if entry not in new]
    prorations.credit_unused(world, subscription, gone)
    prorations.charge_rest(world, subscription, changed)
    return False


def _merged_items(world: World, subscription: Json, given: list[Json]) -> list[Json]:
    entries = {entry["id"]: entry for entry in subscription["items"]["data"]}
    for number, one in enumerate(given):
        param = f"items[{number}]"
        if "id" not in one:
            start, end = world.at, items.first_end(subscription)
            entry = items.make(world, one, subscription["id"], start, end, param)
            entries[entry["id"]] = entry
        elif one["id"] not in entries:
            raise StripeError(
                f"No such subscription_item: '{one['id']}'",
                code="resource_missing",
                param=f"{param}[id]",
            )
        elif one.get("deleted"):
            del entries[one["id"]]
        else:
            entries[one["id"]] = items.amended(world, entries[one["id"]], one, param)
    return list(entries.values())


def _interval(entry: Json) -> tuple[str, int]:
    recurring = entry["price"]["recurring"]
    return recurring["interval"], recurring["interval_count"]


def _say_and_bill(
    world: World, subscription: Json, before: Json, params: Json, billed: bool
) -> None:
    """The update is told before its invoice, and already names it."""
    at_once = params.get("proration_behavior") == "always_invoice"
    lines = []
    if billed or (at_once and subscription["_pending_lines"]):
        lines = prorations.take_pending(world, subscription)
    if billed:
        trial = subscription["status"] == "trialing"
        entries = subscription["items"]["data"]
        lines += [regular_line(world, entry, trial=trial) for entry in entries]
    if not lines:
        if before:
            emit(world, "customer.subscription.updated", subscription, before)
        return
    invoice = invoices.draft(
        world,
        subscription,
        reason="subscription_update",
        lines=lines,
        announce=False,
        start=world.at,
        end=world.at,
        auto_advance=True,
    )
    before.update(world.change(subscription, latest_invoice=invoice["id"]))
    emit(world, "customer.subscription.updated", subscription, before)
    emit(world, "invoice.created", invoice)
    collection.complete(world, invoice)
