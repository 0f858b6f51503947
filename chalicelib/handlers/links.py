"""Links into Stripe: the customer portal and Checkout. A link is made per click, never stored, never logged."""

from __future__ import annotations

from typing import Any

from chalicelib import log
from chalicelib.domain import top_ups
from chalicelib.domain.access import has_paid
from chalicelib.domain.account import Subscription
from chalicelib.domain.ending import end_before_extension, is_live
from chalicelib.domain.money import Money
from chalicelib.gateways.stripe import StripeBusy, StripeRefused
from chalicelib.handlers import page_links, shapes
from chalicelib.handlers.asking import return_url
from chalicelib.handlers.call import Answer, Call
from chalicelib.handlers.cancellations import blocked, blockers_of, up_to_date
from chalicelib.handlers.problems import Problem, invalid, not_found, stripe_refused
from chalicelib.handlers.repeats import in_flight, reused, stripes_key
from chalicelib.lifecycle import ask_of_all
from chalicelib.store import wallet


def find_subscription(call: Call[Any]) -> None:
    """A subscription named in the body must be the account's."""
    named = call.body.get("subscription_id") if isinstance(call.body, dict) else None
    if isinstance(named, str) and named not in call.account.subscriptions:
        raise not_found("subscription")


def check_portal(call: Call[shapes.PortalSession]) -> None:
    body = call.body
    if body.flow not in (None, "payment_method_update") and body.subscription_id is None:
        raise invalid("/subscription_id", f"{body.flow} needs subscription_id.")
    return_url(call, body.return_url, "/return_url")


def portal_session(call: Call[shapes.PortalSession]) -> Answer:
    """M1-2: after the first successful payment. The customer is always the caller's own."""
    if page_links.leads_to_ours(call):
        return page_links.link(call)
    account = call.account
    if account.stripe_customer_id is None or not has_paid(account):
        raise _portal(shapes.PORTAL_OPENS.in_language(account.locale))
    params = {
        "customer": account.stripe_customer_id,
        "return_url": call.body.return_url,
        **_flow(call, call.body),
    }
    if call.world.settings.portal_configuration:
        params["configuration"] = call.world.settings.portal_configuration
    try:
        url = call.world.stripe.portal_session(params, key=stripes_key(call, "portal"))
    except StripeBusy as error:
        raise in_flight() from error
    except StripeRefused as error:
        raise _refused(error, _not_opened(error)) from error
    return Answer(201, {"url": url})


def _flow(call: Call[Any], body: shapes.PortalSession) -> dict[str, Any]:
    if body.flow is None:
        return {}
    if body.flow == "payment_method_update" or body.subscription_id is None:
        return {"flow_data": {"type": body.flow}}
    found = up_to_date(call, call.account.subscriptions[body.subscription_id])
    if not is_live(call.account, found, call.now):
        raise Problem(409, "no_live_plan", "This subscription has ended: nothing to change in it.")
    if body.flow == "subscription_cancel":
        _must_be_cancelable(call, found)
    about = {"subscription": body.subscription_id}
    return {"flow_data": {"type": body.flow, body.flow: about}}


def _must_be_cancelable(call: Call[Any], found: Subscription) -> None:
    """What stands in the way of cancelling here stands in the way of cancelling there (GT-3, GT-7, GT-9)."""
    blocking = blockers_of(call, found)
    if blocking:
        raise blocked(blocking)
    if found.renewal_is_off:
        raise _portal("This subscription is cancelled already.")


def _portal(why: str) -> Problem:
    return Problem(409, "portal_unavailable", why)


def _not_opened(refused: StripeRefused) -> Problem:
    if refused.missing == "customer":
        return _portal("Stripe does not know this customer, or not any more: please ask support.")
    return _portal("Stripe does not open its portal for this.")


def check_checkout(call: Call[shapes.CheckoutSession]) -> None:
    body = call.body
    if body.purpose not in PURPOSES:
        raise invalid("/purpose", f"purpose is one of {', '.join(PURPOSES)}.")
    if body.purpose == "plan" and body.price is None:
        raise invalid("/price", "price is missing: a price id, or its lookup key.")
    if body.purpose == top_ups.TOP_UP:
        _payable(call)
    return_url(call, body.success_url, "/success_url")
    return_url(call, body.cancel_url, "/cancel_url")


