"""Stripe's words into ours, whatever API version spoke. Pure: plain JSON in, records out; no `stripe` import.

Two shapes of a subscription are alive: periods on the subscription (before 2025-03-31.basil), or on its items
(after); the oldest have a `plan` where a price is today. One reader takes all, back to 2018. What it cannot read for
certain raises Unreadable: such an event is parked, never guessed at. Tried again, its object is asked for in the
version that we speak.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, TypeVar

from chalicelib.domain.facts import InvoiceAtStripe, ItemAtStripe, SubscriptionAtStripe
from chalicelib.domain.moments import from_rfc3339, from_unix
from chalicelib.domain.money import Money
from chalicelib.domain.top_ups import TITLES, PaidCheckout

Json = Mapping[str, Any]
T = TypeVar("T")

LONGEST_ID = 255
MOST_INTERVALS = {"day": 1095, "week": 156, "month": 36, "year": 3}
"""Three years are the longest that Stripe bills for at once."""
LEAVES_AT = "lapse_leaves_at"
"""What we write on a subscription whose customer leaves with the contract: when."""

LATEST_SECOND = 221_845_392_000
"""The year 9000: later than any instant of Stripe's, and early enough to add a year or a contract to it."""


class Unreadable(Exception):
    """Stripe sent something whose meaning is not certain. The message says what."""


class Incomplete(Unreadable):
    """Only the first part of a list came along."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeEvent:
    id: str
    type: str
    """In the words of a snapshot event, whichever way it came."""
    created: datetime
    thing: Json | None
    """The object as it was, or None where the event only names it."""
    object_id: str | None
    livemode: bool | None
    """None where it does not say."""
    of_connected_account: bool = False


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


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerAtStripe:
    id: str
    email: str | None
    currency: str | None
    metadata: Mapping[str, str]


def read_customer(thing: Json) -> CustomerAtStripe:
    metadata = thing.get("metadata")
    return CustomerAtStripe(
        id=_id(thing),
        email=_text_or_none(thing.get("email")),
        currency=_text_or_none(thing.get("currency")),
        metadata=_filled(metadata),
    )


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
    """The envelope, of a snapshot or of a thin event. Raises Unreadable for anything else."""
    kind = body.get("object") if isinstance(body, dict) else None
    if kind == "event":
        return _snapshot(body)
    if kind == "v2.core.event":
        return _thin(body)
    raise Unreadable("not a Stripe event")


def _snapshot(body: Json) -> StripeEvent:
    data = _of(body, "data", dict)
    thing = _of(data, "object", dict)
    return StripeEvent(
        id=_id(body),
        type=_text(body, "type"),
        created=_instant(body, "created"),
        thing=thing,
        object_id=id_or_none(thing.get("id")),
        livemode=_yes_or_no(body.get("livemode")),
        of_connected_account=body.get("account") is not None,
    )


THIN_OF_V1 = "v1."
"""How the type of a thin event begins that is about one of the objects we know."""


def _thin(body: Json) -> StripeEvent:
    """It names its object and says nothing of it. One of our own account may name a `context` too, so that tells
    nothing: our key finds what is ours."""
    related = body.get("related_object")
    return StripeEvent(
        id=_id(body),
        type=_text(body, "type").removeprefix(THIN_OF_V1),
        created=_rfc3339(body, "created"),
        thing=None,
        object_id=id_or_none(related.get("id")) if isinstance(related, dict) else None,
        livemode=_yes_or_no(body.get("livemode")),
    )


def _yes_or_no(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def customer_of(thing: Json) -> str | None:
    """The customer's id, be it plain, expanded or deleted."""
    return reference(thing.get("customer"))


