"""Subscription schedules: fixed terms in phases, and what stands at the end of the last one."""

from __future__ import annotations

from typing import Any

from . import items, standing, subscriptions
from .calendar import boundary
from .errors import StripeError, required
from .events import changed, emit
from .listing import matching, page
from .payment_methods import alive
from .payments import merged
from .world import World

Json = dict[str, Any]


def create(world: World, params: Json) -> Json:
    if "from_subscription" in params:
        return _from_subscription(world, params)
    for name in ("customer", "phases"):
        if name not in params:
            raise required(name)
    customer = alive(world, params["customer"])
    given = params.get("start_date", "now")
    start = world.at if given == "now" else given
    schedule = _blank(world, customer["id"], params)
    schedule["phases"] = _phases(world, schedule, params["phases"], start)
    world.add(schedule)
    emit(world, "subscription_schedule.created", schedule)
    if start <= world.at:
        _start(world, schedule)
    return schedule


def retrieve(world: World, _params: Json, identity: str) -> Json:
    return world.get("subscription_schedule", identity)


def search(world: World, params: Json) -> Json:
    fits = matching(params, "customer")
    found = (one for one in world.newest("subscription_schedule") if fits(one))
    return page(world, "subscription_schedule", "/v1/subscription_schedules", found, params)


def update(world: World, params: Json, identity: str) -> Json:
    schedule = _alive(world, identity)
    values: Json = {}
    if "end_behavior" in params:
        values["end_behavior"] = params["end_behavior"]
    if "metadata" in params:
        values["metadata"] = merged(schedule["metadata"], params["metadata"])
    if "phases" in params:
        start = schedule["phases"][0]["start_date"] if schedule["phases"] else world.at
        phases = _phases(world, schedule, params["phases"], start)
        values["phases"] = phases
        values["current_phase"] = _current(world, schedule, phases)
    changed(world, "subscription_schedule.updated", schedule, **values)
    return schedule


def release(world: World, _params: Json, identity: str) -> Json:
    schedule = _alive(world, identity)
    _let_go(world, schedule)
    return schedule


def cancel(world: World, _params: Json, identity: str) -> Json:
    schedule = _alive(world, identity)
    subscription = world.find("subscription", schedule["subscription"])
    if subscription:
        standing.end(world, subscription)
    if schedule["status"] != "canceled":
        changed(
            world,
            "subscription_schedule.canceled",
            schedule,
            status="canceled",
            canceled_at=world.at,
            current_phase=None,
        )
    return schedule


def due_at(schedule: Json) -> int | None:
    if schedule["status"] == "not_started":
        return int(schedule["phases"][0]["start_date"])
    if schedule["status"] == "active" and schedule["current_phase"]:
        return int(schedule["current_phase"]["end_date"])
    return None


def carry_out(world: World, schedule: Json) -> str:
    name = schedule["id"]
    if schedule["status"] == "not_started":
        _start(world, schedule)
        return f"started schedule {name}"
    subscription = world.get("subscription", schedule["subscription"])
    for phase in schedule["phases"]:
        if phase["start_date"] == schedule["current_phase"]["end_date"]:
            return _enter(world, schedule, subscription, phase)
    if schedule["end_behavior"] == "cancel":
        world.change(schedule, status="completed", completed_at=world.at, current_phase=None)
        standing.end(world, subscription)
        emit(world, "subscription_schedule.completed", schedule)
        return f"schedule {name} completed and ended subscription {subscription['id']}"
    _let_go(world, schedule)
    return f"schedule {name} released subscription {subscription['id']}"


def _from_subscription(world: World, params: Json) -> Json:
    if "phases" in params:
        raise StripeError("You cannot set `phases` if `from_subscription` is set.", param="phases")
    subscription = world.get("subscription", params["from_subscription"], "from_subscription", 400)
    if subscription["status"] in standing.ENDED or subscription["schedule"]:
        raise StripeError(
            "You cannot migrate this subscription to a schedule.", param="from_subscription"
        )
    schedule = _blank(world, subscription["customer"], params)
    start, end = items.first_start(subscription), items.first_end(subscription)
    entries = [
        {"price": entry["price"]["id"], "quantity": entry["quantity"]}
        for entry in subscription["items"]["data"]
    ]
    schedule.update(
        status="active",
        subscription=subscription["id"],
        billing_mode=subscription["billing_mode"],
        phases=[_phase(world, {"items": entries}, start, end)],
        current_phase={"start_date": start, "end_date": end},
    )
    world.add(schedule)
    emit(world, "subscription_schedule.created", schedule)
    standing.update(world, subscription, schedule=schedule["id"])
    return schedule


def _start(world: World, schedule: Json) -> None:
    phase = schedule["phases"][0]
    subscription = subscriptions.create(
        world, {"customer": schedule["customer"], "items": phase["items"]}
    )
    world.change(subscription, schedule=schedule["id"])
    world.change(
        schedule,
        status="active",
        subscription=subscription["id"],
        current_phase={"start_date": phase["start_date"], "end_date": phase["end_date"]},
    )


