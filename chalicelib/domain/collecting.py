"""SC-2: "no further charges will be made to your credit card", where the policy says so.

Cancelled while a payment is overdue, Stripe would go on trying the card. Collection of the open invoice is stopped;
the debt stays. Whoever resumes is collected from again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from chalicelib.domain.account import Account, Subscription
from chalicelib.domain.decision import Decision, unchanged
from chalicelib.domain.policy import Policy
from chalicelib.domain.steps import COLLECTION_RESUMED, COLLECTION_STOPPED, Step


def steps(account: Account, policy: Policy) -> Iterator[Step]:
    if policy.cancellation.open_invoices_on_cancel != "stop_collection":
        return
    for subscription in account.subscriptions.values():
        unpaid = subscription.unpaid
        if unpaid is None or unpaid.written_off or unpaid.failed_at is None:
            continue
        if _is_leaving(subscription) and not unpaid.collection_stopped:
            since = max(subscription.canceled_at or unpaid.failed_at, unpaid.failed_at)
            yield Step(COLLECTION_STOPPED, since, subscription.id)
        elif unpaid.collection_stopped and not subscription.renewal_is_off:
            yield Step(COLLECTION_RESUMED, unpaid.failed_at, subscription.id)


def _is_leaving(subscription: Subscription) -> bool:
    return subscription.renewal_is_off and subscription.ended_at is None


def set_collection(account: Account, subscription_id: str, *, stopped: bool) -> Decision:
    subscription = account.subscriptions[subscription_id]
    if subscription.unpaid is None or subscription.unpaid.collection_stopped == stopped:
        return unchanged(account)
    unpaid = replace(subscription.unpaid, collection_stopped=stopped)
    changed = replace(subscription, unpaid=unpaid)
    what = "subscription.collection_stopped" if stopped else "subscription.collection_resumed"
    return Decision(
        replace(account, subscriptions=account.with_subscription(changed)),
        what,
        {"subscription_id": subscription_id, "invoice_id": unpaid.id},
    )