def read_subscription(thing: Json, seen_at: datetime) -> SubscriptionAtStripe:
    """`seen_at` stands in for the moment of a pause that old versions do not tell."""
    items = _items(thing)
    first, *others = (_item(one) for one in items)
    status = _text(thing, "status")
    details = thing.get("cancellation_details")
    details = details if isinstance(details, dict) else {}
    customer = customer_of(thing)
    if customer is None:
        raise Unreadable("a subscription without a customer")
    period_start, period_end = _period(thing, items)
    return SubscriptionAtStripe(
        id=_id(thing),
        customer_id=customer,
        status=status,
        price_id=first.price_id,
        lookup_key=first.lookup_key,
        interval=first.interval,
        interval_count=first.interval_count,
        price_minor=first.price_minor,
        quantity=first.quantity,
        other_items=tuple(others),
        # `start`, the oldest word, is the moment of its last change.
        started_at=_instant(thing, *(k for k in ("start_date", "created", "start") if k in thing)),
        period_start=period_start,
        period_end=period_end,
        cancel_at=_instant_or_none(thing, "cancel_at"),
        cancel_at_period_end=_said_yes(thing, "cancel_at_period_end"),
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
        status=_status_of_invoice(thing),
        covers_until=_covers_until(thing),
        amount_due=_amount(thing.get("amount_due")),
        failed_at=failed_at or _first_failure(thing),
    )


def _items(thing: Json) -> list[Json]:
    items = thing.get("items")
    data = items.get("data") if isinstance(items, dict) else None
    if not isinstance(data, list) or not data or not all(isinstance(i, dict) for i in data):
        raise Unreadable("a subscription without items")
    if has_more(items):
        raise Incomplete("a subscription with more items than came along")
    return data


def has_more(listed: Any) -> bool:
    """Whether a list inside an object goes on at Stripe."""
    return isinstance(listed, dict) and listed.get("has_more") not in (False, None)


def _item(item: Json) -> ItemAtStripe:
    price = _price(item)
    interval, count = _interval(price)
    return ItemAtStripe(
        price_id=_text(price, "id"),
        lookup_key=price.get("lookup_key") if isinstance(price.get("lookup_key"), str) else None,
        interval=interval,
        interval_count=count,
        price_minor=_unit_amount(price),
        quantity=_quantity(item),
    )


def _price(item: Json) -> Json:
    for name in ("price", "plan"):
        if isinstance(item.get(name), dict):
            return _of(item, name, dict)
    raise Unreadable("a subscription item without a price")


def _interval(price: Json) -> tuple[str, int]:
    recurring = price.get("recurring")
    source = recurring if isinstance(recurring, dict) else price
    interval, count = _text(source, "interval"), source.get("interval_count", 1)
    most = MOST_INTERVALS.get(interval, 1)
    if not isinstance(count, int) or isinstance(count, bool) or not 1 <= count <= most:
        raise Unreadable("interval_count is no count")
    return interval, count


def _unit_amount(price: Json) -> int:
    """In minor units; 0 for a price in tiers, which has no amount of its own."""
    amount = price.get("unit_amount", price.get("amount"))
    if amount is None and isinstance(price.get("unit_amount_decimal"), str):
        return _rounded(price["unit_amount_decimal"])
    if amount is not None and (not isinstance(amount, int) or isinstance(amount, bool)):
        raise Unreadable("a price that is no whole amount")
    return amount or 0


def _rounded(decimal: str) -> int:
    if not re.fullmatch(r"-?\d{1,15}(\.\d{1,12})?", decimal, re.ASCII):
        raise Unreadable("unit_amount_decimal is no amount")
    return int(Decimal(decimal).quantize(Decimal(1), ROUND_HALF_UP))


def _quantity(item: Json) -> int:
    """One of what is billed by usage, which says none."""
    quantity = item.get("quantity")
    if quantity is None:
        return 1
    if not isinstance(quantity, int) or isinstance(quantity, bool) or quantity < 0:
        raise Unreadable("quantity is no count")
    return quantity


def _period(thing: Json, items: list[Json]) -> tuple[datetime, datetime]:
    """On the items since basil: of several, the period that ends first. At the top before."""
    start, end = "current_period_start", "current_period_end"
    if any(name in item for item in items for name in (start, end)):
        periods = [(_instant(item, start), _instant(item, end)) for item in items]
        return min(periods, key=lambda period: (period[1], -period[0].timestamp()))
    if start in thing and end in thing:
        return _instant(thing, start), _instant(thing, end)
    raise Unreadable("no current period on the subscription or its items")


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
    purpose = metadata.get("purpose")
    ours = isinstance(purpose, str) and purpose in TITLES
    ours = ours and isinstance(metadata.get("account_id"), str)
    return ours and session.get("mode") == "payment"


