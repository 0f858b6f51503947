"""The controls of `/_control`: what a person, a bank or a bad day does to the account.

Every action takes plain fields and answers with what was done. An unknown action, field or id is
refused in a sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from . import checkout, disputes, knobs, portal, refunds, standing, webhooks
from .errors import ControlError, StripeError
from .world import World

Json = dict[str, Any]


def carry_out(world: World, action: str, fields: Json) -> Json:
    if action not in ACTIONS:
        names = ", ".join(sorted(ACTIONS))
        raise ControlError(f"There is no control called {action!r}. The controls are: {names}.")
    try:
        return {"action": action, **ACTIONS[action](world, fields)}
    except StripeError as refusal:
        world.rollback()
        raise ControlError(str(refusal)) from refusal


def end_modes(world: World, control: Json) -> str:
    """Webhook modes whose `until` has come end by themselves, and what they held is due."""
    modes = control["modes"]
    left = {
        name: mode
        for name, mode in modes.items()
        if mode["until"] is None or mode["until"] > world.at
    }
    knobs.set_knob(world, modes=left)
    released = webhooks.release_held(world) if "delay" in modes and "delay" not in left else 0
    ended = ", ".join(sorted(set(modes) - set(left)))
    return f"webhook mode ended: {ended}; {released} deliveries released"


def _fail_payment(world: World, fields: Json) -> Json:
    customer = _customer(world, fields)
    failing = knobs.knobs(world)["failing_customers"]
    knobs.set_knob(world, failing_customers=sorted({*failing, customer["id"]}))
    return {"customer": customer["id"], "payments": "fail"}


def _allow_payment(world: World, fields: Json) -> Json:
    """Also a card that fails by nature stops failing, or nothing would be allowed."""
    customer = _customer(world, fields)
    failing = knobs.knobs(world)["failing_customers"]
    knobs.set_knob(world, failing_customers=[one for one in failing if one != customer["id"]])
    for method in world.where("payment_method", "customer", customer["id"]):
        world.change(method, _fails=False)
    return {"customer": customer["id"], "payments": "succeed"}


def _open_dispute(world: World, fields: Json) -> Json:
    charge = _charge(world, fields)
    dispute = disputes.open_for(world, charge, fields.get("reason", "fraudulent"))
    return {"dispute": dispute["id"], "charge": charge["id"], "status": dispute["status"]}


def _close_dispute(world: World, fields: Json) -> Json:
    status = _needed(fields, "status")
    if status not in ("won", "lost"):
        raise ControlError("`status` must be won or lost.")
    dispute = disputes.close_as(world, _dispute(world, fields), status)
    return {"dispute": dispute["id"], "status": status}


def _cancel_now(world: World, fields: Json) -> Json:
    ended = [one for one in _subscriptions(world, fields) if one["status"] not in standing.ENDED]
    if not ended:
        raise ControlError("There is no living subscription to end.")
    for subscription in ended:
        standing.end(world, subscription)
    names = [one["id"] for one in ended]
    return {"subscription": names[0], "subscriptions": names, "status": "canceled"}


def _refund_fails(world: World, fields: Json) -> Json:
    """Fails the newest refund of the target; if there is none yet, or `count` says how many,
    the next ones."""
    target = _charges(world, fields)
    if "refund" in fields:
        made = [_found(world, "refund", fields["refund"])]
    else:
        made = [] if "count" in fields else refunds.of_target(world, target)
    if made:
        world.change(made[-1], _fails=True)
        done = refunds.carry_out(world, made[-1])
        return {"refund": made[-1]["id"], "did": done}
    named = fields.get("customer") or fields.get("subscription")
    wish = {
        "charge": fields.get("charge"),
        "customer": _customer(world, fields)["id"] if named else None,
        "count": _count(fields) or 1,
    }
    waiting = knobs.knobs(world)["failing_refunds"]
    knobs.set_knob(world, failing_refunds=[*waiting, wish])
    return {"next_refunds_fail": wish["count"]}


def _set_delay(world: World, fields: Json) -> Json:
    milliseconds = _needed(fields, "ms")
    if not isinstance(milliseconds, int) or not 0 <= milliseconds <= 60_000:
        raise ControlError("`ms` must be a whole number from 0 to 60000.")
    knobs.set_knob(world, delay_ms=milliseconds)
    return {"ms": milliseconds}


def _old_api_version(world: World, fields: Json) -> Json:
    """From now on events go out in this version; without one, or with null, in the usual."""
    version = fields.get("version")
    knobs.set_knob(world, old_version=version)
    return {"version": version}


def _pay_checkout(world: World, fields: Json) -> Json:
    session = _found(world, "checkout.session", _needed(fields, "session"))
    outcome = fields.get("outcome", "paid")
    if outcome not in _OUTCOMES:
        raise ControlError(f"`outcome` must be one of {', '.join(_OUTCOMES)}.")
    _OUTCOMES[outcome](world, session)
    return {
        "session": session["id"],
        "status": session["status"],
        "payment_status": session["payment_status"],
        "subscription": session["subscription"],
        "payment_intent": session["payment_intent"],
        "customer": session["customer"],
    }


def _async_arrives(world: World, session: Json, *, paid: bool) -> None:
    """Asked for at once, the session is first completed unpaid, as it would have been."""
    if session["status"] == "open":
        checkout.pay(world, session, later=True)
    checkout.arrive(world, session, paid=paid)


_OUTCOMES: dict[str, Callable[[World, Json], Any]] = {
    "paid": checkout.pay,
    "async_pending": lambda world, session: checkout.pay(world, session, later=True),
    "async_succeeded": lambda world, session: _async_arrives(world, session, paid=True),
    "async_failed": lambda world, session: _async_arrives(world, session, paid=False),
    "expired": lambda world, session: checkout.expire(world, {}, session["id"]),
}


def _portal_cancel(world: World, fields: Json) -> Json:
    subscription = _living(world, fields)
    configuration = portal.configuration_of(world, fields.get("configuration"))
    details = {name: fields[name] for name in ("feedback", "comment") if fields.get(name)}
    portal.cancel(world, subscription, configuration, details)
    return _ending(subscription)


def _portal_resume(world: World, fields: Json) -> Json:
    subscription = _living(world, fields)
    portal.resume(world, subscription)
    return _ending(subscription)


def _ending(subscription: Json) -> Json:
    names = ("status", "cancel_at", "cancel_at_period_end")
    return {"subscription": subscription["id"], **{name: subscription[name] for name in names}}


def _mode(name: str) -> Callable[[World, Json], Json]:
    def begin(world: World, fields: Json) -> Json:
        mode = {"count": _count(fields), "until": _until(fields)}
        knobs.set_knob(world, modes={**knobs.knobs(world)["modes"], name: mode})
        return mode

    return begin


def _resume_webhooks(world: World, _fields: Json) -> Json:
    knobs.set_knob(world, modes={})
    return {"released": webhooks.release_held(world)}


ACTIONS: dict[str, Callable[[World, Json], Json]] = {
    "fail_payment": _fail_payment,
    "allow_payment": _allow_payment,
    "open_dispute": _open_dispute,
    "close_dispute": _close_dispute,
    "cancel_now": _cancel_now,
    "refund_fails": _refund_fails,
    "set_delay": _set_delay,
    "old_api_version": _old_api_version,
    "pay_checkout": _pay_checkout,
    "portal_cancel": _portal_cancel,
    "portal_resume": _portal_resume,
    "drop_webhooks": _mode("drop"),
    "duplicate_webhooks": _mode("duplicate"),
    "reorder_webhooks": _mode("reorder"),
    "delay_webhooks": _mode("delay"),
    "resume_webhooks": _resume_webhooks,
}


def _needed(fields: Json, name: str) -> Any:
    if fields.get(name) is None:
        raise ControlError(f"This control needs `{name}`.")
    return fields[name]


def _found(world: World, kind: str, identity: Any) -> Json:
    thing = world.find(kind, identity) if isinstance(identity, str) else None
    if thing is None or thing.get("deleted"):
        raise ControlError(f"There is no {kind.replace('.', ' ')} {identity!r}.")
    return thing


def _customer(world: World, fields: Json) -> Json:
    if "customer" not in fields and "subscription" in fields:
        subscription = _found(world, "subscription", fields["subscription"])
        return _found(world, "customer", subscription["customer"])
    return _found(world, "customer", _needed(fields, "customer"))


def _subscriptions(world: World, fields: Json) -> list[Json]:
    if fields.get("subscription") is not None:
        return [_found(world, "subscription", fields["subscription"])]
    return world.where("subscription", "customer", _customer(world, fields)["id"])


def _living(world: World, fields: Json) -> Json:
    """The one named, or the customer's newest that is not over."""
    held = _subscriptions(world, fields)
    if "subscription" not in fields:
        held = [one for one in held if one["status"] not in standing.ENDED]
    if not held:
        raise ControlError("There is no living subscription.")
    return held[-1]


