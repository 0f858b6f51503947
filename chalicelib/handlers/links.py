"""Links into Stripe: the customer portal and Checkout. A link is made per click, never stored, never logged."""

from __future__ import annotations

from typing import Any

from chalicelib.domain.ending import is_live
from chalicelib.gateways.stripe import StripeRefused
from chalicelib.handlers import shapes
from chalicelib.handlers.asking import return_url
from chalicelib.handlers.calls import Answer, Call
from chalicelib.handlers.problems import Problem, invalid, not_found, stripe_unavailable

FLOWS = ("payment_method_update", "subscription_cancel", "subscription_update")
PURPOSES = ("plan",)


def portal_session(call: Call[shapes.PortalSession]) -> Answer:
    """M1-2: after the first successful payment. The customer is always the caller's own."""
    body, account = call.body, call.account
    back = return_url(call, body.return_url, "/return_url")
    params: dict[str, Any] = {"return_url": back}
    if body.flow is not None:
        params["flow_data"] = _flow(call, body)
    paid = any(s.paid_until is not None for s in account.subscriptions.values())
    if account.stripe_customer_id is None or not paid:
        raise Problem(
            409,
            "portal_unavailable",
            "The billing portal opens after the first successful payment.",
        )
    params["customer"] = account.stripe_customer_id
    try:
        url = call.world.stripe.portal_session(params, key=_key(call))
    except StripeRefused as error:
        raise _refused(error) from error
    return Answer(201, {"url": url})


def _flow(call: Call[shapes.PortalSession], body: shapes.PortalSession) -> dict[str, Any]:
    flow, subscription_id = body.flow, body.subscription_id
    if flow not in FLOWS:
        raise invalid("/flow", f"flow is one of {', '.join(FLOWS)}.")
    if flow == "payment_method_update":
        return {"type": flow}
    if subscription_id is None:
        raise invalid("/subscription_id", f"{flow} needs subscription_id.")
    return {"type": flow, flow: {"subscription": subscription_id}}


def find_subscription(call: Call[Any]) -> None:
    """A subscription named in the body must be the account's."""
    named = call.body.get("subscription_id") if isinstance(call.body, dict) else None
    if isinstance(named, str) and named not in call.account.subscriptions:
        raise not_found("subscription")


def checkout_session(call: Call[shapes.CheckoutSession]) -> Answer:
    """M1-1, SC-7: a Checkout link for a plan of the account's policy that it does not have yet."""
    body, account = call.body, call.account
    if body.purpose not in PURPOSES:
        raise invalid("/purpose", f"purpose is one of {', '.join(PURPOSES)}.")
    success = return_url(call, body.success_url, "/success_url")
    cancel = return_url(call, body.cancel_url, "/cancel_url")
    price_id, plan = _priced(call, body.price)
    if any(
        s.plan == plan and is_live(account, s, call.now) for s in account.subscriptions.values()
    ):
        raise Problem(409, "already_subscribed", "The account has this plan already.")
    if account.stripe_customer_id is None:
        raise Problem(409, "portal_unavailable", "The account has no Stripe customer yet.")
    metadata = {"account_id": account.id, "plan": plan}
    params = {
        "mode": "subscription",
        "customer": account.stripe_customer_id,
        "client_reference_id": account.id,
        "line_items": [{"price": price_id, "quantity": 1}],
        "success_url": success,
        "cancel_url": cancel,
        "metadata": metadata,
        "subscription_data": {"metadata": metadata},
    }
    try:
        url, session_id = call.world.stripe.checkout_session(params, key=_key(call))
    except StripeRefused as error:
        raise _refused(error) from error
    return Answer(201, {"url": url, "checkout_session_id": session_id})


def _priced(call: Call[shapes.CheckoutSession], price: str | None) -> tuple[str, str]:
    """The price's id and its plan. A price may be named by its id or by its lookup key."""
    if price is None:
        raise invalid("/price", "price is missing: a price id, or its lookup key.")
    try:
        found = call.world.stripe.price(price)
    except StripeRefused:
        found = None
    plan = call.policy.plan_of_price(*found) if found else None
    if found is None or plan is None:
        raise invalid("/price", "This price stands for no plan of the account.")
    return found[0], plan


def _key(call: Call[Any]) -> str | None:
    """Passed on to Stripe, which answers a repeat itself. Scoped, so that two accounts' keys never meet."""
    given = call.headers.get("idempotency-key")
    return f"{call.account.id}:{call.caller.sub}:{given}"[:255] if given else None


def _refused(error: StripeRefused) -> Problem:
    if error.code == "idempotency_error":
        return Problem(
            422, "idempotency_key_reused", "This Idempotency-Key was used for another request."
        )
    return stripe_unavailable()