def checkout_session(call: Call[shapes.CheckoutSession]) -> Answer:
    """A Checkout link for one of the purposes, for the account's own customer."""
    customer = call.account.stripe_customer_id
    if customer is None:
        raise _portal("The account has no Stripe customer yet.")
    params = {
        "customer": customer,
        "client_reference_id": call.account.id,
        "success_url": call.body.success_url,
        "cancel_url": call.body.cancel_url,
        **PURPOSES[call.body.purpose](call, customer),
    }
    try:
        url, session_id = call.world.stripe.checkout_session(
            params, key=stripes_key(call, "checkout")
        )
    except StripeBusy as error:
        raise in_flight() from error
    except StripeRefused as error:
        raise _refused(error, _not_sold(call, error)) from error
    return Answer(201, {"url": url, "checkout_session_id": session_id})


def _not_sold(call: Call[shapes.CheckoutSession], refused: StripeRefused) -> Problem:
    """What the caller can mend is what the caller chose: the price of a plan, the amount of a top-up."""
    purpose = call.body.purpose
    if purpose == "plan" and refused.missing in (None, "price"):
        return invalid("/price", "Stripe does not sell this price.")
    if purpose == top_ups.TOP_UP and _is_about_the_amount(refused):
        return invalid("/amount", "Stripe does not take this amount: it is too small or too large.")
    return stripe_refused(refused)


def _is_about_the_amount(refused: StripeRefused) -> bool:
    return refused.code.startswith("amount_too_") or "unit_amount" in (refused.about or "")


def _is_paid_for(call: Call[Any], subscription: Subscription) -> bool:
    """One that lives on only because work on the systems extended it cannot be resumed any more: whoever wants to stay
    may buy the plan again, and still has the days."""
    end = end_before_extension(call.account, subscription)
    return is_live(call.account, subscription, call.now) and (end is None or call.now < end)


def _plan(call: Call[shapes.CheckoutSession], customer: str) -> dict[str, Any]:
    """M1-1, SC-7: a plan of the account's policy that it does not have yet. Stripe is asked first: one bought a minute ago
    must not be billed twice, and one that is over may be bought again, whether we were told or not."""
    assert call.body.price is not None
    price_id, plan = _priced(call, call.body.price)
    asked = ask_of_all(call.world, call.account.id, customer, id=f"sold:{call.request_id}")
    call.loaded, account = asked.loaded, asked.account
    if any(s.plan == plan for s in account.subscriptions.values() if _is_paid_for(call, s)):
        raise Problem(409, "already_subscribed", "The account has this plan already.")
    metadata = {"account_id": account.id, "plan": plan}
    return {
        "mode": "subscription",
        "line_items": [{"price": price_id, "quantity": 1}],
        "metadata": metadata,
        "subscription_data": {"metadata": metadata},
    }


def _payment(call: Call[shapes.CheckoutSession], _customer: str) -> dict[str, Any]:
    """M1-5: a one-time payment for the wallet, which no plan invoice ever touches."""
    amount, purpose = _payable(call), call.body.purpose
    metadata = {
        "account_id": call.account.id,
        "purpose": purpose,
        "amount": str(amount.amount),
        "currency": amount.currency,
    }
    price = {
        "currency": amount.currency,
        "unit_amount": amount.amount,
        "product_data": {"name": top_ups.TITLES[purpose].in_language(call.account.locale)},
    }
    return {
        "mode": "payment",
        # The wallet is filled in its own currency: Stripe is not to offer the card's.
        "adaptive_pricing": {"enabled": False},
        "line_items": [{"price_data": price, "quantity": 1}],
        "metadata": metadata,
        "payment_intent_data": {"metadata": metadata},
    }


def _payable(call: Call[shapes.CheckoutSession]) -> Money:
    currency, asked = call.account.currency, call.body.amount
    try:
        if call.body.purpose == top_ups.TOP_UP:
            return top_ups.top_up(asked.money() if asked else None, currency, call.policy)
        held = wallet.load(call.world.table, call.account.id).balance(currency)
        return top_ups.balance_due(held)
    except top_ups.NotPayable as error:
        raise invalid(f"/{error.about}", str(error)) from error


PURPOSES = {"plan": _plan, top_ups.TOP_UP: _payment, top_ups.BALANCE_DUE: _payment}


def _priced(call: Call[Any], price: str) -> tuple[str, str]:
    """The price's id and its plan. A price may be named by its id or by its lookup key."""
    try:
        found = call.world.stripe.price(price)
    except StripeRefused as refused:
        if refused.missing is None:
            raise
        found = None
    plan = call.policy.plan_of_price(*found) if found else None
    if found is None or plan is None:
        raise invalid("/price", "This price stands for no plan of the account.")
    return found[0], plan


def _refused(error: StripeRefused, otherwise: Problem) -> Problem:
    if error.code == "idempotency_error":
        return reused()
    log.problem(
        "link_refused" if otherwise.status < 500 else "stripe_refused", error, code=error.code
    )
    return otherwise
