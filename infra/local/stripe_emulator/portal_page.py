"""The hosted customer portal: cancel with a reason, resume, another card, invoices, the way back.

It shows what the configuration's features allow, or only the flow the session was made for.
"""

from __future__ import annotations

from html import escape
from typing import Any

from . import cancellations, payment_methods, portal, standing
from .errors import StripeError
from .events import changed
from .pages import Page, button, day, money, page, redirect
from .payment_methods import alive
from .world import World

Json = dict[str, Any]

_LABELS = {
    "too_expensive": "It's too expensive",
    "missing_features": "I need more features",
    "switched_service": "I found an alternative",
    "unused": "I no longer need it",
    "customer_service": "Customer service was less than expected",
    "too_complex": "Ease of use was less than expected",
    "low_quality": "Quality was less than expected",
    "other": "Other reason",
}
_CARDS = {
    "pm_card_visa": "Visa 4242",
    "pm_card_mastercard": "Mastercard 4444",
    "pm_card_chargeCustomerFail": "Visa 0341, whose later charges fail",
}


def show(world: World, identity: str, *, alert: str | None = None) -> Page:
    session = portal.visit(world, identity)
    if session is None:
        return page(
            "This link has expired", "<p>Please go back and ask for a new one.</p>", status=404
        )
    features = world.get("billing_portal.configuration", session["configuration"])["features"]
    shown = _flow if session["flow"] else _home
    body = shown(world, session, features)
    return page("Manage your subscription", body + _way_back(session), alert=alert)


def act(world: World, identity: str, form: Json) -> Page:
    session = portal.visit(world, identity)
    if session is None:
        return show(world, identity)
    try:
        _ACTIONS[form.get("action", "")](world, session, form)
    except KeyError:
        return show(world, identity, alert="This page has no such action.")
    except StripeError as refusal:
        world.rollback()
        return show(world, identity, alert=str(refusal))
    return _afterwards(session, identity, world)


def _cancel(world: World, session: Json, form: Json) -> None:
    configuration = world.get("billing_portal.configuration", session["configuration"])
    reasons = configuration["features"]["subscription_cancel"]["cancellation_reason"]
    details = {}
    if reasons["enabled"]:
        if form.get("feedback") in reasons["options"]:
            details["feedback"] = form["feedback"]
        if form.get("comment"):
            details["comment"] = form["comment"]
    portal.cancel(world, _own(world, session, form), configuration, details)


def _resume(world: World, session: Json, form: Json) -> None:
    portal.resume(world, _own(world, session, form))


def _new_card(world: World, session: Json, form: Json) -> None:
    configuration = world.get("billing_portal.configuration", session["configuration"])
    if not configuration["features"]["payment_method_update"]["enabled"]:
        raise StripeError("Updating payment methods is not enabled in this configuration.")
    customer = alive(world, session["customer"])
    card = form.get("card", "pm_card_visa")
    if card not in _CARDS:
        raise StripeError("Your card number is incorrect.")
    method = payment_methods.attach_to(world, card, customer)
    settings = {**customer["invoice_settings"], "default_payment_method": method["id"]}
    changed(world, "customer.updated", customer, invoice_settings=settings)
    for subscription in _living(world, session):
        # A card of its own would otherwise go on being charged, to the customer's surprise.
        if subscription["default_payment_method"]:
            standing.update(world, subscription, default_payment_method=method["id"])


_ACTIONS = {"cancel": _cancel, "resume": _resume, "card": _new_card}


def _afterwards(session: Json, identity: str, world: World) -> Page:
    completion = (session["flow"] or {}).get("after_completion") or {}
    if completion.get("type") == "redirect":
        return redirect(completion["redirect"]["return_url"])
    if completion.get("type") == "hosted_confirmation":
        confirmation = completion.get("hosted_confirmation") or {}
        words = escape(confirmation.get("custom_message") or "Your change has been made.")
        return page("Done", f"<p>{words}</p>{_way_back(session)}")
    if session["flow"]:
        world.change(session, flow=None)
    return redirect(f"{world.base_url}/p/session/{identity}")


