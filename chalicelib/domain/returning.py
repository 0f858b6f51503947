"""SC-7: a customer came back, and no rule here can read on what: a price that is no plan, or several plans in one.

Until somebody has named it, nothing is taken away that could not be given back.
"""

from __future__ import annotations

from datetime import datetime

from chalicelib.domain.account import Account
from chalicelib.domain.ending import end_of, has_ended
from chalicelib.domain.facts import StripeSaysAll, SubscriptionAtStripe
from chalicelib.domain.from_stripe import LIVE, SeveralPlans, UnknownPrice, plan_of
from chalicelib.domain.policy import Policy


def unread(account: Account, said: StripeSaysAll, policy: Policy, now: datetime) -> tuple[str, ...]:
    """The live subscriptions that may be a return."""
    return tuple(
        one.id
        for one in said.subscriptions
        if one.id not in account.subscriptions and one.status in LIVE
        if _may_be_a_return(account, one, policy, now)
    )


def _may_be_a_return(
    account: Account, one: SubscriptionAtStripe, policy: Policy, now: datetime
) -> bool:
    try:
        plan_of(one, policy)
    except SeveralPlans:
        return True
    except UnknownPrice:
        # Something else that they had all along is no return.
        return any(one.started_at >= end for end in _ends(account, now))
    return False


def _ends(account: Account, now: datetime) -> list[datetime]:
    ended = [s for s in account.subscriptions.values() if has_ended(account, s, now)]
    return [end for s in ended if (end := end_of(account, s)) is not None]
