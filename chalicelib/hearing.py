"""Hears a Stripe event: applied, a duplicate, ignored, or parked. Never lost, never out of order.

The row's version is read first; then it is decided what Stripe says (from the payload when that is newer than all we
heard, else by asking); then it is written on that version. A conflict starts again from the read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Literal

from chalicelib import log
from chalicelib.domain.facts import Fact, InvoiceAtStripe, StripeSaysInvoice, StripeSaysSubscription
from chalicelib.domain.from_stripe import UnknownPrice, UnknownSubscription, standing
from chalicelib.gateways.stripe import StripeRefused, StripeUnavailable
from chalicelib.gateways.stripe_reader import (
    StripeEvent,
    Unreadable,
    customer_of,
    read_invoice,
    read_subscription,
)
from chalicelib.lifecycle import Telling, again_while_stale, must_load, settle
from chalicelib.store import accounts, parked
from chalicelib.store.accounts import Loaded
from chalicelib.wiring import World

Outcome = Literal["applied", "duplicate", "ignored", "parked"]
Hear = Callable[[World, StripeEvent, Loaded], "Telling | None"]

FIRST_RETRY = timedelta(minutes=5)


class Unusable(Exception):
    """The event cannot be applied yet. The reason is a code."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def hear(world: World, event: StripeEvent) -> Outcome:
    """Applies the event or parks it durably. Raises the table's errors: then it is nowhere, and Stripe must send
    it again."""
    if event.type not in HEARD:
        return "ignored"
    try:
        return hear_now(world, event)
    except Unusable as unusable:
        _park(world, event, unusable.reason)
        return "parked"


def hear_now(world: World, event: StripeEvent) -> Outcome:
    """As `hear`, but raises Unusable instead of parking."""
    with _unusable():
        account_id = account_of_customer(world, customer_of(event.thing))
        return again_while_stale(lambda: _once(world, event, account_id))


@contextmanager
def _unusable() -> Iterator[None]:
    """What keeps an event from being applied, as a reason to park it under."""
    try:
        yield
    except UnknownPrice as error:
        raise Unusable("unknown_price") from error
    except Unreadable as error:
        log.problem("event_unreadable", error)
        raise Unusable("unreadable") from error
    except StripeUnavailable as error:
        raise Unusable("stripe_unavailable") from error
    except StripeRefused as error:
        raise Unusable(f"stripe_refused:{error.code}") from error


def account_of_customer(world: World, customer_id: str | None) -> str:
    if customer_id is None:
        raise Unusable("no_customer")
    known = world.customers.get(customer_id)
    if known is None:
        known = accounts.account_of_customer(world.table, customer_id)
        if known is None:
            raise Unusable("unknown_customer")
        world.customers[customer_id] = known
    return known


def _once(world: World, event: StripeEvent, account_id: str) -> Outcome:
    loaded = must_load(world, account_id)
    telling = HEARD[event.type](world, event, loaded)
    if telling is None:
        return "ignored"
    if telling.outcome != "unchanged":
        return telling.outcome
    if telling.loaded is loaded and accounts.was_told(world.table, account_id, event.id):
        return "duplicate"
    return "applied"


def _subscription(world: World, event: StripeEvent, loaded: Loaded) -> Telling:
    said = read_subscription(event.thing, event.created)
    known = loaded.account.subscriptions.get(said.id)
    match standing(known, event.created, event.id):
        case "repeat":
            return Telling("duplicate", loaded)
        case "news":
            fact = StripeSaysSubscription(subscription=said, as_of=event.created, event_id=event.id)
        case "ask":
            if accounts.was_told(world.table, loaded.account.id, event.id):
                return Telling("duplicate", loaded)
            asked = world.stripe.subscription(said.id)
            fact = replace(asked, as_of=max(asked.as_of, event.created))
    return _settle(world, loaded, fact, event)


def _invoice(world: World, event: StripeEvent, loaded: Loaded) -> Telling | None:
    failed = event.created if event.type == "invoice.payment_failed" else None
    invoice = read_invoice(event.thing, failed)
    if invoice is None:
        return None
    return _settle_invoice(world, loaded, invoice, event.id)


def _settle_invoice(
    world: World, loaded: Loaded, invoice: InvoiceAtStripe, event_id: str
) -> Telling:
    fact = StripeSaysInvoice(invoice=invoice)
    try:
        return settle(world, loaded, fact, id=event_id, by="stripe")
    except UnknownSubscription:
        # It came before its subscription did: Stripe is asked for that first.
        asked = world.stripe.subscription(invoice.subscription_id)
        first = settle(world, loaded, asked, id=f"{event_id}.subscription", by="stripe")
        return settle(world, first.loaded, fact, id=event_id, by="stripe")


def _settle(world: World, loaded: Loaded, fact: Fact, event: StripeEvent) -> Telling:
    return settle(world, loaded, fact, id=event.id, by="stripe")


HEARD: Mapping[str, Hear] = {
    "customer.subscription.created": _subscription,
    "customer.subscription.updated": _subscription,
    "customer.subscription.deleted": _subscription,
    "customer.subscription.paused": _subscription,
    "customer.subscription.resumed": _subscription,
    # What was paid carries access; a failed charge begins the grace; a written-off invoice settles no more.
    "invoice.paid": _invoice,
    "invoice.payment_failed": _invoice,
    "invoice.voided": _invoice,
    "invoice.marked_uncollectible": _invoice,
}
"""Every event type we act on. Any other is ignored, with 200: Stripe disables endpoints that refuse."""


def _park(world: World, event: StripeEvent, reason: str) -> None:
    now = world.clock.now()
    thing_id = event.thing.get("id")
    parked.park(
        world.table,
        parked.ParkedEvent(
            event_id=event.id,
            type=event.type,
            created=event.created,
            object_id=thing_id if isinstance(thing_id, str) else None,
            customer_id=customer_of(event.thing),
            reason=reason,
            parked_at=now,
        ),
        now + FIRST_RETRY,
        world.settings.due_shards,
    )
    log.event("event_parked", event_id=event.id, type=event.type, reason=reason)


def retry_parked(world: World, event: parked.ParkedEvent) -> Outcome:
    """Tries a parked event again: its object is asked for at Stripe, so neither its age nor its shape matters.

    Raises Unusable when it still cannot be applied.
    """
    if event.type not in HEARD or event.object_id is None:
        raise Unusable("unreadable")
    with _unusable():
        account_id = account_of_customer(world, event.customer_id)
        return again_while_stale(lambda: _retry_once(world, event, account_id))


def _retry_once(world: World, event: parked.ParkedEvent, account_id: str) -> Outcome:
    assert event.object_id is not None
    loaded = must_load(world, account_id)
    if event.type.startswith("invoice."):
        invoice = world.stripe.invoice(event.object_id)
        if invoice is None:
            return "ignored"
        telling = _settle_invoice(world, loaded, invoice, event.event_id)
    else:
        asked = world.stripe.subscription(event.object_id)
        telling = settle(world, loaded, asked, id=event.event_id, by="stripe")
    return "applied" if telling.outcome == "unchanged" else telling.outcome
