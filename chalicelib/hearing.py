"""Hears a Stripe event: applied, a duplicate, ignored, or parked. Never lost, never out of order.

The row's version is read first; then it is decided what Stripe says (from the payload when that is newer than all we
heard, else by asking); then it is written on that version. A conflict starts again from the read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from chalicelib import log, topping_up
from chalicelib.disputing import hear_dispute
from chalicelib.domain.facts import (
    InvoiceAtStripe,
    StripeSaysInvoice,
    StripeSaysSubscription,
    SubscriptionAtStripe,
)
from chalicelib.domain.from_stripe import (
    SeveralPlans,
    UnknownPrice,
    UnknownSubscription,
    may_be_overtaken,
    standing,
)
from chalicelib.domain.known_words import unknown_words
from chalicelib.domain.ledger import Unbookable
from chalicelib.domain.top_ups import PaidCheckout
from chalicelib.gateways.stripe import StripeRefused, StripeUnavailable
from chalicelib.gateways.stripe_reader import (
    Incomplete,
    Json,
    StripeEvent,
    Unreadable,
    customer_of,
    id_or_none,
    is_for_a_wallet,
    is_one_off,
    read_checkout,
    read_invoice,
    read_subscription,
)
from chalicelib.lifecycle import Telling, again_while_stale, must_load, settle
from chalicelib.refunding import NotCreditedYet, OtherCustomer, hear_charge
from chalicelib.store import accounts, parked
from chalicelib.store.accounts import Loaded
from chalicelib.topping_up import OtherAccount
from chalicelib.wiring import World

Outcome = Literal["applied", "duplicate", "ignored", "parked"]
Asked = Outcome | Literal["unchanged"]
"""What asking for an event's object came to: of one that says what we knew, nothing changed."""
Hear = Callable[[World, StripeEvent, Json, Loaded], "Telling | None"]

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
    if event.of_connected_account:
        # Another business, with customers of its own: nothing of ours.
        log.event("event_of_connected_account", event_id=event.id, type=event.type)
        return "ignored"
    try:
        return _hear_now(world, event)
    except Unusable as unusable:
        park(world, event, unusable)
        return "parked"


def _hear_now(world: World, event: StripeEvent) -> Outcome:
    """As `hear`, but raises Unusable instead of parking."""
    if event.livemode is not world.settings.livemode:
        # Not believed, and not lost: tried again, the object is asked for under our key, which sees one mode only.
        raise Unusable("other_mode")
    if event.thing is None:
        return _heard(_by_asking(world, _named_by(event)))
    try:
        return _from_payload(world, event, event.thing)
    except Incomplete:
        return _heard(_by_asking(world, _named_by(event)))
    except Unreadable as error:
        log.problem("event_unreadable", error, event_id=event.id, type=event.type)
        raise Unusable("unreadable") from error


def _heard(asked: Asked) -> Outcome:
    return "applied" if asked == "unchanged" else asked


def _from_payload(world: World, event: StripeEvent, thing: Json) -> Outcome:
    """Raises Unreadable when the payload does not tell for certain: what it is about is then asked for later."""
    if event.type.startswith(INVOICES) and is_one_off(thing):
        return "ignored"
    if event.type.startswith(CHECKOUTS) and not is_for_a_wallet(thing):
        return "ignored"
    with _unusable():
        customer_id = customer_of(thing)
        if customer_id is None and event.type.startswith((DISPUTES, *REFUNDS)):
            customer_id = _payer(world, event.type, _named(event))
            if customer_id is None:
                return "ignored"
        account_id = account_of_customer(world, customer_id)
        return again_while_stale(lambda: _once(world, event, thing, account_id))


def _payer(world: World, type: str, id: str) -> str | None:
    """Disputes and refunds name no customer: their charge does. None when it was paid by somebody who is no customer
    at Stripe: nobody's subscription, nobody's wallet."""
    return world.stripe.charge(_charge_of(world, type, id)).customer_id


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
    except SeveralPlans as error:
        raise Unusable("several_plans") from error
    except UnknownSubscription as error:
        raise Unusable("unknown_subscription") from error
    except OtherCustomer as error:
        raise Unusable("other_customer") from error
    except Unbookable as error:
        raise Unusable("unbookable") from error
    except OtherAccount as error:
        raise Unusable("other_account") from error
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


