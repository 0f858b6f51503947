"""Who may use what at this instant (SC-3, SC-5, SC-11, M1-14, M1-15).

Judged by the clock, from dates: no job has to run for access to end. Half-open: true at E − 1 s, false at E.
"""

from datetime import datetime

from chalicelib.domain.account import Account, Subscription
from chalicelib.domain.ending import end_before_extension, end_of, extension_of
from chalicelib.domain.moments import hours_after
from chalicelib.domain.policy import Policy

LOG_IN = "log_in"


def access_until(account: Account, subscription: Subscription, policy: Policy) -> datetime | None:
    """The first instant without access as far as we know now, or None if there never was any."""
    if not subscription.has_started or subscription.paid_until is None:
        return None
    until = max(
        subscription.paid_until + extension_of(account, subscription),
        _beyond_the_paid_period(subscription, policy),
    )
    stops = (
        end_of(account, subscription),
        subscription.suspended_at,
        # Before Stripe has ended it: what went back is not used in the meantime.
        subscription.forfeited_at if subscription.is_forfeited else None,
    )
    return min((until, *(stop for stop in stops if stop is not None)))


def _beyond_the_paid_period(subscription: Subscription, policy: Policy) -> datetime:
    """How far access reaches past what is paid: while a renewal settles, and in the policy's grace."""
    paid_until = subscription.paid_until
    assert paid_until is not None
    unpaid = subscription.unpaid
    failed_at = subscription.failing_since or subscription.past_due_since
    if unpaid is not None and unpaid.written_off:
        return paid_until
    if failed_at is not None:
        return hours_after(failed_at, policy.access.grace_hours)
    if subscription.ended_at is not None:
        return paid_until
    return hours_after(paid_until, policy.access.settling_hours)


def has_access(account: Account, subscription: Subscription, policy: Policy, now: datetime) -> bool:
    until = access_until(account, subscription, policy)
    return until is not None and now < until


def has_paid(account: Account) -> bool:
    """M1-2: "after the first successful payment". What was given as a trial was not paid for."""
    return any(
        s.paid_until is not None and (s.trial_ends_at is None or s.paid_until > s.trial_ends_at)
        for s in account.subscriptions.values()
    )


def features(account: Account, policy: Policy, now: datetime) -> dict[str, bool]:
    """Every feature the policy knows → whether the account has it now. `log_in` always (SC-11)."""
    granted = {
        feature
        for subscription in account.subscriptions.values()
        if has_access(account, subscription, policy, now)
        for feature in plan_features(policy, subscription.plan)
    }
    known = {feature for plan in policy.plans.values() for feature in plan.features}
    return {LOG_IN: True} | {feature: feature in granted for feature in sorted(known)}


def plan_features(policy: Policy, plan: str) -> tuple[str, ...]:
    known = policy.plans.get(plan)
    return known.features if known else ()


def reasons(account: Account, policy: Policy, now: datetime) -> dict[str, str]:
    """Feature → why it is given or not, as a code: `always, active, trialing, pending_cancellation, extended,
    settling, grace, unpaid, suspended, ended, never_subscribed`. The best reason of several plans counts."""
    why = {LOG_IN: "always"}
    for name, plan in policy.plans.items():
        mine = [s for s in account.subscriptions.values() if s.plan == name]
        words = [_why(account, s, policy, now) for s in mine if s.has_started]
        best = min(words, key=_RANK.index, default="never_subscribed")
        for feature in plan.features:
            why[feature] = min(best, why.get(feature, best), key=_RANK.index)
    return why


_RANK = (
    "active", "trialing", "pending_cancellation", "extended", "settling", "grace",
    "unpaid", "suspended", "ended", "never_subscribed",
)  # fmt: skip


def _why(account: Account, subscription: Subscription, policy: Policy, now: datetime) -> str:
    end = end_of(account, subscription)
    if (end is not None and end <= now) or subscription.is_forfeited:
        return "ended"
    if not has_access(account, subscription, policy, now):
        return "suspended" if subscription.suspended_at else "unpaid"
    paid_until = subscription.paid_until
    if _only_extended(account, subscription, policy, now):
        return "extended"
    if paid_until is not None and paid_until <= now:
        failed = subscription.past_due_since or (
            subscription.unpaid and subscription.unpaid.failed_at
        )
        return "grace" if failed else "settling"
    if end is not None:
        return "pending_cancellation"
    return "trialing" if subscription.status == "trialing" else "active"


def _only_extended(
    account: Account, subscription: Subscription, policy: Policy, now: datetime
) -> bool:
    """M1-13: what is paid for is over, and so are the times in which a renewal settles or is waited for."""
    paid_until = subscription.paid_until
    if paid_until is None or now < paid_until or not extension_of(account, subscription):
        return False
    end = end_before_extension(account, subscription)
    over = end is not None and end <= now
    return over or now >= max(paid_until, _beyond_the_paid_period(subscription, policy))
