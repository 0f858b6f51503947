"""Records for tests of the rules: a plain account, a plain subscription, and changes to them by name."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.domain.account import NOT_STARTED, Account, Subscription
from chalicelib.domain.decision import Decision
from chalicelib.domain.facts import InvoiceAtStripe, SubscriptionAtStripe
from chalicelib.domain.moments import from_rfc3339
from chalicelib.domain.money import Money
from chalicelib.domain.number_fees import Number
from chalicelib.domain.policy import Policy
from chalicelib.domain.registrations import Registration
from chalicelib.domain.timeline import timeline
from chalicelib.policies import Policies

POLICY = replace(Policies().get("smarter-contact"), reminders=())
"""The shipped one, without its reminders: what they add has tests of its own."""
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
START = datetime(2026, 1, 31, 12, tzinfo=UTC)
END = datetime(2026, 2, 28, 12, tzinfo=UTC)
NEXT_END = datetime(2026, 3, 31, 12, tzinfo=UTC)


def at(text: str) -> datetime:
    return from_rfc3339(text if "T" in text else f"{text}T00:00:00Z")


def subscription(**changes: Any) -> Subscription:
    """A messaging plan in its first month, paid to its end, renewing."""
    plain: dict[str, Any] = {
        "id": "sub_1",
        "plan": "messaging",
        "status": "active",
        "started_at": START,
        "period_start": START,
        "period_end": END,
        "paid_until": END,
        "price_minor": 9900,
    }
    if changes.get("status") in NOT_STARTED:
        # Nothing was ever paid for it.
        plain["paid_until"] = None
    if "unpaid" in changes:
        unpaid = changes.pop("unpaid")
        plain["unpaid_invoices"] = {unpaid.id: unpaid}
    return Subscription(**(plain | changes))


def canceled(**changes: Any) -> Subscription:
    """The same with renewal off."""
    return subscription(**({"cancel_at_period_end": True, "canceled_at": START} | changes))


def ended(**changes: Any) -> Subscription:
    """The same, and Stripe has ended it."""
    return canceled(**({"status": "canceled", "ended_at": END} | changes))


def account(*subscriptions: Subscription, **changes: Any) -> Account:
    plain: dict[str, Any] = {
        "id": "acme",
        "policy": POLICY.name,
        "currency": "usd",
        "created_at": START,
        "stripe_customer_id": "cus_1",
        "subscriptions": {one.id: one for one in subscriptions},
    }
    return Account(**(plain | changes))


def policy(**sections: Mapping[str, Any]) -> Policy:
    """The Smarter Contact policy with keys of these sections changed: `policy(access={"grace_hours": 24})`."""
    changed = {name: replace(getattr(POLICY, name), **keys) for name, keys in sections.items()}
    return replace(POLICY, **changed)


def number(**changes: Any) -> Number:
    plain: dict[str, Any] = {
        "e164": "+14155550100",
        "provider": "local",
        "provider_id": "PN1",
        "monthly_fee": Money(100, "usd"),
        "bought_at": START,
        "known_since": START,
        "next_fee_at": END,
    }
    return Number(**(plain | changes))


def registration(**changes: Any) -> Registration:
    plain: dict[str, Any] = {
        "id": "R1",
        "kind": "10dlc",
        "state": "active",
        "known_since": START,
        "provider": "local",
        "provider_id": "BR1",
    }
    return Registration(**(plain | changes))


def at_stripe(**changes: Any) -> SubscriptionAtStripe:
    """What Stripe says of `subscription()`."""
    plain: dict[str, Any] = {
        "id": "sub_1",
        "customer_id": "cus_1",
        "status": "active",
        "price_id": "price_1",
        "lookup_key": "smarter-contact:messaging:month",
        "interval": "month",
        "price_minor": 9900,
        "quantity": 1,
        "started_at": START,
        "period_start": START,
        "period_end": END,
    }
    return SubscriptionAtStripe(**(plain | changes))


def invoice(**changes: Any) -> InvoiceAtStripe:
    plain: dict[str, Any] = {
        "id": "in_1",
        "customer_id": "cus_1",
        "subscription_id": "sub_1",
        "status": "paid",
        "covers_until": END,
        "amount_due": 9900,
    }
    return InvoiceAtStripe(**(plain | changes))


def saved(decision: Decision, rules: Policy = POLICY) -> Account:
    """The account as it is stored after a decision: with its pending steps beside it."""
    steps = {step.id: step.due for step in timeline(decision.account, rules)}
    return replace(decision.account, steps=steps)


def steps_of(known: Account, rules: Policy = POLICY) -> dict[str, datetime]:
    """Step id → due."""
    return {step.id: step.due for step in timeline(known, rules)}
