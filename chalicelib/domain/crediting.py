"""SC-12: "When the cancellation date arrives, we'll credit your account for: Unsent scheduled SMS messages,
Unsent scheduled Ringless Voicemails (RVMs)".

With two plans, only what the remaining plan cannot send. A message due exactly at the end is credited, not sent.
A plan that a subscription is switched away from has ended as well, at the switch: what only it could send is credited
then, or it could neither be sent nor be credited.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from chalicelib.domain.account import Account
from chalicelib.domain.ending import end_of
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.policy import Policy
from chalicelib.domain.steps import MESSAGES_CREDITED, Step


def steps(account: Account, policy: Policy) -> Iterator[Step]:
    if policy.messages is None or not policy.messages.credit_unsent:
        return
    for subscription in account.subscriptions.values():
        end = end_of(account, subscription)
        if end is not None and _channels(policy, subscription.plan):
            yield Step(MESSAGES_CREDITED, end, subscription.id)
        for left in subscription.left_plans:
            if _channels(policy, left.plan):
                yield Step(MESSAGES_CREDITED, left.at, f"{subscription.id}/{left.plan}")


def cause_of(step: Step, first: str) -> str:
    """What a chunk of messages is credited under, by its first one. With its date: a plan may be left more than once, and
    an id used anew when its message was tidied up."""
    return f"credit:{step.id}:{rfc3339(step.due)}:{first}"


@dataclass(frozen=True, slots=True)
class Ended:
    """What a step that credits messages is about: a plan that a subscription ended with, or was switched from."""

    subscription_id: str
    plan: str
    was_switched: bool


def ended_by(account: Account, subject: str) -> Ended:
    id, _, left = subject.partition("/")
    return Ended(id, left or account.subscriptions[id].plan, bool(left))


def channels_lost(account: Account, policy: Policy, subject: str, at: datetime) -> frozenset[str]:
    """The channels that nobody can send on from `at`, the end of what the step's subject names.

    Whatever plan of the account is still live at that moment keeps its channels.
    """
    ended = ended_by(account, subject)
    kept: set[str] = set()
    for other in account.subscriptions.values():
        lives_on = other.id != ended.subscription_id or ended.was_switched
        end = end_of(account, other)
        if lives_on and other.has_started and (end is None or end > at):
            kept |= set(_channels(policy, other.plan))
    return frozenset(_channels(policy, ended.plan)) - kept


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
