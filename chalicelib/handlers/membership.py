"""`GET /v1/membership`, `GET /v1/entitlements`: what the account has, and what lies ahead, at this instant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from chalicelib import log
from chalicelib.domain import access, consequences, releasing, top_ups
from chalicelib.domain.account import Subscription
from chalicelib.domain.consequences import Holdings
from chalicelib.domain.ending import (
    contract_end,
    end_before_extension,
    end_of,
    extended_days,
    has_ended,
    is_live,
)
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.money import Money
from chalicelib.domain.number_fees import Number
from chalicelib.domain.registrations import Registration
from chalicelib.domain.status import status
from chalicelib.domain.steps import NUMBERS_RELEASED
from chalicelib.domain.words import labels
from chalicelib.gateways.stripe import StripeRefused, StripeUnavailable
from chalicelib.gateways.stripe_reader import Unreadable
from chalicelib.handlers import allowed, cases, exports, reading, shapes, told
from chalicelib.handlers.call import Answer, Call
from chalicelib.lifecycle import ask_of_all
from chalicelib.store import holdings, wallet
from chalicelib.texts.money import decimals

GONE_SHOWN = timedelta(days=90)
"""For so long the page says what went with the end of a plan."""


def entitlements(call: Call[None]) -> Answer:
    """SC-3, SC-5, SC-11: judged by the clock, from one read."""
    account, policy = call.account, call.policy
    return Answer(
        200,
        {
            "account_id": account.id,
            "as_of": rfc3339(call.now),
            "features": access.features(account, policy, call.now),
            "reasons": access.reasons(account, policy, call.now),
        },
    )


def membership(call: Call[None]) -> Answer:
    if "checkout_session_id" in call.query:
        _hear_from_stripe(call)
    reading.in_their_language(call)
    account, policy = call.account, call.policy
    table = call.world.table
    held = Holdings(
        numbers=list(holdings.numbers(table, account.id)) if _has_had_numbers(call) else [],
        messages=_unsent(call),
    )
    registrations = list(holdings.registrations(table, account.id))
    owed = allowed.owed(call)
    purse = wallet.load(table, account.id)
    ahead = consequences.upcoming(account, policy, held, call.now)
    live = [s.plan for s in account.subscriptions.values() if is_live(account, s, call.now)]
    answer = {
        "account_id": account.id,
        "as_of": rfc3339(call.now),
        "policy": policy.name,
        "title": policy.title,
        "locale": account.locale,
        "labels": labels(policy, account.locale),
        "allowed": allowed.of_account(call),
        "subscriptions": [
            _subscription(call, s, owed)
            for s in sorted(account.subscriptions.values(), key=lambda s: (s.started_at, s.id))
        ],
        "upcoming": [shapes.consequence(one) for one in ahead],
        "wallet": _wallet(call, purse.balance(account.currency)),
        "numbers": [_number(call, n) for n in held.numbers if n.state != "released"],
        "registrations": [{"id": r.id, "kind": r.kind, "status": r.state} for r in registrations],
        "gone": _gone(call, held.numbers, registrations),
        **_billing(call),
        "exports": exports.of_account(call),
        "cases": cases.of_account(call),
        "notices": told.notices(call),
        "discover": [
            {"plan": name, "title": plan.title}
            for name, plan in policy.plans.items()
            if name not in live
        ],
        "prices": [one for name in policy.plans if name not in live for one in _prices(call, name)],
        "support": shapes.support(policy, account.locale),
    }
    return Answer(200, reading.worded(call, answer))


def _has_had_numbers(call: Call[None]) -> bool:
    account = call.account
    tally = account.given_up.get(NUMBERS_RELEASED)
    lately = tally is not None and tally.due > call.now - GONE_SHOWN
    return bool(account.numbers) or lately or NUMBERS_RELEASED in account.begun


def _gone(
    call: Call[None], numbers: Sequence[Number], registrations: Sequence[Registration]
) -> dict[str, Any]:
    """SC-7, SC-9: what went with the end of a plan. Whoever returns finds here what has to be bought, or applied for,
    again."""
    since = call.now - GONE_SHOWN
    return {
        "numbers": [
            {"number": n.e164, "released_at": rfc3339(n.released_at)}
            for n in numbers
            if n.given_up and n.released_at is not None and n.released_at > since
        ],
        "registrations": [
            {"id": r.id, "lapsed_at": rfc3339(r.ended_at)}
            for r in registrations
            if r.state == "lapsed" and r.ended_at is not None and r.ended_at > since
        ],
    }


def _wallet(call: Call[None], balance: Money) -> dict[str, Any]:
    """M1-5: what is there, what is owed, and how much can be put on it at once."""
    bounds = call.policy.wallet
    return {
        "balance": shapes.money(balance),
        "decimals": decimals(balance.currency),
        "due": shapes.money(-balance) if balance.amount < 0 else None,
        "top_up": bounds
        and {
            "minimum": shapes.money(Money(bounds.top_up_min_minor, balance.currency)),
            "maximum": shapes.money(Money(bounds.top_up_max_minor, balance.currency)),
            "suggested": [
                {"amount": shapes.money(one)} for one in top_ups.suggested(bounds, balance.currency)
            ],
        },
    }


def _prices(call: Call[None], plan: str) -> list[dict[str, Any]]:
    """SC-7, M1-1: what a plan that the account does not have costs, and what Checkout calls that price."""
    policy = call.policy
    return [
        {
            "plan": plan,
            "price": f"{policy.name}:{plan}:{interval}",
            "interval": interval,
            "amount": shapes.money(Money(minor, policy.currency)),
        }
        for interval, minor in policy.plans[plan].price_minor.items()
    ]


def _hear_from_stripe(call: Call[None]) -> None:
    """SC-7: a customer who comes back from Checkout may be here before Stripe's events are, and must not be asked to
    choose a plan again. The page hears what a webhook would tell it; if Stripe does not answer, the events will."""
    account_id, customer = call.account.id, call.account.stripe_customer_id
    if customer is None:
        return
    try:
        said = ask_of_all(call.world, account_id, customer, id=f"returned:{call.request_id}")
        call.loaded = said.loaded
    except (StripeUnavailable, StripeRefused, Unreadable) as error:
        log.problem("return_not_heard", error, account=account_id)


def _billing(call: Call[None]) -> dict[str, Any]:
    """OS-1, OS-2: what Stripe shows of paying. The page stands without it when Stripe does not answer."""
    customer = call.account.stripe_customer_id
    if customer is None or call.account.purged_at is not None:
        return {"payment_method": None, "invoices": []}
    try:
        card = call.world.stripe.payment_method(customer)
        invoices = call.world.stripe.invoices_of(customer)
    except (StripeUnavailable, StripeRefused, Unreadable) as error:
        log.problem("billing_not_shown", error, account=call.account.id)
        return {"payment_method": None, "invoices": [], "billing_unavailable": True}
    return {
        "payment_method": card
        and {
            "brand": card.brand,
            "last4": card.last4,
            "exp_month": card.exp_month,
            "exp_year": card.exp_year,
        },
        "invoices": [shapes.invoice(one) for one in invoices],
    }


def _unsent(call: Call[None]) -> list[Any]:
    """Read only when something ahead depends on them: an account that renews pays nothing for this."""
    account = call.account
    leaving = any(
        s.renewal_is_off and not has_ended(account, s, call.now)
        for s in account.subscriptions.values()
    )
    if not leaving:
        return []
    return list(holdings.messages(call.world.table, account.id))


def _subscription(
    call: Call[None], subscription: Subscription, owed: allowed.Owed
) -> dict[str, Any]:
    account, now = call.account, call.now
    end = end_of(account, subscription)
    contract = contract_end(account, subscription)
    word = status(account, subscription, now)
    live = is_live(account, subscription, now)
    return {
        "id": subscription.id,
        "plan": subscription.plan,
        "title": call.policy.plans[subscription.plan].title
        if subscription.plan in call.policy.plans
        else subscription.plan,
        "status": word,
        "next_charge": _next_charge(call, subscription) if live else None,
        "renews_at": rfc3339(subscription.period_end) if live and end is None else None,
        "access_ends_at": rfc3339(end) if end is not None else None,
        "extended_days": extended_days(account, subscription),
        "contract_ends_at": rfc3339(contract) if contract is not None else None,
        "last_day": reading.last_day(call, end) if end is not None else None,
        "allowed": allowed.allowed(call, subscription, owed),
        "seats": _seats(call, subscription),
    }


def _next_charge(call: Call[None], subscription: Subscription) -> dict[str, Any] | None:
    """OS-1: what the card is charged next for it, and when; an instalment too, for whoever leaves with a contract."""
    # Days of work extend access, and are paid for already.
    end = end_before_extension(call.account, subscription)
    if end is not None and subscription.period_end >= end:
        return None
    price = Money(subscription.each_period_minor, call.account.currency)
    return {"at": rfc3339(subscription.period_end), "amount": shapes.money(price)}


def _seats(call: Call[None], subscription: Subscription) -> list[dict[str, Any]]:
    if not call.account.seats.get(subscription.id):
        return []
    seats = holdings.seats(call.world.table, call.account.id, subscription.id)
    return [{"user": s.user, "assigned_at": rfc3339(s.assigned_at)} for s in seats]


def _number(call: Call[None], number: Number) -> dict[str, Any]:
    release = releasing.release_at(call.account, call.policy)
    fees = consequences.next_fee_of(call.account, call.policy, number)
    return {
        "number": number.e164,
        "status": number.state,
        "release_at": rfc3339(release) if release is not None else None,
        "next_fee_at": rfc3339(fees) if fees is not None else None,
        "monthly_fee": shapes.money(number.monthly_fee),
    }
