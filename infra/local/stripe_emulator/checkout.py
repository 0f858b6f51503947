"""Checkout sessions, and what paying, failing or leaving one does. The page is `checkout_page.py`.

A session is paid at once, or later: then it completes unpaid, and the money arrives or fails
when a control says so.
"""

from __future__ import annotations

from typing import Any

from . import collection, customers, invoices, payment_methods, subscriptions
from .calendar import DAY, HOUR
from .catalogue import priced
from .checkout_shape import blank, setup_intent
from .errors import StripeError, declined, required
from .events import emit
from .listing import matching, page
from .payments import DECLINE, attempt, declines, merged, open_intent
from .rendering import listing
from .world import World

Json = dict[str, Any]

LIFETIME = DAY
SHORTEST = HOUR // 2


def create(world: World, params: Json) -> Json:
    _refuse(world, params)
    identity = world.new_id("cs_test", 58)
    lines = [_line(world, one, number) for number, one in enumerate(params.get("line_items", []))]
    total = sum(line["amount_total"] for line in lines)
    currency = lines[0]["currency"] if lines else params.get("currency")
    session = blank(world, params, identity, total if lines else None, currency)
    session["_line_items"] = lines
    session["_params"] = params
    return world.add(session)


def retrieve(world: World, _params: Json, identity: str) -> Json:
    return world.get("checkout.session", identity)


def update(world: World, params: Json, identity: str) -> Json:
    session = world.get("checkout.session", identity)
    if "metadata" in params:
        world.change(session, metadata=merged(session["metadata"], params["metadata"]))
    return session


def search(world: World, params: Json) -> Json:
    fits = matching(params, "customer", "subscription", "payment_intent", "status")
    found = (one for one in world.newest("checkout.session") if fits(one))
    return page(world, "checkout.session", "/v1/checkout/sessions", found, params)


def line_items(world: World, params: Json, identity: str) -> Json:
    lines = world.get("checkout.session", identity)["_line_items"]
    limit = params.get("limit", 10)
    url = f"/v1/checkout/sessions/{identity}/line_items"
    return listing(url, lines[:limit], len(lines) > limit)


def expire(world: World, _params: Json, identity: str) -> Json:
    session = world.get("checkout.session", identity)
    _only_open(session)
    carry_out(world, session)
    return session


def due_at(session: Json) -> int | None:
    return int(session["expires_at"]) if session["status"] == "open" else None


def carry_out(world: World, session: Json) -> str:
    world.change(session, status="expired", url=None)
    emit(world, "checkout.session.expired", session)
    return f"checkout session {session['id']} expired"


def pay(
    world: World,
    session: Json,
    *,
    later: bool = False,
    card: str = "pm_card_visa",
    billing: Json | None = None,
) -> Json:
    """The customer presses "Pay". With `later` the money takes days, as a bank debit does."""
    _only_open(session)
    _refuse_declined(world, session, card, later=later)
    customer = _customer(world, session, billing)
    method = payment_methods.attach_to(world, card, customer, billing) if customer else None
    if method is None:
        method = payment_methods.add_card(world, card, billing)
    holder = customer["id"] if customer else None
    _PAY[session["mode"]](world, session, holder, method, later=later)
    details = {**(session["customer_details"] or {}), **_details(customer, billing)}
    world.change(
        session,
        status="complete",
        url=None,
        customer_details=details,
        customer=holder,
        payment_status=_payment_status(world, session, later=later),
    )
    emit(world, "checkout.session.completed", session)
    return session


