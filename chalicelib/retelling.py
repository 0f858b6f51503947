"""Puts right what `reconciling` found: Stripe is asked once more, and what it says is told as its event would have been.

So nothing that came late, or never, has a way of its own into an account.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from chalicelib import hearing
from chalicelib.domain import drift
from chalicelib.domain.account import Account
from chalicelib.domain.facts import StripeSaysInvoice, StripeSaysSubscription
from chalicelib.gateways.stripe import StripeUnavailable
from chalicelib.lifecycle import must_load, tell
from chalicelib.store import parked
from chalicelib.store.parked import ParkedEvent
from chalicelib.wiring import World

HEARD_AS: Mapping[str, str] = {
    drift.TOP_UP_UNHEARD: "checkout.session.completed",
    drift.REFUND_UNHEARD: "refund.updated",
    drift.DISPUTE_UNHEARD: "charge.dispute.updated",
}
"""Money that nobody told us of, and the event as which it is heard."""


def tell_subscription(world: World, account_id: str, subscription_id: str) -> bool:
    def asked(account: Account) -> StripeSaysSubscription:
        said = world.stripe.subscription(subscription_id)
        if said.subscription.customer_id != account.stripe_customer_id:
            raise hearing.Unusable("other_customer")
        return said

    told = tell(world, account_id, asked, id=f"reconciled:{world.new_id()}", by="stripe")
    return told.outcome == "applied"


def _tell_payment(world: World, account_id: str, subscription_id: str) -> bool:
    """The payment that carries it furthest: its own event was lost, and a later invoice has taken its place."""
    paid = world.stripe.newest_paid_invoice(subscription_id)
    if paid is None:
        return False
    fact = StripeSaysInvoice(invoice=paid)
    told = tell(world, account_id, fact, id=f"reconciled:{world.new_id()}", by="stripe")
    return told.outcome == "applied"


def _tell_dispute(world: World, account_id: str, dispute_id: str) -> bool | None:
    customer_id = must_load(world, account_id).account.stripe_customer_id
    return tell_money(world, drift.DISPUTE_UNHEARD, dispute_id, customer_id)


def tell_money(world: World, unheard: str, object_id: str, customer_id: str | None) -> bool | None:
    """Whether it changed anything. None: it cannot be applied yet, and waits among the parked events. Raises
    StripeUnavailable."""
    now = world.clock.now()
    event = ParkedEvent(
        event_id=f"reconciled:{object_id}:{world.new_id()}",
        type=HEARD_AS[unheard],
        created=now,
        object_id=object_id,
        customer_id=customer_id,
        reason=unheard,
        parked_at=now,
    )
    try:
        return hearing.retry_parked(world, event) == "applied"
    except hearing.Unusable as unusable:
        if isinstance(unusable.__cause__, StripeUnavailable):
            raise unusable.__cause__ from unusable
        # The schedule tries it again, and operators see it among what waits.
        again = now + hearing.FIRST_RETRY
        waits = replace(event, event_id=f"reconciled:{object_id}", reason=unusable.reason)
        parked.park(world.table, waits, again, world.settings.due_shards)
        return None


TELLS: Mapping[str, Callable[[World, str, str], bool | None]] = {
    drift.PAYMENT_UNHEARD: _tell_payment,
    drift.DISPUTE_UNHEARD: _tell_dispute,
}
"""What an account is told of a drift, where that is not how its subscription stands."""
