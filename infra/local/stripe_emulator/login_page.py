"""The portal's login page, as Stripe hosts one per account: an e-mail address leads to that customer's portal.

Stripe sends a link to the address. No mail goes out here, so the link is followed at once.
"""

from __future__ import annotations

from typing import Any

from . import portal
from .errors import StripeError
from .pages import Page, button, page, redirect
from .world import World

Json = dict[str, Any]


def show(_world: World, _identity: str, *, alert: str | None = None) -> Page:
    form = (
        '<form method="post"><label>Email <input name="email" type="email" required></label>'
        f"{button('action', 'log_in', 'Continue')}</form>"
    )
    return page("Log in to manage your subscription", form, alert=alert)


def act(world: World, identity: str, form: Json) -> Page:
    email = form.get("email", "")
    found = [one for one in world.all("customer") if email and one.get("email") == email]
    if not found:
        # Stripe gives away nothing either.
        return show(world, identity, alert="No link can be sent to this address.")
    try:
        session = portal.create_session(world, {"customer": found[-1]["id"]})
    except StripeError as refusal:
        world.rollback()
        return show(world, identity, alert=str(refusal))
    return redirect(session["url"])
