"""Hears a Stripe event: applied, a duplicate, ignored, or parked. Never lost, never out of order.

The row's version is read first; then it is decided what Stripe says (from the payload when that is newer than all we
heard, else by asking); then it is written on that version. A conflict starts again from the read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from chalicelib import log
from chalicelib.disputing import hear_dispute
from chalicelib.domain import top_ups
from chalicelib.domain.facts import InvoiceAtStripe, StripeSaysInvoice, StripeSaysSubscription
from chalicelib.domain.from_stripe import UnknownPrice, UnknownSubscription, standing
from chalicelib.domain.ledger import Unbookable
from chalicelib.domain.top_ups import PaidCheckout
from chalicelib.gateways.stripe import StripeRefused, StripeUnavailable
from chalicelib.gateways.stripe_reader import (
    StripeEvent,
    Unreadable,
    customer_of,
    is_for_a_wallet,
    is_one_off,
    read_checkout,
    read_invoice,
    read_subscription,
    reference,
)
from chalicelib.lifecycle import Telling, again_while_stale, must_load, settle
from chalicelib.refunding import NotCreditedYet, OtherCustomer, hear_charge
from chalicelib.store import accounts, parked, wallet
from chalicelib.store.accounts import Loaded
from chalicelib.wiring import World

Outcome = Literal["applied", "duplicate", "ignored", "parked"]
Hear = Callable[[World, StripeEvent, Loaded], "Telling | None"]

FIRST_RETRY = timedelta(minutes=5)
INVOICES = "invoice."
CHECKOUTS = "checkout.session"
DISPUTES, CHARGE_REFUNDED = "charge.dispute.", "charge.refunded"
REFUNDS = ("refund.", "charge.refund.", CHARGE_REFUNDED)


class Unusable(Exception):
    """The event cannot be applied yet. The reason is a code."""

    def __init__(self, reason: str, customer_id: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.customer_id = customer_id
        """Whose event it is, where the event itself does not say."""


def hear(world: World, event: StripeEvent) -> Outcome:
    """Applies the event or parks it durably. Raises the table's errors: then it is nowhere, and Stripe must send
    it again."""
    if event.type not in HEARD:
        return "ignored"
    try:
        return hear_now(world, event)
    except Unusable as unusable:
        park(world, event, unusable)
        return "parked"


def hear_now(world: World, event: StripeEvent) -> Outcome:
    """As `hear`, but raises Unusable instead of parking."""
    with _unusable():
        if event.type.startswith(INVOICES) and is_one_off(event.thing):
            return "ignored"
        if event.type.startswith(CHECKOUTS) and not is_for_a_wallet(event.thing):
            return "ignored"
        customer_id = customer_of(event.thing) or _payer(world, event.type, event.thing.get("id"))
        if customer_id is None and event.type.startswith((DISPUTES, *REFUNDS)):
            # Paid by somebody who is no customer at Stripe: nobody's subscription, nobody's wallet.
            return "ignored"
        account_id = account_of_customer(world, customer_id)
        return again_while_stale(lambda: _once(world, event, account_id))


def _payer(world: World, type: str, id: object) -> str | None:
    """Disputes and refunds name no customer: their charge does."""
    named = reference(id)
    if named is None or not type.startswith((DISPUTES, *REFUNDS)):
        return None
    return world.stripe.charge(_charge_of(world, type, named)).customer_id


def _charge_of(world: World, type: str, id: str) -> str:
    if type.startswith(DISPUTES):
        return world.stripe.dispute(id).charge_id
    return id if type == CHARGE_REFUNDED else world.stripe.refund(id).charge_id


@contextmanager
def _unusable() -> Iterator[None]:
    """What keeps an event from being applied, as a reason to park it under."""
    try:
        yield
    except UnknownPrice as error:
        raise Unusable("unknown_price") from error
    except UnknownSubscription as error:
        raise Unusable("unknown_subscription") from error
    except Unreadable as error:
        log.problem("event_unreadable", error)
        raise Unusable("unreadable") from error
    except OtherCustomer as error:
        raise Unusable("other_customer") from error
    except Unbookable as error:
        raise Unusable("unbookable") from error
    except NotCreditedYet as error:
        raise Unusable("not_credited_yet") from error
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
            raise Unusable("unknown_customer", customer_id)
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
            fact = _asked(world, loaded, said.id, event.created)
    return settle(world, loaded, fact, id=event.id, by="stripe")


def _asked(
    world: World, loaded: Loaded, subscription_id: str, created: datetime | None = None
) -> StripeSaysSubscription:
    """Stripe's word now. Its `Date` may lag behind the event it follows, which must not pass for news again."""
    said = world.stripe.subscription(subscription_id)
    if said.subscription.customer_id != loaded.account.stripe_customer_id:
        raise Unusable("other_customer")
    return said if created is None else replace(said, as_of=max(said.as_of, created))


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
        asked = _asked(world, loaded, invoice.subscription_id)
        first = settle(world, loaded, asked, id=f"{event_id}.subscription", by="stripe")
        return settle(world, first.loaded, fact, id=event_id, by="stripe")


