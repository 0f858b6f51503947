"""GT-2, GT-11: a commitment for a number of months runs to its end, whatever Stripe's billing interval is.

Cancelled before its last billing period, nothing may be set at Stripe yet, or Stripe would end it early: it is noted
here, and a step turns renewal off in the last period. A cancellation made in Stripe's portal that would end it early
is taken back there and kept here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from chalicelib.domain.account import Account, Subscription
from chalicelib.domain.billing_periods import SLACK, last_period_of
from chalicelib.domain.decision import Decision
from chalicelib.domain.ending import contract_end, end_at_stripe
from chalicelib.domain.steps import RENEWAL_OFF, RENEWAL_RESTORED, Step


def outlasts_the_period(account: Account, subscription: Subscription) -> bool:
    """Whether the contract runs beyond the billing period that Stripe is in."""
    end = contract_end(account, subscription)
    return end is not None and end - SLACK > subscription.period_end


def would_end_early(account: Account, subscription: Subscription) -> bool:
    """Stripe is set to end it before the contract does."""
    end = contract_end(account, subscription)
    at_stripe = end_at_stripe(subscription)
    return (
        end is not None
        and at_stripe is not None
        and subscription.ended_at is None
        and at_stripe < end - SLACK
    )


def noted(
    account: Account, before: Subscription | None, after: Subscription, *, says_leaving: bool
) -> Subscription:
    """What Stripe just said, seen with the contract's eyes: a cancellation that would end it early means that the
    customer leaves with the contract; its mark gone again means that they stay, unless it was us who took it back.
    Then we were about to, and what we wrote on the subscription along with it says so."""
    if would_end_early(account, after):
        return replace(after, leaves_with_contract=True)
    had_a_mark = before is not None and end_at_stripe(before) is not None
    if before is None or not had_a_mark or end_at_stripe(after) is not None:
        return after
    ours = before.correcting and says_leaving
    return replace(after, leaves_with_contract=ours, correcting=False)


def steps(account: Account) -> Iterator[Step]:
    for subscription in account.subscriptions.values():
        if subscription.ended_at is not None:
            continue
        if would_end_early(account, subscription):
            # Also when the contract was told to us after the cancellation was.
            asked_at = subscription.canceled_at or subscription.period_start
            yield Step(RENEWAL_RESTORED, asked_at, subscription.id)
        elif subscription.leaves_with_contract and end_at_stripe(subscription) is None:
            end = contract_end(account, subscription) or subscription.period_end
            starts, _ = last_period_of(subscription, end)
            yield Step(RENEWAL_OFF, starts, subscription.id)


def begin_correcting(account: Account, subscription_id: str) -> Decision:
    """Saved before Stripe is called, so that the mark's going is known for our own doing."""
    subscription = replace(account.subscriptions[subscription_id], correcting=True)
    after = replace(account, subscriptions=account.with_subscription(subscription))
    return Decision(
        after, "subscription.contract_correction_begun", {"subscription_id": subscription_id}
    )


def leave_with_contract(decision: Decision, subscription_id: str, leaves: bool) -> Decision:
    """On top of what Stripe confirmed: renewal goes off with the contract, or stays on."""
    subscription = decision.account.subscriptions[subscription_id]
    changed = replace(
        subscription,
        leaves_with_contract=leaves,
        correcting=False,
        evidence_id=subscription.evidence_id if leaves else None,
    )
    after = replace(decision.account, subscriptions=decision.account.with_subscription(changed))
    what = "subscription.cancellation_scheduled" if leaves else "subscription.resumed"
    return Decision(after, what, {"subscription_id": subscription_id, **decision.data})
