"""What Stripe is asked when everything is looked at: events nobody took, customers, subscriptions, page by page. A part
of `gateways.stripe`.

Every call here waits its turn (`pacing`). A page says where the next one begins, so that whoever walks can stop
anywhere and go on from there in another process.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Generic, TypeVar

from chalicelib.domain.disputes import DisputeAtStripe
from chalicelib.domain.drift import SubscriptionLookedAt
from chalicelib.domain.facts import InvoiceAtStripe, StripeSaysSubscription
from chalicelib.domain.refunds import RefundAtStripe
from chalicelib.domain.top_ups import PaidCheckout
from chalicelib.gateways.money_reader import read_dispute, read_refund
from chalicelib.gateways.pacing import NoPace, Pace
from chalicelib.gateways.stripe_reader import (
    CustomerAtStripe,
    Json,
    StripeEvent,
    Unreadable,
    customer_of,
    read_checkout,
    read_customer,
    read_event,
    read_invoice,
    read_subscription,
)

T = TypeVar("T")

EXPANDED = [
    "data.latest_invoice",
    "data.default_payment_method",
    "data.customer.invoice_settings.default_payment_method",
]
PAGE = 100
"""The most that Stripe gives at once."""
SHORTEST = timedelta(minutes=1)
"""A time this short is paged through rather than halved once more."""


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """A page of a list. `more`: something follows in the direction of reading."""

    things: tuple[T, ...]
    more: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedEvent:
    """An event as it stands in Stripe's list, and its content unless nobody could read it."""

    id: str
    type: str
    created: datetime | None
    event: StripeEvent | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OfCustomer(Generic[T]):
    """Something of a customer's, as it stands in a list. No thing: it cannot be read for certain, or is none of ours."""

    id: str
    customer_id: str | None
    thing: T | None


class ListsAtStripe:
    pace: Pace | NoPace = NoPace()

    def _call(self, ask: Callable[[Any], T], *, pays_back: bool = False) -> T:
        raise NotImplementedError

    def _whole(self, thing: Json) -> Json:
        raise NotImplementedError

    def _in_turn(self, ask: Callable[[Any], T]) -> T:
        self.pace.wait()
        return self._call(ask)

    def untaken_events_after(self, event_id: str, until: datetime) -> Listed[ListedEvent]:
        """The next events after this one that some endpoint of ours has not taken, oldest first, created before
        `until`. Raises StripeRefused (`resource_missing`) when Stripe has forgotten the one named."""
        reply = self._untaken({"ending_before": event_id, "created": {"lt": _unix(until)}})
        return Listed(_oldest_first(reply), bool(reply.has_more))

    def first_untaken_events(
        self, since: datetime, until: datetime
    ) -> tuple[Listed[ListedEvent], datetime]:
        """The oldest page of those created in [since, until), oldest first; and up to where the list was looked
        through for it. Stripe lists the newest first: the time is halved until one page holds the oldest of them."""
        too_many_until: datetime | None = None
        while True:
            span: dict[str, Any] = {"created": {"gte": _unix(since), "lt": _unix(until)}}
            reply = self._untaken(span)
            if reply.has_more and until - since > SHORTEST:
                too_many_until, until = until, _halfway(since, until)
            elif not reply.data and too_many_until is not None and until < too_many_until:
                since, until = until, _halfway(until, too_many_until)
            else:
                break
        more = False
        while reply.has_more and reply.data:
            more = True
            reply = self._untaken({**span, "starting_after": reply.data[-1].id})
        return Listed(_oldest_first(reply), more), until

    def newest_events(self, limit: int) -> tuple[ListedEvent, ...]:
        """What Stripe has sent last, newest first."""
        reply = self._in_turn(lambda c: c.v1.events.list({"limit": limit}))
        return tuple(_listed(one.to_dict(for_json=True)) for one in reply.data)

    def event(self, event_id: str) -> ListedEvent:
        """Raises StripeRefused (`resource_missing`) for one that is unknown, or forgotten."""
        reply = self._in_turn(lambda c: c.v1.events.retrieve(event_id))
        return _listed(reply.to_dict(for_json=True))

    def everything_of(self, customer_id: str) -> tuple[SubscriptionLookedAt, ...]:
        """Every subscription of the customer, ended ones too, each with its latest invoice and whether a card (or the
        like) is there to be charged."""
        found: list[SubscriptionLookedAt] = []
        after: str | None = None
        while True:
            page = self.subscriptions_page(after, customer_id)
            found += page.things
            if not page.more or not page.things:
                return tuple(found)
            after = page.things[-1].id

    def subscriptions_page(
        self, after: str | None, customer_id: str | None = None
    ) -> Listed[SubscriptionLookedAt]:
        """The newest subscriptions (of this customer, or of everybody), or those older than the one named."""
        params: dict[str, Any] = {"status": "all", "limit": PAGE, "expand": EXPANDED}
        params |= {"customer": customer_id} if customer_id else {}
        params |= {"starting_after": after} if after else {}
        reply = self._in_turn(lambda c: c.v1.subscriptions.list(params))
        spoken = spoken_at(reply)
        bodies = [one.to_dict(for_json=True) for one in reply.data]
        return Listed(tuple(self._looked_at(one, spoken) for one in bodies), bool(reply.has_more))

    def _looked_at(self, body: Json, spoken: datetime) -> SubscriptionLookedAt:
        invoice = body.get("latest_invoice")
        said: StripeSaysSubscription | None = None
        with suppress(Unreadable):
            said = StripeSaysSubscription(
                subscription=read_subscription(self._whole(body), spoken),
                as_of=spoken,
                invoice=read_invoice(self._whole(invoice)) if isinstance(invoice, dict) else None,
            )
        return SubscriptionLookedAt(
            id=str(body["id"]),
            customer_id=customer_of(body),
            said=said,
            can_be_charged=_can_be_charged(body),
        )

    def newest_paid_invoice(self, subscription_id: str) -> InvoiceAtStripe | None:
        """The paid invoice that carries the subscription furthest, among its newest."""
        params: dict[str, Any] = {"subscription": subscription_id, "status": "paid", "limit": 20}
        reply = self._in_turn(lambda c: c.v1.invoices.list(params))
        read = [read_invoice(self._whole(one.to_dict(for_json=True))) for one in reply.data]
        return max((one for one in read if one), key=lambda one: one.covers_until, default=None)

    def customers_page(self, after: str | None) -> Listed[CustomerAtStripe]:
        """The newest customers, or those older than the one named."""
        params: dict[str, Any] = {"limit": PAGE} | ({"starting_after": after} if after else {})
        reply = self._in_turn(lambda c: c.v1.customers.list(params))
        bodies = [one.to_dict(for_json=True) for one in reply.data]
        return Listed(tuple(read_customer(one) for one in bodies), bool(reply.has_more))

    def paid_checkouts_page(
        self, after: str | None, since: datetime
    ) -> Listed[OfCustomer[PaidCheckout]]:
        """The newest completed Checkout sessions made since then, or those older than the one named: those that
        brought money for a wallet."""
        reply = self._made_since(lambda c: c.v1.checkout.sessions, after, since, status="complete")
        return _listed_of(reply, read_checkout, customer_of)

    def refunds_page(
        self, after: str | None, since: datetime
    ) -> Listed[OfCustomer[RefundAtStripe]]:
        """The newest refunds made since then, failed ones too, or those older than the one named."""
        reply = self._made_since(lambda c: c.v1.refunds, after, since, expand=["data.charge"])
        return _listed_of(reply, read_refund, _payer)

    def disputes_page(
        self, after: str | None, since: datetime
    ) -> Listed[OfCustomer[DisputeAtStripe]]:
        """The newest disputes opened since then, or those older than the one named."""
        reply = self._made_since(lambda c: c.v1.disputes, after, since, expand=["data.charge"])
        return _listed_of(reply, read_dispute, _payer)

    def _made_since(
        self, of: Callable[[Any], Any], after: str | None, since: datetime, **also: Any
    ) -> Any:
        params: dict[str, Any] = {"limit": PAGE, "created": {"gte": _unix(since)}, **also}
        params |= {"starting_after": after} if after else {}
        return self._in_turn(lambda c: of(c).list(params))

    def _untaken(self, params: dict[str, Any]) -> Any:
        asked = {**params, "delivery_success": False, "limit": PAGE}
        return self._in_turn(lambda c: c.v1.events.list(asked))


