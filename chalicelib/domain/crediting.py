"""SC-12: "When the cancellation date arrives, we'll credit your account for: Unsent scheduled SMS messages,
Unsent scheduled Ringless Voicemails (RVMs)".

With two plans, only what the remaining plan cannot send. A message due exactly at the end is credited, not sent.
"""

from collections.abc import Iterator
from datetime import datetime

from chalicelib.domain.account import Account
from chalicelib.domain.ending import end_of
from chalicelib.domain.policy import Policy
from chalicelib.domain.steps import MESSAGES_CREDITED, Step


def steps(account: Account, policy: Policy) -> Iterator[Step]:
    if policy.messages is None or not policy.messages.credit_unsent:
        return
    for subscription in account.subscriptions.values():
        end = end_of(account, subscription)
        if end is not None and _channels(policy, subscription.plan):
            yield Step(MESSAGES_CREDITED, end, subscription.id)


def channels_lost(account: Account, policy: Policy, ended: str, at: datetime) -> frozenset[str]:
    """The channels that nobody can send on from `at`, the end of the subscription `ended`.

    Another plan of the account that is still live at that moment keeps its channels.
    """
    kept: set[str] = set()
    for other in account.subscriptions.values():
        end = end_of(account, other)
        if other.id != ended and other.has_started and (end is None or end > at):
            kept |= set(_channels(policy, other.plan))
    return frozenset(_channels(policy, account.subscriptions[ended].plan)) - kept


def sendable_channels(account: Account, policy: Policy, now: datetime) -> frozenset[str]:
    """The channels of the plans that are live now."""
    return frozenset(
        channel
        for s in account.subscriptions.values()
        if s.has_started and ((end := end_of(account, s)) is None or end > now)
        for channel in _channels(policy, s.plan)
    )


def is_withdrawn(account: Account, policy: Policy, channel: str, now: datetime) -> bool:
    """Nobody can send on this channel any more, so what was scheduled on it is credited (or is about to be)."""
    credited = policy.messages is not None and policy.messages.credit_unsent
    return credited and channel not in sendable_channels(account, policy, now)


def _channels(policy: Policy, plan: str) -> tuple[str, ...]:
    return policy.plans[plan].message_channels if plan in policy.plans else ()