def _once(world: World, event: StripeEvent, thing: Json, account_id: str) -> Outcome:
    loaded = must_load(world, account_id)
    telling = HEARD[event.type](world, event, thing, loaded)
    if telling is None:
        return "ignored"
    if telling.outcome != "unchanged":
        return telling.outcome
    if telling.loaded is loaded and accounts.was_told(world.table, account_id, event.id):
        return "duplicate"
    return "applied"


def _subscription(world: World, event: StripeEvent, thing: Json, loaded: Loaded) -> Telling:
    said = read_subscription(thing, event.created)
    known = loaded.account.subscriptions.get(said.id)
    match standing(known, event.created, event.id):
        case "repeat":
            return Telling("duplicate", loaded)
        case "news":
            fact = StripeSaysSubscription(subscription=said, as_of=event.created, event_id=event.id)
            _say_if_unknown(said.id, said)
        case "ask":
            if accounts.was_told(world.table, loaded.account.id, event.id):
                return Telling("duplicate", loaded)
            # That this event was heard is written down also when it changed nothing: whoever holds an answer of Stripe's
            # from before it must find that the account has moved on (`lifecycle.confirm`).
            asked = _asked(world, loaded, said.id, event.created)
            fact = replace(asked, event_id=event.id)
    try:
        return settle(world, loaded, fact, id=event.id, by="stripe")
    except UnknownPrice:
        if said.lookup_key is not None or fact.subscription is not said:
            raise
        # Before 2020 there was a plan where a price is today, and it had no lookup key: asked today, it may have one.
        today = _asked(world, loaded, said.id, event.created)
        return settle(world, loaded, today, id=event.id, by="stripe")


def _asked(
    world: World, loaded: Loaded, subscription_id: str, created: datetime | None = None
) -> StripeSaysSubscription:
    """Stripe's word now. Its `Date` may lag behind the event it follows, which must not pass for news again."""
    said = world.stripe.subscription(subscription_id)
    _say_if_unknown(subscription_id, said.subscription)
    if said.subscription.customer_id != loaded.account.stripe_customer_id:
        raise Unusable("other_customer")
    return said if created is None else replace(said, as_of=max(said.as_of, created))


def _invoice(world: World, event: StripeEvent, thing: Json, loaded: Loaded) -> Telling | None:
    failed = event.created if event.type == "invoice.payment_failed" else None
    invoice = read_invoice(thing, failed)
    if invoice is None:
        return None
    if may_be_overtaken(loaded.account.subscriptions.get(invoice.subscription_id), invoice):
        asked = _asked_invoice(world, loaded, invoice.id)
        if asked is None:
            return None
        # When the charge failed the event knows, and nobody else.
        failed_at = failed if asked.failed_at else None
        return _settle_invoice(world, loaded, replace(asked, failed_at=failed_at), event.id, True)
    return _settle_invoice(world, loaded, invoice, event.id)


def _asked_invoice(world: World, loaded: Loaded, invoice_id: str) -> InvoiceAtStripe | None:
    invoice = world.stripe.invoice(invoice_id)
    if invoice is not None and invoice.customer_id != loaded.account.stripe_customer_id:
        raise Unusable("other_customer")
    return invoice


def _settle_invoice(
    world: World, loaded: Loaded, invoice: InvoiceAtStripe, event_id: str, asked: bool = False
) -> Telling:
    _say_if_unknown(invoice.id, invoice)
    fact = StripeSaysInvoice(invoice=invoice, asked=asked)
    try:
        return settle(world, loaded, fact, id=event_id, by="stripe")
    except UnknownSubscription:
        # It came before its subscription did: Stripe is asked for that first.
        said = _asked(world, loaded, invoice.subscription_id)
        first = settle(world, loaded, said, id=f"{event_id}.subscription", by="stripe")
        return settle(world, first.loaded, fact, id=event_id, by="stripe")


def _checkout(world: World, event: StripeEvent, thing: Json, loaded: Loaded) -> Telling | None:
    return _credit_payment(world, loaded, read_checkout(thing), event.created)


def _credit_payment(
    world: World, loaded: Loaded, paid: PaidCheckout | None, at: datetime
) -> Telling | None:
    if paid is None:
        return None
    is_news = topping_up.credit(world, loaded.account, paid, at)
    return Telling("applied" if is_news else "duplicate", loaded)


def _dispute(world: World, event: StripeEvent, _thing: Json, loaded: Loaded) -> Telling:
    return hear_dispute(world, loaded, _named(event), id=event.id)


