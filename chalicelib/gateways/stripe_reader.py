"""Stripe's words into ours, whatever API version spoke. Pure: plain JSON in, records out; no `stripe` import.

Two shapes of a subscription are alive: periods on the subscription (before 2025-03-31.basil), or on its items
(after). One reader takes both. What it cannot read for certain raises Unreadable: such an event is parked, never
guessed at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from chalicelib.domain.facts import InvoiceAtStripe, SubscriptionAtStripe
from chalicelib.domain.moments import from_unix
from chalicelib.domain.money import Money
from chalicelib.domain.top_ups import TITLES, PaidCheckout

Json = Mapping[str, Any]
T = TypeVar("T")

LONGEST_ID = 255
LEAVES_AT = "lapse_leaves_at"
"""What we write on a subscription whose customer leaves with the contract: when."""

LATEST_SECOND = 221_845_392_000
"""The year 9000: later than any instant of Stripe's, and early enough to add a year or a contract to it."""


class Unreadable(Exception):
    """Stripe sent something whose meaning is not certain. The message says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeEvent:
    id: str
    type: str
    created: datetime
    thing: Json
    livemode: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentMethod:
    """What may be shown of a payment method, and what support compares. Never stored, never logged."""

    brand: str | None
    last4: str | None
    exp_month: int | None
    exp_year: int | None
    address: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledInvoice:
    """A row of the billing history. Money in minor units."""

    id: str
    number: str | None
    created: datetime
    status: str
    total: int
    currency: str
    link: str | None
    pdf: str | None


def read_payment_method(thing: Json, customers_address: Any = None) -> PaymentMethod:
    card = thing.get("card")
    card = card if isinstance(card, dict) else {}
    details = thing.get("billing_details")
    address = details.get("address") if isinstance(details, dict) else None
    address = _filled(address) or _filled(customers_address)
    return PaymentMethod(
        brand=_text_or_none(card.get("brand")) or _text_or_none(thing.get("type")),
        last4=_text_or_none(card.get("last4")),
        exp_month=_amount(card.get("exp_month")) or None,
        exp_year=_amount(card.get("exp_year")) or None,
        address=address,
    )


def _filled(address: Any) -> dict[str, str]:
    known = address if isinstance(address, dict) else {}
    return {name: value for name, value in known.items() if isinstance(value, str) and value}


def read_billed_invoice(thing: Json) -> BilledInvoice:
    return BilledInvoice(
        id=_id(thing),
        number=_text_or_none(thing.get("number")),
        created=_instant(thing, "created"),
        status=_text_or_none(thing.get("status")) or "draft",
        total=_amount(thing.get("total")),
        currency=_text(thing, "currency"),
        link=_text_or_none(thing.get("hosted_invoice_url")),
        pdf=_text_or_none(thing.get("invoice_pdf")),
    )


def read_event(body: Any) -> StripeEvent:
    """The envelope. Raises Unreadable for anything that is no snapshot event."""
    if not isinstance(body, dict) or body.get("object") != "event":
        raise Unreadable("not a Stripe event")
    data = _of(body, "data", dict)
    return StripeEvent(
        id=_id(body),
        type=_text(body, "type"),
        created=_instant(body, "created"),
        thing=_of(data, "object", dict),
        livemode=body.get("livemode") is True,
    )


def customer_of(thing: Json) -> str | None:
    """The customer's id, be it plain, expanded or deleted."""
    return reference(thing.get("customer"))


def read_subscription(thing: Json, seen_at: datetime) -> SubscriptionAtStripe:
    """`seen_at` stands in for the moment of a pause that old versions do not tell."""
    items = _items(thing)
    price = _price(items[0])
    status = _text(thing, "status")
    details = thing.get("cancellation_details")
    details = details if isinstance(details, dict) else {}
    customer = customer_of(thing)
    if customer is None:
        raise Unreadable("a subscription without a customer")
    return SubscriptionAtStripe(
        id=_id(thing),
        customer_id=customer,
        status=status,
        price_id=_text(price, "id"),
        lookup_key=price.get("lookup_key") if isinstance(price.get("lookup_key"), str) else None,
        interval=_interval(price),
        price_minor=_amount(price.get("unit_amount", price.get("amount"))),
        quantity=_amount(items[0].get("quantity")) or 1,
        started_at=_instant(thing, *(k for k in ("start_date", "start", "created") if k in thing)),
        period_start=_period(thing, items, "current_period_start"),
        period_end=_period(thing, items, "current_period_end"),
        cancel_at=_instant_or_none(thing, "cancel_at"),
        cancel_at_period_end=thing.get("cancel_at_period_end") is True,
        canceled_at=_instant_or_none(thing, "canceled_at"),
        ended_at=_ended_at(thing, status, seen_at),
        suspended_at=_paused_at(thing, seen_at) if status == "paused" else None,
        trial_ends_at=_instant_or_none(thing, "trial_end"),
        cancel_reason=_text_or_none(details.get("reason")),
        cancel_feedback=_text_or_none(details.get("feedback")),
        says_leaving=_says_leaving(thing.get("metadata")),
    )


def _says_leaving(metadata: Any) -> bool:
    return isinstance(metadata, dict) and bool(metadata.get(LEAVES_AT))


def read_invoice(thing: Json, failed_at: datetime | None = None) -> InvoiceAtStripe | None:
    """The invoice, or None when it belongs to no subscription. `failed_at`: the event says a charge failed."""
    subscription = _subscription_of_invoice(thing)
    if subscription is None:
        return None
    customer = customer_of(thing)
    if customer is None:
        raise Unreadable("an invoice without a customer")
    return InvoiceAtStripe(
        id=_id(thing),
        customer_id=customer,
        subscription_id=subscription,
        status=_text(thing, "status"),
        covers_until=_covers_until(thing),
        amount_due=_amount(thing.get("amount_due")),
        failed_at=failed_at or _first_failure(thing),
    )