def arrive(world: World, session: Json, *, paid: bool) -> Json:
    """The delayed payment of a completed session succeeds or fails."""
    if session["status"] != "complete" or session["payment_status"] != "unpaid":
        raise StripeError(f"Checkout session {session['id']} has no payment under way.")
    intent = world.get("payment_intent", session["_intent"])
    method = world.get("payment_method", session["_method"])
    card = method if paid else {**method, "_fails": True}
    outcome = attempt(world, intent, card)
    subscription = world.find("subscription", session["subscription"])
    if subscription:
        world.change(subscription, _processing=False)
        invoice = world.get("invoice", session["invoice"])
        if outcome.paid and outcome.charge:
            world.change(invoice, _charge=outcome.charge["id"])
            collection.mark_paid(world, invoice)
    if outcome.paid:
        world.change(session, payment_status="paid")
    name = "succeeded" if outcome.paid else "failed"
    emit(world, f"checkout.session.async_payment_{name}", session)
    return session


def _refuse(world: World, params: Json) -> None:
    mode = params.get("mode")
    if mode is None:
        raise required("mode")
    if mode != "setup" and not params.get("line_items"):
        raise required("line_items")
    if mode == "setup" and "currency" not in params:
        raise required("currency")
    hosted = params.get("ui_mode", "hosted_page") == "hosted_page"
    if hosted and "success_url" not in params:
        raise required("success_url")
    if "customer" in params:
        payment_methods.alive(world, params["customer"])
        if "customer_email" in params:
            raise StripeError(
                "You may only specify one of these parameters: customer, customer_email.",
                param="customer",
            )
    for name, allowed in (
        ("subscription_data", "subscription"),
        ("payment_intent_data", "payment"),
    ):
        if name in params and mode != allowed:
            raise StripeError(f"You can not pass `{name}` in `{mode}` mode.", param=name)
    _refuse_mode(world, params, mode)
    expires_at = params.get("expires_at", world.at + LIFETIME)
    if not world.at + SHORTEST <= expires_at <= world.at + LIFETIME:
        raise StripeError(
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout"
            " Session creation.",
            param="expires_at",
        )


def _refuse_mode(world: World, params: Json, mode: str) -> None:
    """What only shows once the prices are known, and the notice a trial must leave."""
    named = [one["price"] for one in params.get("line_items", []) if "price" in one]
    types = {world.get("price", one, "line_items[price]", 400)["type"] for one in named}
    types |= {
        "recurring" if "recurring" in one["price_data"] else "one_time"
        for one in params.get("line_items", [])
        if "price_data" in one
    }
    if mode == "payment" and "recurring" in types:
        raise StripeError(
            "You specified `payment` mode but passed a recurring price. Either switch to"
            " `subscription` mode or use only one-time prices.",
            param="mode",
        )
    if mode == "subscription" and types == {"one_time"}:
        raise StripeError(
            "You must provide at least one recurring price in `subscription` mode when using"
            " prices.",
            param="line_items",
        )
    trial_end = (params.get("subscription_data") or {}).get("trial_end")
    if trial_end is not None and trial_end < world.at + 2 * DAY:
        raise StripeError(
            "The `trial_end` date has to be at least 2 days in the future.",
            param="subscription_data[trial_end]",
        )


def _line(world: World, given: Json, number: int) -> Json:
    price = priced(world, given, f"line_items[{number}]")
    quantity = given.get("quantity", 1)
    total = price["unit_amount"] * quantity
    product = world.get("product", price["product"])
    return {
        "id": world.new_id("li"),
        "object": "item",
        "amount_discount": 0,
        "amount_subtotal": total,
        "amount_tax": 0,
        "amount_total": total,
        "adjustable_quantity": None,
        "currency": price["currency"],
        "description": product["name"],
        "metadata": {},
        "price": price,
        "quantity": quantity,
    }


def _only_open(session: Json) -> None:
    if session["status"] != "open":
        raise StripeError(
            f"Only Checkout Sessions with status `open` can be used this way. This"
            f" Checkout Session has a status of {session['status']}.",
            param="session",
        )


def _refuse_declined(world: World, session: Json, card: str, *, later: bool) -> None:
    """A card that would fail is told so before anything is made; the session stays open."""
    data = session["_params"].get("subscription_data") or {}
    trial = data.get("trial_end") or data.get("trial_period_days")
    if later or trial or not session["amount_total"]:
        return
    failing = payment_methods.TEST_CARDS[card][2]
    if declines(world, session["customer"], {"_fails": failing}):
        raise declined(DECLINE, "generic_decline")


