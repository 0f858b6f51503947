"""SC-2: "no further charges will be made to your credit card", where the policy says so.

Cancelled while payments are overdue, Stripe would go on trying the card for each of them. Collection of every open
invoice is stopped; the debt stays. Whoever resumes is collected from again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime

from chalicelib.domain.account import Account, Subscription, UnpaidInvoice
from chalicelib.domain.decision import Decision, unchanged
from chalicelib.domain.facts import CollectionSet
from chalicelib.domain.policy import Policy
from chalicelib.domain.steps import COLLECTION_RESUMED, COLLECTION_STOPPED, Step


def steps(account: Account, policy: Policy) -> Iterator[Step]:
    if policy.cancellation.open_invoices_on_cancel != "stop_collection":
        return
    for subscription in account.subscriptions.values():
        if _is_leaving(subscription):
            failures = _failures(to_set(subscription, stopped=True))
            if failures:
                since = max(subscription.canceled_at or failures[0], failures[0])
                yield Step(COLLECTION_STOPPED, since, subscription.id)
        elif not subscription.renewal_is_off:
            failures = _failures(to_set(subscription, stopped=False))
            if failures:
                yield Step(COLLECTION_RESUMED, failures[0], subscription.id)


def to_set(subscription: Subscription, *, stopped: bool) -> list[UnpaidInvoice]:
    """The open invoices whose collection is still to be stopped, or resumed."""
    invoices = subscription.unpaid_invoices.values()
    return [one for one in invoices if one.is_tried and one.collection_stopped != stopped]


def _failures(invoices: list[UnpaidInvoice]) -> list[datetime]:
    return sorted(one.failed_at for one in invoices if one.failed_at is not None)


def _is_leaving(subscription: Subscription) -> bool:
    return subscription.renewal_is_off and subscription.ended_at is None


def set_collection(account: Account, fact: CollectionSet) -> Decision:
    subscription = account.subscriptions[fact.subscription_id]
    unpaid = subscription.unpaid_invoices.get(fact.invoice_id)
    if unpaid is None or unpaid.collection_stopped == fact.stopped:
        return unchanged(account)
    invoices = {
        **subscription.unpaid_invoices,
        unpaid.id: replace(unpaid, collection_stopped=fact.stopped),
    }
    changed = replace(subscription, unpaid_invoices=invoices)
    what = "subscription.collection_stopped" if fact.stopped else "subscription.collection_resumed"
    return Decision(
        replace(account, subscriptions=account.with_subscription(changed)),
        what,
        {"subscription_id": subscription.id, "invoice_id": unpaid.id},
    )