def _refund(world: World, event: StripeEvent, _thing: Json, loaded: Loaded) -> Telling:
    charge_id = _charge_of(world, event.type, _named(event))
    return hear_charge(world, loaded, charge_id, id=event.id)


def _named(event: StripeEvent) -> str:
    if event.object_id is None:
        raise Unreadable("an object without an id")
    return event.object_id


class UnknownWord(Exception):
    """Stripe uses a word that we do not know. It is kept as it is; somebody should look what it means."""


def _say_if_unknown(about: str, said: SubscriptionAtStripe | InvoiceAtStripe) -> None:
    for word in unknown_words(said):
        log.problem("unknown_word_of_stripe", UnknownWord(word), about=about)


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
    named = id_or_none(event.thing.get("customer")) if event.thing else None
    parked.park(
        world.table,
        parked.ParkedEvent(
            event_id=event.id,
            type=event.type,
            created=event.created,
            object_id=event.object_id,
            customer_id=unusable.customer_id or named,
            reason=unusable.reason,
            parked_at=now,
        ),
        now + FIRST_RETRY,
        world.settings.due_shards,
    )
    log.event("event_parked", event_id=event.id, type=event.type, reason=unusable.reason)


def retry_parked(world: World, event: parked.ParkedEvent) -> Asked:
    """Tries a parked event again: its object is asked for at Stripe, so neither its age nor its shape matters.

    Raises Unusable when it still cannot be applied.
    """
    if event.type not in HEARD:
        raise Unusable("unreadable")
    named = Named(
        id=event.event_id,
        type=event.type,
        created=event.created,
        object_id=event.object_id,
        customer_id=event.customer_id,
    )
    return _by_asking(world, named)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What an event is about, when what it says of it is missing, old, or unreadable."""

    id: str
    type: str
    created: datetime
    object_id: str | None
    customer_id: str | None = None


def _named_by(event: StripeEvent) -> Named:
    return Named(id=event.id, type=event.type, created=event.created, object_id=event.object_id)


def _by_asking(world: World, event: Named) -> Asked:
    """Asks Stripe for the object as it is now, and applies that. Raises Unusable."""
    if event.object_id is None:
        raise Unusable("unreadable")
    try:
        with _unusable():
            customer_id = event.customer_id or _customer_at_stripe(
                world, event.type, event.object_id
            )
            if customer_id is None:
                return "ignored"
            account_id = account_of_customer(world, customer_id)
            return again_while_stale(lambda: _asked_once(world, event, account_id))
    except Unreadable as error:
        log.problem("object_unreadable", error, event_id=event.id, type=event.type)
        raise Unusable("unreadable") from error


def _customer_at_stripe(world: World, type: str, id: str) -> str | None:
    """Whose object it is; None when it is nobody's here: a single invoice, a Checkout that is not for a wallet or not
    paid, a payment by somebody who is no customer."""
    if type.startswith(INVOICES):
        invoice = world.stripe.invoice(id)
        return invoice.customer_id if invoice else None
    if type.startswith(CHECKOUTS):
        paid = world.stripe.checkout(id)
        if paid is not None and paid.customer_id is None:
            raise Unusable("no_customer")
        return paid.customer_id if paid else None
    if type.startswith((DISPUTES, *REFUNDS)):
        return _payer(world, type, id)
    return world.stripe.subscription(id).subscription.customer_id


def _asked_once(world: World, event: Named, account_id: str) -> Asked:
    assert event.object_id is not None
    loaded = must_load(world, account_id)
    if event.type.startswith(INVOICES):
        invoice = _asked_invoice(world, loaded, event.object_id)
        if invoice is None:
            return "ignored"
        telling = _settle_invoice(world, loaded, invoice, event.id, asked=True)
    elif event.type.startswith(CHECKOUTS):
        paid = world.stripe.checkout(event.object_id)
        credited = _credit_payment(world, loaded, paid, event.created)
        return credited.outcome if credited and credited.outcome != "unchanged" else "ignored"
    elif event.type.startswith(DISPUTES):
        telling = hear_dispute(world, loaded, event.object_id, id=event.id)
    elif event.type.startswith(REFUNDS):
        charge_id = _charge_of(world, event.type, event.object_id)
        telling = hear_charge(world, loaded, charge_id, id=event.id)
    else:
        if accounts.was_told(world.table, account_id, event.id):
            return "duplicate"
        asked = _asked(world, loaded, event.object_id, event.created)
        telling = settle(world, loaded, asked, id=event.id, by="stripe")
    return telling.outcome