def _customer(world: World, session: Json, billing: Json | None) -> Json | None:
    if session["customer"]:
        return payment_methods.alive(world, session["customer"])
    always = session["customer_creation"] == "always"
    if session["mode"] != "subscription" and not always:
        return None
    email = session["customer_email"] or (billing or {}).get("email") or "customer@example.com"
    return customers.create(world, {"email": email, "name": (billing or {}).get("name")})


def _subscribe(
    world: World, session: Json, customer: str | None, method: Json, *, later: bool
) -> None:
    data = session["_params"].get("subscription_data") or {}
    taken = (
        "metadata",
        "billing_mode",
        "trial_end",
        "trial_period_days",
        "description",
        "billing_cycle_anchor",
        "proration_behavior",
        "trial_settings",
    )
    params = {name: data[name] for name in taken if name in data}
    params.update(
        customer=customer,
        default_payment_method=method["id"],
        items=_of_type(session, "recurring"),
        # What is bought once beside the plan, a set-up fee say, goes on its first invoice.
        add_invoice_items=_of_type(session, "one_time"),
        payment_behavior="default_incomplete" if later else "error_if_incomplete",
    )
    subscription = subscriptions.begin(world, params, announce=True, pay=not later)
    invoice = world.get("invoice", subscription["latest_invoice"])
    world.change(session, subscription=subscription["id"], invoice=invoice["id"])
    if later and invoices.is_due(invoice):
        world.change(subscription, _processing=True)
        _begin_processing(world, session, invoice["_payment_intent"], method)


def _of_type(session: Json, kind: str) -> list[Json]:
    return [
        {"price": one["price"]["id"], "quantity": one["quantity"]}
        for one in session["_line_items"]
        if one["price"]["type"] == kind
    ]


def _take_once(
    world: World, session: Json, customer: str | None, method: Json, *, later: bool
) -> None:
    data = session["_params"].get("payment_intent_data") or {}
    intent = open_intent(
        world,
        amount=session["amount_total"],
        currency=session["currency"],
        customer=customer,
        description=data.get("description"),
        metadata=dict(data.get("metadata") or {}),
    )
    if later:
        _begin_processing(world, session, intent["id"], method)
    else:
        attempt(world, intent, method)
    world.change(session, payment_intent=intent["id"])


def _set_up(
    world: World, session: Json, customer: str | None, method: Json, *, later: bool
) -> None:
    del later  # Nothing is paid, so nothing can be paid later.
    intent = world.add(setup_intent(world, customer, method["id"]))
    emit(world, "setup_intent.succeeded", intent)
    world.change(session, setup_intent=intent["id"])


_PAY = {"subscription": _subscribe, "payment": _take_once, "setup": _set_up}


def _begin_processing(world: World, session: Json, intent: str, method: Json) -> None:
    held = world.get("payment_intent", intent)
    world.change(held, status="processing", payment_method=method["id"])
    emit(world, "payment_intent.processing", held)
    world.change(session, _intent=intent, _method=method["id"])


def _payment_status(world: World, session: Json, *, later: bool) -> str:
    invoice = world.find("invoice", session["invoice"])
    due = invoice["amount_due"] if invoice else session["amount_total"]
    if not due:
        return "no_payment_required"
    if later and session.get("_intent"):
        return "unpaid"
    return "paid"


def _details(customer: Json | None, billing: Json | None) -> Json:
    given = billing or {}
    known = customer or {}
    return {
        "address": given.get("address") or known.get("address"),
        "business_name": None,
        "email": given.get("email") or known.get("email"),
        "individual_name": None,
        "name": given.get("name") or known.get("name"),
        "phone": known.get("phone"),
        "tax_exempt": "none",
        "tax_ids": [],
    }
