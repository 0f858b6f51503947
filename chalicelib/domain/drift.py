"""What differs between Stripe and us. Pure: what Stripe says in, what is wrong out, each with what to do about it.

Whatever a fact of Stripe's would change is drift: so nothing is compared here that `decide` would not act on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from chalicelib.domain.account import Account
from chalicelib.domain.decision import Decision
from chalicelib.domain.facts import StripeSaysSubscription
from chalicelib.domain.from_stripe import (
    LIVE,
    SeveralPlans,
    UnknownPrice,
    apply_subscription,
    plan_of,
)
from chalicelib.domain.policy import Policy

UNKNOWN_AT_STRIPE = "unknown_at_stripe"
CUSTOMER_UNKNOWN_AT_STRIPE = "customer_unknown_at_stripe"
CUSTOMER_UNKNOWN_HERE = "customer_unknown_here"
CUSTOMER_ELSEWHERE = "customer_on_two_accounts"
DISPUTE_UNKNOWN_AT_STRIPE = "dispute_unknown_at_stripe"
SUBSCRIPTION_ELSEWHERE = "subscription_of_another_customer"
TWO_OF_ONE_PLAN = "two_live_of_one_plan"
CANNOT_BE_CHARGED = "no_payment_method"
UNKNOWN_PRICE = "unknown_price"
SEVERAL_PLANS = "several_plans"
UNREADABLE = "unreadable"
PAYMENT_UNHEARD = "payment_unheard"
TOP_UP_UNHEARD = "top_up_unheard"
REFUND_UNHEARD = "refund_unheard"
DISPUTE_UNHEARD = "dispute_unheard"

WHAT_TO_DO: Mapping[str, str] = {
    UNKNOWN_AT_STRIPE: "Stripe knows no such subscription. Is the key of the right Stripe account? It does not renew;"
    " access ends with what is paid.",
    CUSTOMER_UNKNOWN_AT_STRIPE: "Stripe knows no such customer. Is the key of the right Stripe account?",
    DISPUTE_UNKNOWN_AT_STRIPE: "Stripe knows no such dispute. Is the key of the right Stripe account? While it is open"
    " here, nothing of the account is purged.",
    CUSTOMER_UNKNOWN_HERE: "Nobody here has this Stripe customer, who pays for a subscription. Put the account (PUT"
    " /v1/admin/accounts/{id}), or adopt it with `lapse backfill`.",
    CUSTOMER_ELSEWHERE: "The account names a Stripe customer that belongs to another account. Find out whose it is and"
    " mend the other.",
    SUBSCRIPTION_ELSEWHERE: "At Stripe this subscription belongs to another customer than the account's.",
    TWO_OF_ONE_PLAN: "The customer pays twice for one plan. End one of them at Stripe and refund it.",
    CANNOT_BE_CHARGED: "It renews, and no card is there to be charged: the renewal will fail. Ask the customer to add"
    " one (the portal's payment_method_update).",
    UNKNOWN_PRICE: "No plan of the account's policy has this price. Add it to the plan's `stripe_prices`.",
    SEVERAL_PLANS: "It bills for several plans at once. Split it at Stripe into one subscription for each.",
    UNREADABLE: "What Stripe says of it cannot be read for certain. Look at it at Stripe; report its shape.",
}

_RENEWING = ("trialing", "active", "past_due")


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionLookedAt:
    """A subscription as it stands in Stripe's list."""

    id: str
    customer_id: str | None
    said: StripeSaysSubscription | None
    """None when it cannot be read for certain."""
    can_be_charged: bool


@dataclass(frozen=True, slots=True)
class Drift:
    kind: str
    subject: str
    """The subscription, customer or session it is about."""
    repairable: bool = False
    """Stripe's word, asked for once more and told, puts it right."""


def of_account(
    account: Account, found: Sequence[SubscriptionLookedAt], policy: Policy
) -> Iterator[Drift]:
    """Everything that differs between the account and all that Stripe has of its customer."""
    for one in found:
        yield from of_subscription(account, one, policy)
    yield from _twice(found, policy)
    known_there = {one.id for one in found}
    for id, subscription in account.subscriptions.items():
        if id not in known_there and subscription.ended_at is None:
            yield Drift(UNKNOWN_AT_STRIPE, id)


def of_subscription(account: Account, one: SubscriptionLookedAt, policy: Policy) -> Iterator[Drift]:
    said = one.said
    if said is None:
        yield Drift(UNREADABLE, one.id)
        return
    is_live = said.subscription.status in LIVE
    try:
        decision = apply_subscription(account, said, policy)
    except UnknownPrice:
        # What ended under a price that is no plan (any more) is nobody's matter.
        yield from [Drift(UNKNOWN_PRICE, one.id)] if is_live else []
        return
    except SeveralPlans:
        yield from [Drift(SEVERAL_PLANS, one.id)] if is_live else []
        return
    if decision.what is not None and not _heard_later(account, said):
        yield Drift(decision.what, one.id, repairable=True)
    if payment_is_missing(decision, one.id):
        yield Drift(PAYMENT_UNHEARD, one.id, repairable=True)
    renews = said.subscription.status in _RENEWING and not (
        said.subscription.cancel_at or said.subscription.cancel_at_period_end
    )
    if renews and not one.can_be_charged:
        yield Drift(CANNOT_BE_CHARGED, one.id)


def _heard_later(account: Account, said: StripeSaysSubscription) -> bool:
    """A webhook that came since the list was read knows better."""
    known = account.subscriptions.get(said.subscription.id)
    return known is not None and known.as_of is not None and known.as_of > said.as_of


def payment_is_missing(decision: Decision, subscription_id: str) -> bool:
    """Whether an earlier period counts as unpaid, now that Stripe has gone on to a later one. Its newest invoice does
    not tell: that is the later period's."""
    one = decision.account.subscriptions.get(subscription_id)
    if one is None or not one.has_started or one.paid_until is None:
        return False
    return one.paid_until < one.period_start


def _twice(found: Sequence[SubscriptionLookedAt], policy: Policy) -> Iterator[Drift]:
    plans: dict[str, str] = {}
    for one in found:
        if one.said is None or one.said.subscription.status not in LIVE:
            continue
        try:
            plans[one.id], _ = plan_of(one.said.subscription, policy)
        except (UnknownPrice, SeveralPlans):
            continue
    many = Counter(plans.values())
    yield from (Drift(TWO_OF_ONE_PLAN, id) for id, plan in plans.items() if many[plan] > 1)
