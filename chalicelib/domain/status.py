"""The one word a customer sees for a subscription. Worked out, never stored (NX-5)."""

from datetime import datetime

from chalicelib.domain.account import Account, Subscription
from chalicelib.domain.ending import has_ended

STATUSES = (
    "trialing", "active", "pending_cancellation", "past_due", "suspended", "canceled", "incomplete",
)  # fmt: skip

_OF_STRIPE = {
    "trialing": "trialing",
    "active": "active",
    "past_due": "past_due",
    "unpaid": "suspended",
    "paused": "suspended",
}


def status(account: Account, subscription: Subscription, now: datetime) -> str:
    if not subscription.has_started:
        return "incomplete"
    if has_ended(account, subscription, now):
        return "canceled"
    if subscription.renewal_is_off:
        return "pending_cancellation"
    return _OF_STRIPE.get(subscription.status, "active")