def _items(thing: Json) -> list[Json]:
    items = thing.get("items")
    data = items.get("data") if isinstance(items, dict) else None
    if not isinstance(data, list) or not data or not all(isinstance(i, dict) for i in data):
        raise Unreadable("a subscription without items")
    return data


def _price(item: Json) -> Json:
    for name in ("price", "plan"):
        if isinstance(item.get(name), dict):
            return _of(item, name, dict)
    raise Unreadable("a subscription item without a price")


def _interval(price: Json) -> str:
    recurring = price.get("recurring")
    source = recurring if isinstance(recurring, dict) else price
    return _text_or_none(source.get("interval")) or "month"


def _period(thing: Json, items: list[Json], name: str) -> datetime:
    """On the items since basil (the earliest end counts), at the top before."""
    if any(name in item for item in items):
        return min(_instant(item, name) for item in items)
    if name in thing:
        return _instant(thing, name)
    raise Unreadable(f"no {name} on the subscription or its items")


def _ended_at(thing: Json, status: str, seen_at: datetime) -> datetime | None:
    ended = _instant_or_none(thing, "ended_at")
    return seen_at if status == "canceled" and ended is None else ended


def _paused_at(thing: Json, seen_at: datetime) -> datetime:
    details = thing.get("status_details")
    paused = details.get("paused") if isinstance(details, dict) else None
    if isinstance(paused, dict) and paused.get("transitioned_at") is not None:
        return _instant(paused, "transitioned_at")
    return seen_at


def is_for_a_wallet(session: Json) -> bool:
    """Whether this Checkout session is one that we made for a wallet. Any other is nobody's business here."""
    metadata = session.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    ours = metadata.get("purpose") in TITLES and isinstance(metadata.get("account_id"), str)
    return ours and session.get("mode") == "payment"


def read_checkout(session: Json) -> PaidCheckout | None:
    """The payment for a wallet, or None: not ours, or not paid (yet)."""
    if not is_for_a_wallet(session) or session.get("payment_status") != "paid":
        return None
    metadata = _of(session, "metadata", dict)
    amount = _amount(session.get("amount_total"))
    if amount <= 0:
        raise Unreadable("a paid session without an amount")
    return PaidCheckout(
        id=_text(session, "id"),
        customer_id=customer_of(session),
        account_id=_text(metadata, "account_id"),
        purpose=_text(metadata, "purpose"),
        amount=Money(amount, _text(session, "currency")),
        payment_intent=reference(session.get("payment_intent")),
    )


def is_one_off(invoice: Json) -> bool:
    """Whether it belongs to no subscription: a top-up, a single charge."""
    return _subscription_of_invoice(invoice) is None


def _subscription_of_invoice(thing: Json) -> str | None:
    parent = thing.get("parent")
    details = parent.get("subscription_details") if isinstance(parent, dict) else None
    nested = details.get("subscription") if isinstance(details, dict) else None
    return reference(nested) or reference(thing.get("subscription"))


def _covers_until(thing: Json) -> datetime:
    lines = thing.get("lines")
    data = lines.get("data") if isinstance(lines, dict) else None
    if not isinstance(data, list) or not data or not all(isinstance(line, dict) for line in data):
        raise Unreadable("an invoice without lines")
    plain = [line for line in data if not _is_proration(line)]
    return max(_instant(_of(line, "period", dict), "end") for line in plain or data)


def _is_proration(line: Json) -> bool:
    if line.get("proration") is True:
        return True
    parent = line.get("parent")
    details = parent.get("subscription_item_details") if isinstance(parent, dict) else None
    return isinstance(details, dict) and details.get("proration") is True


def _first_failure(thing: Json) -> datetime | None:
    """Asked for an open invoice that was tried: its first try came when it was finalized."""
    attempts = thing.get("attempt_count")
    if thing.get("status") != "open" or not isinstance(attempts, int) or attempts < 1:
        return None
    moments = thing.get("status_transitions")
    finalized = moments.get("finalized_at") if isinstance(moments, dict) else None
    return from_unix(finalized) if isinstance(finalized, int) else _instant(thing, "created")


def reference(value: Any) -> str | None:
    """An id, be it plain or inside an expanded object."""
    inner = value.get("id") if isinstance(value, dict) else value
    return _id({"id": inner}) if inner else None


def _id(source: Json) -> str:
    """An id becomes part of a key: its length and its letters are Stripe's, or it is none."""
    found = _of(source, "id", str)
    if not found or len(found) > LONGEST_ID or not (found.isascii() and found.isprintable()):
        raise Unreadable("id is empty, too long or not of plain letters")
    return found


def _of(source: Json, name: str, kind: type[T]) -> T:
    value = source.get(name)
    if not isinstance(value, kind):
        raise Unreadable(f"{name} is no {kind.__name__}")
    return value


def _text(source: Json, name: str) -> str:
    value = _of(source, name, str)
    if not value or len(value) > 500 or not value.isprintable():
        raise Unreadable(f"{name} is empty, too long or not printable")
    return value


def _text_or_none(value: Any) -> str | None:
    return value[:500] if isinstance(value, str) and value.isprintable() else None


def _instant(source: Json, *names: str) -> datetime:
    for name in names:
        value = source.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LATEST_SECOND:
            return from_unix(value)
    raise Unreadable(f"{' or '.join(names) or 'a date'} is no instant")


def _instant_or_none(source: Json, name: str) -> datetime | None:
    return None if source.get(name) is None else _instant(source, name)


def _amount(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