def _enter(world: World, schedule: Json, subscription: Json, phase: Json) -> str:
    """The next phase's items, from here on and without prorations: it starts on a boundary."""
    start, end = items.first_start(subscription), items.first_end(subscription)
    entries = [
        items.make(world, one, subscription["id"], start, end, "items") for one in phase["items"]
    ]
    wanted = [(entry["price"]["id"], entry["quantity"]) for entry in entries]
    known = [(entry["price"]["id"], entry["quantity"]) for entry in subscription["items"]["data"]]
    if wanted != known:
        standing.update(world, subscription, items=items.with_items(subscription, entries))
    current = {"start_date": phase["start_date"], "end_date": phase["end_date"]}
    changed(world, "subscription_schedule.updated", schedule, current_phase=current)
    return f"schedule {schedule['id']} entered its next phase"


def _let_go(world: World, schedule: Json) -> None:
    subscription = world.find("subscription", schedule["subscription"])
    world.change(
        schedule,
        status="released",
        released_at=world.at,
        current_phase=None,
        released_subscription=schedule["subscription"],
        subscription=None,
    )
    emit(world, "subscription_schedule.released", schedule)
    if subscription:
        standing.update(world, subscription, schedule=None)


def _alive(world: World, identity: str) -> Json:
    schedule = world.get("subscription_schedule", identity)
    if schedule["status"] not in ("active", "not_started"):
        raise StripeError(
            f"You cannot change a subscription schedule with status `{schedule['status']}`."
        )
    return schedule


def _current(world: World, schedule: Json, phases: list[Json]) -> Json | None:
    if schedule["status"] == "not_started":
        return None
    for phase in phases:
        if phase["start_date"] <= world.at < phase["end_date"]:
            return {"start_date": phase["start_date"], "end_date": phase["end_date"]}
    raise StripeError("The phases must contain the current moment.", param="phases")


def _phases(world: World, schedule: Json, given: list[Json], start: int) -> list[Json]:
    if not given:
        raise required("phases")
    phases = []
    for number, one in enumerate(given):
        begins = one.get("start_date", start)
        begins = world.at if begins == "now" else begins
        if begins != start:
            raise StripeError(
                "Phases must follow one another without a gap.",
                param=f"phases[{number}][start_date]",
            )
        ends = _end_of(world, one, begins, f"phases[{number}]")
        phases.append(_phase(world, one, begins, ends))
        start = ends
    return phases


def _end_of(world: World, given: Json, start: int, param: str) -> int:
    if "end_date" in given:
        end = world.at if given["end_date"] == "now" else int(given["end_date"])
    elif "duration" in given:
        length = given["duration"]
        end = boundary(start, length["interval"], length.get("interval_count", 1), 1)
    else:
        raise required(f"{param}[end_date]")
    if end <= start:
        raise StripeError("A phase must end after it starts.", param=f"{param}[end_date]")
    return end


def _phase(world: World, given: Json, start: int, end: int) -> Json:
    if not given.get("items"):
        raise required("phases[items]")
    prices = [
        world.get("price", one.get("price", ""), "phases[items][price]", 400)
        for one in given["items"]
    ]
    return {
        "add_invoice_items": [],
        "application_fee_percent": None,
        "billing_cycle_anchor": None,
        "billing_thresholds": None,
        "collection_method": None,
        "currency": prices[0]["currency"],
        "default_payment_method": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "end_date": end,
        "invoice_settings": None,
        "items": [
            {
                "billing_thresholds": None,
                "discounts": [],
                "metadata": {},
                "plan": price["id"],
                "price": price["id"],
                "quantity": one.get("quantity", 1),
                "tax_rates": [],
            }
            for one, price in zip(given["items"], prices, strict=True)
        ],
        "metadata": given.get("metadata") or {},
        "on_behalf_of": None,
        "proration_behavior": given.get("proration_behavior", "create_prorations"),
        "start_date": start,
        "transfer_data": None,
        "trial_end": None,
    }


def _blank(world: World, customer: str, params: Json) -> Json:
    return {
        "id": world.new_id("sub_sched"),
        "object": "subscription_schedule",
        "application": None,
        "billing_mode": {
            "type": "flexible",
            "flexible": {"proration_discounts": "included"},
            "updated_at": world.at,
        },
        "canceled_at": None,
        "completed_at": None,
        "created": world.at,
        "current_phase": None,
        "customer": customer,
        "default_settings": {
            "application_fee_percent": None,
            "automatic_tax": None,
            "billing_cycle_anchor": "automatic",
            "billing_thresholds": None,
            "collection_method": "charge_automatically",
            "default_payment_method": None,
            "description": None,
            "invoice_settings": {
                "account_tax_ids": None,
                "days_until_due": None,
                "issuer": {"type": "self"},
            },
            "on_behalf_of": None,
            "transfer_data": None,
        },
        "end_behavior": params.get("end_behavior", "release"),
        "livemode": False,
        "metadata": params.get("metadata") or {},
        "pause_schedules": [],
        "phases": [],
        "released_at": None,
        "released_subscription": None,
        "status": "not_started",
        "subscription": None,
        "test_clock": None,
    }