def read_checkout(session: Json) -> PaidCheckout | None:
    """The payment for a wallet, or None: not ours, or not paid (yet)."""
    if not is_for_a_wallet(session):
        return None
    status = session.get("payment_status")
    if status in ("unpaid", "no_payment_required"):
        return None
    if status != "paid":
        raise Unreadable("a payment_status that we do not know")
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
    """In its `parent` since basil, at the top before. An invoice that says neither yes nor no is unreadable: taken for
    a single charge, a paid period would be lost."""
    if thing.get("subscription") is not None:
        return reference(thing["subscription"])
    if "parent" not in thing:
        if "subscription" not in thing:
            raise Unreadable("an invoice that does not say what it is for")
        return None
    if thing["parent"] is None:
        return None
    parent = _of(thing, "parent", dict)
    if parent.get("subscription_details") is None and parent.get("type") != "subscription_details":
        return None
    return reference(_of(parent, "subscription_details", dict).get("subscription"))


def _status_of_invoice(thing: Json) -> str:
    """Before 2018-11-08 there was no status: `paid`, `forgiven` and `attempted` told it."""
    if thing.get("status") is not None or "paid" not in thing:
        return _text(thing, "status")
    if thing["paid"] is True:
        return "paid"
    if thing.get("forgiven") is True:
        return "uncollectible"
    if thing["paid"] is not False or thing.get("closed") is not False:
        raise Unreadable("an invoice that is closed, and not paid")
    return "open" if thing.get("attempted") is True else "draft"


def _covers_until(thing: Json) -> datetime:
    lines = thing.get("lines")
    data = lines.get("data") if isinstance(lines, dict) else None
    if not isinstance(data, list) or not data or not all(isinstance(line, dict) for line in data):
        raise Unreadable("an invoice without lines")
    if has_more(lines):
        raise Incomplete("an invoice with more lines than came along")
    plain = [line for line in data if not _is_proration(line)]
    # What was added by hand may have any period; it is none of the subscription's.
    billed = [line for line in plain if _is_of_a_subscription(line)]
    return max(_instant(_of(line, "period", dict), "end") for line in billed or plain or data)


def _is_of_a_subscription(line: Json) -> bool:
    parent = line.get("parent")
    kind = parent.get("type") if isinstance(parent, dict) else line.get("type")
    return kind in ("subscription_item_details", "subscription")


def _is_proration(line: Json) -> bool:
    if line.get("proration") is True:
        return True
    parent = line.get("parent")
    details = parent.get("subscription_item_details") if isinstance(parent, dict) else None
    return isinstance(details, dict) and details.get("proration") is True


def _first_failure(thing: Json) -> datetime | None:
    """Asked for an open invoice that was tried: its first try came when it was finalized."""
    attempts = thing.get("attempt_count")
    if _status_of_invoice(thing) != "open" or not isinstance(attempts, int) or attempts < 1:
        return None
    moments = thing.get("status_transitions")
    finalized = moments.get("finalized_at") if isinstance(moments, dict) else None
    if finalized is not None:
        return _instant({"finalized_at": finalized}, "finalized_at")
    # `date` is what `created` was called before 2019-03-14.
    return _instant(thing, "created", "date")


def reference(value: Any) -> str | None:
    """An id, be it plain or inside an expanded object."""
    inner = value.get("id") if isinstance(value, dict) else value
    return _id({"id": inner}) if inner else None


def id_or_none(value: Any) -> str | None:
    """An event must not be lost because what it is about has no readable name."""
    try:
        return reference(value)
    except Unreadable:
        return None


def _said_yes(source: Json, name: str) -> bool:
    """Missing is no; anything but yes or no is unreadable."""
    value = source.get(name)
    if value is None:
        return False
    return _of(source, name, bool)


def _rfc3339(source: Json, name: str) -> datetime:
    """To the second: what is cut off makes it a tie at worst, and then Stripe is asked."""
    try:
        found = from_rfc3339(_of(source, name, str))
    except ValueError as error:
        raise Unreadable(f"{name} is no instant") from error
    return _instant({name: int(found.timestamp())}, name)


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


def instant(value: Any) -> datetime:
    return _instant({"instant": value}, "instant")


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
