"""M1-15: access lasts to the paid period's end "unless it was refunded, its dispute lost". The money went back, and what
it had paid for goes with it.

Each cause can be taken back by itself: a refund that failed, a dispute that is won after all. A plan that was forfeited
ends at Stripe as well, or Stripe would go on charging for what cannot be used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from chalicelib.domain.account import Account, Subscription
from chalicelib.domain.ending import extension_of
from chalicelib.domain.steps import PLAN_ENDED, Step


def forfeit(
    account: Account, subscription_id: str | None, cause: str, until: datetime | None, now: datetime
) -> Account:
    """The payment for the period up to `until` is gone. One that is over, its extension too, has nothing left to
    take."""
    known = account.subscriptions.get(subscription_id or "")
    if known is None or until is None or cause in known.forfeited_by:
        return account
    if until + extension_of(account, known) <= now:
        return account
    if known.paid_until is not None and until < known.paid_until:
        # A later period is paid for: what went back had been used up by then.
        return account
    gone = replace(
        known,
        forfeited_at=known.forfeited_at or now,
        forfeited_by=(*known.forfeited_by, cause),
        forfeited_until=until,
    )
    return replace(account, subscriptions=account.with_subscription(gone))


def give_back(account: Account, cause: str) -> Account:
    for known in account.subscriptions.values():
        if cause in known.forfeited_by:
            rest = tuple(one for one in known.forfeited_by if one != cause)
            back = known if rest else replace(known, forfeited_at=None, forfeited_until=None)
            back = replace(back, forfeited_by=rest)
            account = replace(account, subscriptions=account.with_subscription(back))
    return account


def is_to_end(subscription: Subscription) -> bool:
    return subscription.is_forfeited and subscription.has_started and subscription.ended_at is None


def steps(account: Account) -> Iterator[Step]:
    for subscription in account.subscriptions.values():
        if is_to_end(subscription) and subscription.forfeited_at is not None:
            yield Step(PLAN_ENDED, subscription.forfeited_at, subscription.id)