def _home(world: World, session: Json, features: Json) -> str:
    parts = [_subscription(one, features) for one in _living(world, session)]
    if features["payment_method_update"]["enabled"]:
        parts.append(_card_form(world, session))
    if features["invoice_history"]["enabled"]:
        parts.append(_invoices(world, session))
    return "".join(parts) or "<p>There is nothing to manage.</p>"


def _flow(world: World, session: Json, features: Json) -> str:
    kind = session["flow"]["type"]
    if kind == "payment_method_update":
        return _card_form(world, session)
    if kind == "subscription_cancel":
        detail = session["flow"]["subscription_cancel"]
        subscription = world.get("subscription", detail["subscription"])
        return _subscription(subscription, features)
    return _home(world, session, features)


def _subscription(subscription: Json, features: Json) -> str:
    names = ", ".join(
        f"{money(entry['price']['unit_amount'], entry['price']['currency'])} per"
        f" {entry['price']['recurring']['interval']}"
        for entry in subscription["items"]["data"]
    )
    hidden = f'<input type="hidden" name="subscription" value="{subscription["id"]}">'
    if cancellations.is_scheduled(subscription):
        words = f"<p>{names}. Your subscription ends on {day(subscription['cancel_at'])}.</p>"
        act_on = button("action", "resume", "Don't cancel subscription")
    elif features["subscription_cancel"]["enabled"]:
        end = min(entry["current_period_end"] for entry in subscription["items"]["data"])
        words = f"<p>{names}. Renews on {day(end)}.</p>"
        act_on = _reason(features) + button("action", "cancel", "Cancel subscription", plain=True)
    else:
        words, act_on = f"<p>{names}.</p>", ""
    return f'<h2>Current subscription</h2>{words}<form method="post">{hidden}{act_on}</form>'


def _reason(features: Json) -> str:
    reasons = features["subscription_cancel"]["cancellation_reason"]
    if not reasons["enabled"]:
        return ""
    options = "".join(
        f'<option value="{code}">{escape(_LABELS.get(code, code))}</option>'
        for code in reasons["options"]
    )
    return (
        '<label>Why do you cancel? <select name="feedback"><option value=""></option>'
        f"{options}</select></label>"
        '<label>Anything to add? <textarea name="comment"></textarea></label>'
    )


def _card_form(world: World, session: Json) -> str:
    customer = world.get("customer", session["customer"])
    settings = customer["invoice_settings"]
    method = world.find("payment_method", settings["default_payment_method"])
    now = (
        f"<p>{method['card']['brand'].title()} •••• {method['card']['last4']}</p>" if method else ""
    )
    options = "".join(f'<option value="{code}">{name}</option>' for code, name in _CARDS.items())
    return (
        f'<h2>Payment method</h2>{now}<form method="post"><label>New card <select name="card">'
        f"{options}</select></label>{button('action', 'card', 'Save card')}</form>"
    )


def _invoices(world: World, session: Json) -> str:
    shown = [
        one
        for one in reversed(world.where("invoice", "customer", session["customer"]))
        if one["status"] != "draft"
    ]
    rows = "".join(
        f"<tr><td>{day(one['created'])}</td><td>{money(one['total'], one['currency'])}</td>"
        f"<td>{escape(one['status'].title())}</td></tr>"
        for one in shown[:24]
    )
    return f"<h2>Invoices</h2><table><tbody>{rows}</tbody></table>"


def _way_back(session: Json) -> str:
    if not session["return_url"]:
        return ""
    return f'<p><a href="{escape(session["return_url"])}">Return</a></p>'


def _living(world: World, session: Json) -> list[Json]:
    held = world.where("subscription", "customer", session["customer"])
    return [one for one in held if one["status"] not in (*standing.ENDED, "incomplete")]


def _own(world: World, session: Json, form: Json) -> Json:
    for subscription in _living(world, session):
        if subscription["id"] == form.get("subscription"):
            return subscription
    raise StripeError("There is no such subscription.")