def _charges(world: World, fields: Json) -> list[Json]:
    """Oldest first: the charges a control is about; all there are if it names nothing."""
    if fields.get("charge") is not None:
        return [_found(world, "charge", fields["charge"])]
    if fields.get("subscription") is not None:
        subscription = _found(world, "subscription", fields["subscription"])
        invoices = world.where("invoice", "_subscription", subscription["id"])
        return [
            one for invoice in invoices for one in world.where("charge", "_invoice", invoice["id"])
        ]
    if fields.get("customer") is not None:
        return world.where("charge", "customer", _customer(world, fields)["id"])
    return list(world.all("charge"))


def _charge(world: World, fields: Json) -> Json:
    if not any(fields.get(name) for name in ("charge", "subscription", "customer")):
        raise ControlError("This control needs `charge`, `subscription` or `customer`.")
    paid = [one for one in _charges(world, fields) if one["status"] == "succeeded"]
    if not paid:
        raise ControlError("There is no successful charge to dispute.")
    return paid[-1]


def _dispute(world: World, fields: Json) -> Json:
    if fields.get("dispute") is not None:
        return _found(world, "dispute", fields["dispute"])
    charges = {charge["id"] for charge in _charges(world, fields)}
    still_open = [
        one
        for one in world.all("dispute")
        if one["charge"] in charges and one["status"] not in disputes.CLOSED
    ]
    if not still_open:
        raise ControlError("There is no open dispute to close.")
    return still_open[-1]


def _count(fields: Json) -> int | None:
    count = fields.get("count")
    if count is not None and (not isinstance(count, int) or count < 1):
        raise ControlError("`count` must be a whole number of at least 1.")
    return count


def _until(fields: Json) -> int | None:
    """An instant as text or as seconds."""
    until = fields.get("until")
    if until is None or isinstance(until, int):
        return until
    try:
        moment = datetime.fromisoformat(str(until))
    except ValueError as error:
        raise ControlError("`until` must be an instant like 2026-01-01T00:00:00Z.") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
