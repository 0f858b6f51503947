"""How long an account's plans need its numbers and its registrations.

While any plan that needs them lives, nothing may be released or lapsed; two plans are one need.
"""

from collections.abc import Iterable
from datetime import datetime

from chalicelib.domain.account import Account, Subscription
from chalicelib.domain.ending import end_of, last_end
from chalicelib.domain.policy import Policy


def numbers_needed_until(account: Account, policy: Policy) -> datetime | None:
    """The end of the last plan that needs numbers; None while one renews, or there never was one."""
    return last_end(account, _needing_numbers(account, policy))


def numbers_needed_at(account: Account, policy: Policy, moment: datetime) -> bool:
    """Whether a plan that needs numbers was, is or will be live at this moment."""
    return any(
        s.has_started and s.started_at <= moment and not _ended_by(account, s, moment)
        for s in _needing_numbers(account, policy)
    )


def registrations_needed_until(account: Account, policy: Policy) -> datetime | None:
    return last_end(
        account,
        (
            s
            for s in account.subscriptions.values()
            if s.plan in policy.plans and policy.plans[s.plan].needs_registrations
        ),
    )


def _needing_numbers(account: Account, policy: Policy) -> Iterable[Subscription]:
    return (
        s
        for s in account.subscriptions.values()
        if s.plan in policy.plans and policy.plans[s.plan].needs_numbers
    )


def _ended_by(account: Account, subscription: Subscription, moment: datetime) -> bool:
    end = end_of(account, subscription)
    return end is not None and end <= moment
