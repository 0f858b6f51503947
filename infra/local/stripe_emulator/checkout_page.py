"""The hosted Checkout page: pay, be declined, pay later, or go back."""

from __future__ import annotations

from html import escape
from typing import Any

from . import checkout
from .errors import StripeError
from .pages import Page, button, money, page, redirect
from .world import World

Json = dict[str, Any]

_BILLING = {"email": "email", "name": "name"}
_ADDRESS = ("line1", "city", "state", "postal_code", "country")


def show(world: World, identity: str, *, alert: str | None = None) -> Page:
    session = world.find("checkout.session", identity)
    if session is None:
        return page("Page not found", "<p>There is no such checkout.</p>", status=404)
    if session["status"] != "open":
        words = f"<p>This checkout is {escape(session['status'])}.</p>"
        return page("Checkout", words + _back_link(session), alert=alert)
    return page("Pay", _summary(session) + _form(session), alert=alert)


def act(world: World, identity: str, form: Json) -> Page:
    session = world.find("checkout.session", identity)
    if session is None or session["status"] != "open":
        return show(world, identity)
    action = form.get("action", "pay")
    if action == "back":
        return _back(session)
    card = "pm_card_chargeCustomerFail" if action == "decline" else "pm_card_visa"
    if action == "decline":
        return show(world, identity, alert="Your card was declined.")
    try:
        checkout.pay(world, session, later=action == "pay_later", card=card, billing=_billing(form))
    except StripeError as refusal:
        world.rollback()
        return show(world, identity, alert=str(refusal))
    success = session["success_url"]
    if not success:
        return page("Thank you", "<p>The payment is complete.</p>")
    return redirect(success.replace("{CHECKOUT_SESSION_ID}", session["id"]))


def _summary(session: Json) -> str:
    rows = "".join(
        f"<tr><td>{escape(line['description'])} × {line['quantity']}</td>"
        f"<td>{money(line['amount_total'], line['currency'])}</td></tr>"
        for line in session["_line_items"]
    )
    return f"<table>{rows}</table>"


def _form(session: Json) -> str:
    email = escape(session["customer_email"] or "")
    actions = [
        button("action", "pay", "Pay"),
        button("action", "pay_later", "Pay later by bank debit", plain=True),
        button("action", "decline", "Pay with a card that is declined", plain=True),
    ]
    if session["cancel_url"]:
        actions.append(button("action", "back", "Back", plain=True))
    return (
        '<form method="post">'
        f'<label>Email <input name="email" type="email" value="{email}"></label>'
        '<label>Name on card <input name="name" autocomplete="name"></label>'
        '<label>Address <input name="line1"></label><label>City <input name="city"></label>'
        '<label>Postal code <input name="postal_code"></label>'
        '<label>Country <input name="country" maxlength="2"></label>'
        f"{''.join(actions)}</form>"
    )


def _billing(form: Json) -> Json:
    given = {key: form[name] for key, name in _BILLING.items() if form.get(name)}
    address = {name: form[name] for name in _ADDRESS if form.get(name)}
    return {**given, "address": address} if address else given


def _back(session: Json) -> Page:
    return redirect(session["cancel_url"]) if session["cancel_url"] else page("Checkout", "")


def _back_link(session: Json) -> str:
    if not session["cancel_url"]:
        return ""
    return f'<p><a href="{escape(session["cancel_url"])}">Back</a></p>'
