"""How long an account's plans need its numbers and its registrations.

While any plan that needs them lives, nothing may be released or lapsed; two plans are one need. A plan that a
subscription was switched away from needed them until the switch.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from chalicelib.domain.account import Account
from chalicelib.domain.ending import end_of, extension_of
from chalicelib.domain.policy import Plan, Policy

Needs = Callable[[Plan], bool]


def numbers_needed_until(account: Account, policy: Policy) -> datetime | None:
    """The end of the last plan that needs numbers; None while one renews, or there never was one."""
    return _needed_until(account, policy, _numbers)


def numbers_needed_at(account: Account, policy: Policy, moment: datetime) -> bool:
    """Whether a plan that needs numbers was, is or will be live at this moment."""
    return any(
        began <= moment and (end is None or end > moment)
        for began, end in _needing(account, policy, _numbers)
    )


def registrations_needed_until(account: Account, policy: Policy) -> datetime | None:
    return _needed_until(account, policy, _registrations)


def registrations_cancelled_at(account: Account, policy: Policy) -> datetime | None:
    """The last request to cancel a plan that needs registrations. One that ended without a request (it was not paid,
    or left for another plan) counts from its end."""
    started = [s for s in account.subscriptions.values() if s.has_started]
    moments = [
        s.canceled_at + extension_of(account, s) if s.canceled_at else end_of(account, s)
        for s in started
        if _does_need(policy, s.plan, _registrations)
    ]
    moments += [
        left.at
        for s in started
        for left in s.left_plans
        if _does_need(policy, left.plan, _registrations)
    ]
    return max((moment for moment in moments if moment is not None), default=None)


def _does_need(policy: Policy, plan: str, needs: Needs) -> bool:
    known = policy.plans.get(plan)
    return known is not None and needs(known)


def _numbers(plan: Plan) -> bool:
    return plan.needs_numbers


def _registrations(plan: Plan) -> bool:
    return plan.needs_registrations


def _needed_until(account: Account, policy: Policy, needs: Needs) -> datetime | None:
    ends = [end for _, end in _needing(account, policy, needs)]
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else None


def _needing(
    account: Account, policy: Policy, needs: Needs
) -> Iterator[tuple[datetime, datetime | None]]:
    """From when until when each plan that needs them lives; None while it renews."""
    for subscription in account.subscriptions.values():
        if not subscription.has_started:
            continue
        if _does_need(policy, subscription.plan, needs):
            yield subscription.started_at, end_of(account, subscription)
        for left in subscription.left_plans:
            if _does_need(policy, left.plan, needs):
                yield subscription.started_at, left.at