def _checkout(world: World, event: StripeEvent, loaded: Loaded) -> Telling | None:
    return _credit_payment(world, loaded, read_checkout(event.thing), event.created)


def _credit_payment(
    world: World, loaded: Loaded, paid: PaidCheckout | None, at: datetime
) -> Telling | None:
    """M1-5: to the wallet, once per session, whichever of its events comes first and however often."""
    if paid is None:
        return None
    account = loaded.account
    if (paid.account_id, paid.customer_id) != (account.id, account.stripe_customer_id):
        raise Unusable("other_account")
    try:
        wallet.post(world.table, account.id, top_ups.posting(paid, at))
    except wallet.AlreadyBooked:
        return Telling("duplicate", loaded)
    except Unbookable as error:
        raise Unusable("unbookable") from error
    log.event("wallet_credited", account=account.id, session=paid.id)
    return Telling("applied", loaded)


def _dispute(world: World, event: StripeEvent, loaded: Loaded) -> Telling:
    return hear_dispute(world, loaded, _named(event), id=event.id)


def _refund(world: World, event: StripeEvent, loaded: Loaded) -> Telling:
    charge_id = _charge_of(world, event.type, _named(event))
    return hear_charge(world, loaded, charge_id, id=event.id)


def _named(event: StripeEvent) -> str:
    id = reference(event.thing.get("id"))
    if id is None:
        raise Unreadable("an object without an id")
    return id


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
    # A payment for the wallet, at once or after days. One that failed or expired changes nothing.
    "checkout.session.completed": _checkout,
    "checkout.session.async_payment_succeeded": _checkout,
    # Asked again, whatever they say: a dispute and a refund are what Stripe says they are now.
    "charge.dispute.created": _dispute,
    "charge.dispute.updated": _dispute,
    "charge.dispute.funds_withdrawn": _dispute,
    "charge.dispute.funds_reinstated": _dispute,
    "charge.dispute.closed": _dispute,
    "refund.created": _refund,
    "refund.updated": _refund,
    "refund.failed": _refund,
    "charge.refund.updated": _refund,
    "charge.refunded": _refund,
}
"""Every event type we act on. Any other is ignored, with 200: Stripe disables endpoints that refuse."""


def park(world: World, event: StripeEvent, unusable: Unusable) -> None:
    """Keeps it durably with the reason, to be tried again."""
    now = world.clock.now()
    parked.park(
        world.table,
        parked.ParkedEvent(
            event_id=event.id,
            type=event.type,
            created=event.created,
            object_id=_id_or_none(event.thing.get("id")),
            customer_id=_id_or_none(event.thing.get("customer")) or unusable.customer_id,
            reason=unusable.reason,
            parked_at=now,
        ),
        now + FIRST_RETRY,
        world.settings.due_shards,
    )
    log.event("event_parked", event_id=event.id, type=event.type, reason=unusable.reason)


def _id_or_none(value: object) -> str | None:
    """An event must not be lost because what it is about has no readable name."""
    try:
        return reference(value)
    except Unreadable:
        return None


def retry_parked(world: World, event: parked.ParkedEvent) -> Outcome:
    """Tries a parked event again: its object is asked for at Stripe, so neither its age nor its shape matters.

    Raises Unusable when it still cannot be applied.
    """
    if event.type not in HEARD or event.object_id is None:
        raise Unusable("unreadable")
    with _unusable():
        customer_id = event.customer_id or _payer(world, event.type, event.object_id)
        account_id = account_of_customer(world, customer_id)
        return again_while_stale(lambda: _retry_once(world, event, account_id))


def _retry_once(world: World, event: parked.ParkedEvent, account_id: str) -> Outcome:
    assert event.object_id is not None
    loaded = must_load(world, account_id)
    if event.type.startswith(INVOICES):
        invoice = world.stripe.invoice(event.object_id)
        if invoice is None:
            return "ignored"
        if invoice.customer_id != loaded.account.stripe_customer_id:
            raise Unusable("other_customer")
        telling = _settle_invoice(world, loaded, invoice, event.event_id)
    elif event.type.startswith(CHECKOUTS):
        paid = world.stripe.checkout(event.object_id)
        credited = _credit_payment(world, loaded, paid, event.created)
        return credited.outcome if credited and credited.outcome != "unchanged" else "ignored"
    elif event.type.startswith(DISPUTES):
        telling = hear_dispute(world, loaded, event.object_id, id=event.event_id)
    elif event.type.startswith(REFUNDS):
        charge_id = _charge_of(world, event.type, event.object_id)
        telling = hear_charge(world, loaded, charge_id, id=event.event_id)
    else:
        asked = _asked(world, loaded, event.object_id, event.created)
        telling = settle(world, loaded, asked, id=event.event_id, by="stripe")
    return "applied" if telling.outcome == "unchanged" else telling.outcome
