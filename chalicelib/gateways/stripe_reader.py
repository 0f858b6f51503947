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

Json = Mapping[str, Any]
T = TypeVar("T")

LATEST_SECOND = 253_402_300_799
"""31 December 9999: no instant of Stripe's lies beyond what a date can hold."""


class Unreadable(Exception):
    """Stripe sent something whose meaning is not certain. The message says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeEvent:
    id: str
    type: str
    created: datetime
    thing: Json
    livemode: bool


def read_event(body: Any) -> StripeEvent:
    """The envelope. Raises Unreadable for anything that is no snapshot event."""
    if not isinstance(body, dict) or body.get("object") != "event":
        raise Unreadable("not a Stripe event")
    data = _of(body, "data", dict)
    return StripeEvent(
        id=_text(body, "id"),
        type=_text(body, "type"),
        created=_instant(body, "created"),
        thing=_of(data, "object", dict),
        livemode=body.get("livemode") is True,
    )


def customer_of(thing: Json) -> str | None:
    """The customer's id, be it plain, expanded or deleted."""
    return _reference(thing.get("customer"))


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
        id=_text(thing, "id"),
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
    )


def read_invoice(thing: Json, failed_at: datetime | None = None) -> InvoiceAtStripe | None:
    """The invoice, or None when it belongs to no subscription. `failed_at`: the event says a charge failed."""
    subscription = _subscription_of_invoice(thing)
    if subscription is None:
        return None
    customer = customer_of(thing)
    if customer is None:
        raise Unreadable("an invoice without a customer")
    return InvoiceAtStripe(
        id=_text(thing, "id"),
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
    if isinstance(paused, dict) and "transitioned_at" in paused:
        return _instant(paused, "transitioned_at")
    return seen_at


def _subscription_of_invoice(thing: Json) -> str | None:
    parent = thing.get("parent")
    details = parent.get("subscription_details") if isinstance(parent, dict) else None
    nested = details.get("subscription") if isinstance(details, dict) else None
    return _reference(nested) or _reference(thing.get("subscription"))


def _covers_until(thing: Json) -> datetime:
    lines = thing.get("lines")
    data = lines.get("data") if isinstance(lines, dict) else None
    if not isinstance(data, list) or not data:
        raise Unreadable("an invoice without lines")
    plain = [line for line in data if isinstance(line, dict) and not _is_proration(line)]
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


def _reference(value: Any) -> str | None:
    """An id, be it plain or inside an expanded object."""
    inner = value.get("id") if isinstance(value, dict) else value
    if not isinstance(inner, str) or not inner:
        return None
    if len(inner) > 255 or not inner.isprintable():
        raise Unreadable("an id that is too long or not printable")
    return inner


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
