"""An account comes from another system, with all that Stripe has of its customer: one fact, one decision.

Together, because an ended subscription alone would plan what a live one forbids.
"""

from __future__ import annotations

from dataclasses import replace

from chalicelib.domain.account import Account
from chalicelib.domain.decision import Decision, unchanged
from chalicelib.domain.facts import Adopted, StripeSaysInvoice
from chalicelib.domain.from_stripe import (
    SeveralPlans,
    UnknownPrice,
    apply_invoice,
    apply_subscription,
)
from chalicelib.domain.policy import Policy


def adopt(account: Account, fact: Adopted, policy: Policy) -> Decision:
    after, changed = account, 0
    for said in fact.said:
        try:
            decision = apply_subscription(after, said, policy)
        except (UnknownPrice, SeveralPlans):
            # Only what has ended may be left out so: whoever adopts has looked at the live ones before.
            continue
        after, changed = decision.account, changed + (decision.what is not None)
    for invoice in fact.paid:
        if invoice.subscription_id in after.subscriptions:
            decision = apply_invoice(after, StripeSaysInvoice(invoice=invoice))
            after, changed = decision.account, changed + (decision.what is not None)
    if fact.makes_up_for_the_past and after.adopted_at is not None:
        after, changed = replace(after, adopted_at=None), changed + 1
    if not changed:
        return unchanged(after)
    return Decision(after, "account.adopted", {"count": len(after.subscriptions)})
