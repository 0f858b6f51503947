"""GT-8: cancelling by phone. Support asks for what identifies the caller; it is compared and forgotten.

Any mismatch, and an account that does not exist, get the same answer. Tries are limited per account and per agent.
"""

from __future__ import annotations

from typing import Any

import msgspec

from chalicelib import cancelling, lifecycle, log
from chalicelib.domain.account import Subscription
from chalicelib.domain.blockers import cancel_roles
from chalicelib.domain.identity import OnFile, Said, matches
from chalicelib.gateways.stripe import StripeRefused, StripeUnavailable
from chalicelib.gateways.stripe_reader import Unreadable
from chalicelib.handlers import shapes
from chalicelib.handlers.call import Answer, Call
from chalicelib.handlers.calls import is_id
from chalicelib.handlers.cancellations import (
    carry_out,
    fresh_preview,
    must_not_have_ended,
    pending_answer,
    shown_to,
    to_show,
    up_to_date,
)
from chalicelib.handlers.problems import Problem, not_found, role_required, stripe_refused
from chalicelib.store import consents, tries

TRIES_A_DAY = 5
CONFIRMED_ROLES = ("billing_admin",)
"""Whoever knows all of it speaks for the billing admin."""


def preview(call: Call[shapes.Identity]) -> Answer:
    found = to_show(call, _identified(call))
    must_not_have_ended(call, found)
    shown = cancelling.preview(call.world, call.account, found)
    consents.keep_preview(call.world.table, call.account.id, shown)
    return Answer(201, shown_to(call, shown, ()))


def cancel(call: Call[shapes.AssistedCancellation]) -> Answer:
    found = _identified(call)
    shown = consents.preview(call.world.table, call.account.id, call.body.preview_id)
    if shown is None or shown.subscription_id != found.id:
        raise not_found("preview")
    done = consents.confirmed(call.world.table, call.account.id, shown.id)
    if done is not None:
        return Answer(200, shapes.canceled(done.preview.access_ends_at, done.id))
    _must_be_allowed(call, found)
    found = up_to_date(call, found)
    earlier = pending_answer(call, found)
    if earlier is not None:
        return earlier
    return carry_out(call, found, fresh_preview(call, found, ()), "assisted", CONFIRMED_ROLES)


def _must_be_allowed(call: Call[Any], found: Subscription) -> None:
    """The rules on who may cancel hold on the phone as well (GT-7)."""
    needed = cancel_roles(call.account, found, call.policy)
    if not set(CONFIRMED_ROLES) & set(needed):
        raise role_required(needed)


def _identified(call: Call[Any]) -> Subscription:
    """The subscription, once the caller is identified; the account is loaded into the call on the way.

    A try is counted before anything is compared, so that a hundred at once are no hundred tries; one that succeeded,
    or that Stripe did not answer, is given back.
    """
    _count_a_try(call)
    try:
        found = _matching(call)
    except (StripeUnavailable, StripeRefused, Unreadable) as error:
        # Nothing was compared, so nothing was tried.
        _give_the_try_back(call)
        if isinstance(error, StripeRefused):
            log.problem("stripe_refused", error, request_id=call.request_id)
            raise stripe_refused(
                error, "Nobody could be identified: Stripe refuses this."
            ) from error
        raise
    if found is None:
        raise _not_confirmed()
    _give_the_try_back(call)
    return found


def _count_a_try(call: Call[Any]) -> None:
    counted: list[tuple[str, str]] = []
    for what, who in _counters(call):
        if not tries.count(call.world.table, what, who, call.now, TRIES_A_DAY):
            for earlier in counted:
                tries.give_back(call.world.table, *earlier, call.now)
            raise Problem(
                429,
                "rate_limited",
                "Too many tries today for this account, or by this agent. Try again tomorrow.",
                headers={"Retry-After": "3600"},
            )
        counted.append((what, who))


def _give_the_try_back(call: Call[Any]) -> None:
    for what, who in _counters(call):
        tries.give_back(call.world.table, what, who, call.now)


def _counters(call: Call[Any]) -> tuple[tuple[str, str], ...]:
    return ("identity-account", call.body.account_id), ("identity-agent", call.caller.sub)


def _matching(call: Call[Any]) -> Subscription | None:
    body: shapes.Identity = call.body
    if not is_id(body.account_id):
        return None
    call.loaded = lifecycle.load(call.world, body.account_id)
    if call.loaded is None or not matches(_said(body), _on_file(call)):
        return None
    return call.account.subscriptions.get(call.params["id"])


def _said(body: shapes.Identity) -> Said:
    address = body.billing_address
    if isinstance(address, str):
        return Said(body.billing_admin_email, body.card_last4, address)
    parts = {name: value for name, value in msgspec.to_builtins(address).items() if value}
    return Said(body.billing_admin_email, body.card_last4, parts)


def _on_file(call: Call[Any]) -> OnFile:
    customer = call.account.stripe_customer_id
    card = call.world.stripe.payment_method(customer) if customer else None
    return OnFile(
        email=call.account.email,
        last4=card.last4 if card else None,
        address=card.address if card else {},
    )


def _not_confirmed() -> Problem:
    return Problem(
        403,
        "identity_not_confirmed",
        "These details do not identify the customer. Ask for all of them again.",
    )
