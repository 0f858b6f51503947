"""When a subscription ends. Every consequence of leaving is counted from here.

*The end* is the moment access to the last paid second is over for good. A subscription that renews has none.
"""

from collections.abc import Iterable
from datetime import datetime

from chalicelib.domain.account import Account, Subscription
from chalicelib.domain.moments import months_after


def end_of(account: Account, subscription: Subscription) -> datetime | None:
    """The end, or None while it renews or never started.

    Stripe's end, but never before a contract's end (GT-2, GT-11) nor before the last paid second (M1-15),
    unless the paid period was forfeited.
    """
    if not subscription.has_started:
        return None
    if subscription.forfeited_at is not None and subscription.ended_at is not None:
        return subscription.forfeited_at
    at_stripe = _end_at_stripe(subscription)
    if at_stripe is None:
        return None
    floors = (subscription.paid_until, contract_end(account, subscription))
    return max(at_stripe, *(floor for floor in floors if floor is not None))


def _end_at_stripe(subscription: Subscription) -> datetime | None:
    if subscription.ended_at is not None:
        return subscription.ended_at
    if subscription.cancel_at is not None:
        return subscription.cancel_at
    if subscription.cancel_at_period_end:
        return subscription.period_end
    return None


def contract_end(account: Account, subscription: Subscription) -> datetime | None:
    contract = account.contracts.get(subscription.id)
    return months_after(contract.starts_at, contract.months) if contract else None


def has_ended(account: Account, subscription: Subscription, now: datetime) -> bool:
    end = end_of(account, subscription)
    return end is not None and end <= now


def is_live(account: Account, subscription: Subscription, now: datetime) -> bool:
    """It began and has not ended. A live plan keeps numbers, registrations and data."""
    return subscription.has_started and not has_ended(account, subscription, now)


def last_end(account: Account, subscriptions: Iterable[Subscription]) -> datetime | None:
    """The latest end of these, or None if there are none or one of them renews."""
    started = [s for s in subscriptions if s.has_started]
    ends = [end_of(account, s) for s in started]
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else None