def _can_be_charged(body: Json) -> bool:
    customer = body.get("customer")
    return (
        body.get("collection_method") == "send_invoice"
        or _pays_with(body)
        or (isinstance(customer, dict) and _pays_with(customer))
    )


def _pays_with(body: Json) -> bool:
    """Whether it names what Stripe charges by itself, and that is still the customer's. That something else is attached
    is not enough."""
    settings = body.get("invoice_settings")
    named = settings.get("default_payment_method") if isinstance(settings, dict) else None
    methods = (named, body.get("default_payment_method"))
    return bool(body.get("default_source")) or any(_is_attached(one) for one in methods)


def _is_attached(method: Any) -> bool:
    """One that was taken off its customer is still named, and cannot be charged any more."""
    return method.get("customer") is not None if isinstance(method, dict) else bool(method)


def _listed_of(
    reply: Any, read: Callable[[Json], T | None], whose: Callable[[Json], str | None]
) -> Listed[OfCustomer[T]]:
    found: list[OfCustomer[T]] = []
    for body in (one.to_dict(for_json=True) for one in reply.data):
        thing: T | None = None
        with suppress(Unreadable):
            thing = read(body)
        found.append(OfCustomer(id=str(body["id"]), customer_id=whose(body), thing=thing))
    return Listed(tuple(found), bool(reply.has_more))


def _payer(body: Json) -> str | None:
    """Refunds and disputes name no customer: their charge does."""
    charge = body.get("charge")
    return customer_of(charge) if isinstance(charge, dict) else None


def _oldest_first(reply: Any) -> tuple[ListedEvent, ...]:
    return tuple(_listed(one.to_dict(for_json=True)) for one in reversed(reply.data))


def _listed(body: Json) -> ListedEvent:
    try:
        event = read_event(body)
    except Unreadable:
        return ListedEvent(id=str(body["id"]), type=str(body.get("type")), created=None, event=None)
    return ListedEvent(id=event.id, type=event.type, created=event.created, event=event)


def _halfway(since: datetime, until: datetime) -> datetime:
    return since + (until - since) / 2 if until - since > SHORTEST else until


def _unix(moment: datetime) -> int:
    return int(moment.timestamp())


def spoken_at(reply: Any) -> datetime:
    """The `Date` of the reply: Stripe's own word for when it spoke."""
    date = parsedate_to_datetime(reply.last_response.headers["date"])
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
