"""Stripe's words that we know. Any other is kept as it is, and said aloud: a new one may change what has to be done."""

from __future__ import annotations

from collections.abc import Iterator

from chalicelib.domain.facts import InvoiceAtStripe, SubscriptionAtStripe

SUBSCRIPTION_STATUSES = frozenset(
    {
        "incomplete",
        "incomplete_expired",
        "trialing",
        "active",
        "past_due",
        "unpaid",
        "paused",
        "canceled",
    }
)
INVOICE_STATUSES = frozenset({"draft", "open", "paid", "uncollectible", "void"})
INTERVALS = frozenset({"day", "week", "month", "year"})
CANCEL_REASONS = frozenset(
    {"cancellation_requested", "payment_disputed", "payment_failed", "canceled_by_retention_policy"}
)
FEEDBACKS = frozenset(
    {"customer_service", "low_quality", "missing_features", "other", "switched_service", "too_complex",
     "too_expensive", "unused"}
)  # fmt: skip


def unknown_words(said: SubscriptionAtStripe | InvoiceAtStripe) -> Iterator[str]:
    """Each as `field=word`."""
    if isinstance(said, InvoiceAtStripe):
        words = {"status": (said.status, INVOICE_STATUSES)}
    else:
        words = {
            "status": (said.status, SUBSCRIPTION_STATUSES),
            "interval": (said.interval, INTERVALS),
            "reason": (said.cancel_reason or "", CANCEL_REASONS | {""}),
            "feedback": (said.cancel_feedback or "", FEEDBACKS | {""}),
        }
    for field, (word, known) in words.items():
        if word not in known:
            yield f"{field}={word}"
