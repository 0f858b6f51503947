"""When a subscription ends. Every consequence of leaving is counted from here.

*The end* is the moment access to the last paid second is over for good. A subscription that renews has none. Work on the
systems moves it, here and nowhere else, and every date that follows moves with it (M1-13).
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from chalicelib.domain.account import Account, Subscription
from chalicelib.domain.billing_periods import SLACK, last_period_of
from chalicelib.domain.moments import months_after
from chalicelib.domain.worked_days import counted


def end_of(account: Account, subscription: Subscription) -> datetime | None:
    """The end, or None while it renews or never started: as paid for, and extended for the days of work."""
    end = end_before_extension(account, subscription)
    if end is None:
        return None
    extension = extension_of(account, subscription)
    return end + extension if extension else end


def extension_of(account: Account, subscription: Subscription) -> timedelta:
    """By how much access is extended: a day is 24 hours, whatever the clocks do meanwhile."""
    return timedelta(days=extended_days(account, subscription))


def extended_days(account: Account, subscription: Subscription) -> int:
    """How many days of work extend it. While it renews, it carries them to its final end."""
    if not account.work and not subscription.settled_days:
        return 0
    return counted(account, subscription, covered_until(account, subscription))


def covered_until(account: Account, subscription: Subscription) -> datetime | None:
    """How far access goes without an extension, as what days of work are held against: None while it goes on. What a
    renewal that failed, or Stripe's end, leaves unpaid is no access that work could have taken."""
    end = end_before_extension(account, subscription)
    unpaid = subscription.unpaid
    stands_still = (
        subscription.past_due_since is not None
        or subscription.failing_since is not None
        or (unpaid is not None and unpaid.written_off)
    )
    stops = [end, subscription.suspended_at]
    if stands_still or subscription.ended_at is not None:
        stops.append(subscription.paid_until or subscription.started_at)
    return min((stop for stop in stops if stop is not None), default=None)


def end_before_extension(account: Account, subscription: Subscription) -> datetime | None:
    """The end as it is paid for, or None while it renews or never started.

    Stripe's end, but never before a contract's end and the period it is billed for (GT-2, GT-11), nor before the last
    paid second (M1-15), unless the paid period was forfeited.
    """
    if not subscription.has_started:
        return None
    if subscription.ended_at is not None and subscription.is_forfeited:
        return subscription.forfeited_at
    at_stripe = end_at_stripe(subscription)
    if at_stripe is None and not subscription.leaves_with_contract:
        return None
    floors = (
        at_stripe,
        _paid_floor(subscription),
        *_contract_floors(account, subscription, at_stripe),
    )
    return max(floor for floor in floors if floor is not None)


def _paid_floor(subscription: Subscription) -> datetime | None:
    """The last paid second keeps access (M1-15), unless the whole payment for it was given back."""
    paid, refunded = subscription.paid_until, subscription.refunded_until
    return None if paid is not None and refunded is not None and paid <= refunded else paid


def _contract_floors(
    account: Account, subscription: Subscription, at_stripe: datetime | None
) -> tuple[datetime, ...]:
    """The contract's end; and the end of the last period billed for it, where Stripe's mark was to come only then."""
    contract = contract_end(account, subscription)
    if contract is None:
        # Whoever leaves with a contract that is no more leaves with the period.
        return () if at_stripe else (subscription.period_end,)
    if at_stripe and at_stripe >= contract - SLACK:
        return (contract,)
    if subscription.ended_at is not None and not subscription.was_to_leave:
        return (contract,)
    # Also when Stripe has ended it too early, because nobody of ours came by to take its mark back: that is the day
    # which was shown to whoever left, and it does not move (invariant 14).
    return contract, last_period_of(subscription, contract)[1]


def end_at_stripe(subscription: Subscription) -> datetime | None:
    """When Stripe ended it, or is set to; None while Stripe would renew it."""
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
