"""Stripe, asked and told. The only importer of `stripe`, and only when it is first called: the webhook and the
sweeps start without it.

Answers leave here in our words (`domain.facts`). Every call that changes something carries a key made of the
business fact, so that it can be made twice.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from chalicelib.domain.blockers import OpenInvoice
from chalicelib.domain.facts import InvoiceAtStripe, StripeSaysAll, StripeSaysSubscription
from chalicelib.domain.money import Money
from chalicelib.domain.top_ups import PaidCheckout
from chalicelib.gateways.pacing import NoPace, Pace
from chalicelib.gateways.patience import seconds_left
from chalicelib.gateways.secrets import Plain, Secret, SecretUnavailable
from chalicelib.gateways.stripe_lists import ListsAtStripe, spoken_at
from chalicelib.gateways.stripe_money import MoneyAtStripe
from chalicelib.gateways.stripe_reader import (
    LEAVES_AT,
    BilledInvoice,
    Json,
    PaymentMethod,
    Unreadable,
    has_more,
    read_billed_invoice,
    read_checkout,
    read_invoice,
    read_payment_method,
    read_subscription,
)
from chalicelib.gateways.stripe_setup import SetupAtStripe

API_VERSION = "2026-10-28.endive"
TIMEOUT_SECONDS = 8
RETRIES = 2
"""Of the package itself: after a lost connection, 409 and 5xx, under the same key. Not after 429."""
FIRST_WAIT, LONGEST_WAIT = 0.5, 8.0
"""Seconds before a call that came too soon is made again, doubled each time."""
MOST_SUBSCRIPTIONS = 300

T = TypeVar("T")


class StripeUnavailable(Exception):
    """No answer, or one that says to come back later. What was asked for may have been done."""

    stripe_request: str | None = None
    """Stripe's own id of the request, by which its support and its dashboard find it."""


class StripeBusy(StripeUnavailable):
    """The same thing is being done at this moment: another request under this key, or on this object."""


class KeyRefused(StripeUnavailable):
    """Stripe does not know our key: it was rotated, or revoked."""


class KeyMayNot(StripeUnavailable):
    """Stripe knows our key, and it lacks the permission: asked again once it has it."""


class StripeRefused(Exception):
    """Stripe understood and said no. `code` is Stripe's; its sentence may quote what it was given, such as an address,
    so it is for whoever shows it, and is no part of what is logged."""

    stripe_request: str | None = None

    def __init__(self, code: str, message: str, about: str | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.about = about
        """The parameter that Stripe refuses, by Stripe's name, where it names one."""

    @property
    def missing(self) -> str | None:
        """What Stripe does not know, or not any more: a customer, a subscription, a price …"""
        if self.code != "resource_missing":
            return None
        named = _NO_SUCH.match(self.message)
        return named[1].lower() if named else "object"


_NO_SUCH = re.compile(r"No such ([A-Za-z_]{1,40})\b")


class Stripe(MoneyAtStripe, ListsAtStripe, SetupAtStripe):
    def __init__(
        self,
        key: Secret | str,
        *,
        refund_key: Secret | None = None,
        base_url: str | None = None,
        http_client: Callable[[], Any] | None = None,
        pace: Pace | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._key = Plain(key) if isinstance(key, str) else key
        self._refund_key = refund_key or self._key
        self._clients: dict[str, Any] = {}
        self.pace = pace or NoPace()
        self._base_url = base_url
        self._http_client = http_client
        self._sleep = sleep

    def _client(self, key: str) -> Any:
        if key not in self._clients:
            self._clients[key] = self._made(key)
        return self._clients[key]

    def _made(self, key: str) -> Any:
        import stripe

        from chalicelib.gateways.stripe_connection import session

        stripe.enable_telemetry = False
        return stripe.StripeClient(
            key,
            stripe_version=API_VERSION,
            max_network_retries=RETRIES,
            http_client=(
                self._http_client()
                if self._http_client
                else stripe.RequestsClient(
                    timeout=TIMEOUT_SECONDS,
                    session=session(self._base_url or stripe.DEFAULT_API_BASE),
                )
            ),
            base_addresses={"api": self._base_url} if self._base_url else {},
        )

    def subscription(self, subscription_id: str) -> StripeSaysSubscription:
        """The subscription and its latest invoice, now. Raises StripeUnavailable, StripeRefused, Unreadable."""
        reply = self._call(
            lambda c: c.v1.subscriptions.retrieve(subscription_id, {"expand": ["latest_invoice"]})
        )
        return self._said(reply)

    def subscriptions_of(self, customer_id: str) -> StripeSaysAll:
        """Every subscription of the customer, ended ones too. Raises StripeUnavailable, StripeRefused, Unreadable."""
        # What cannot be undone is done on this answer: half of it may leave out who has come back.
        pages = self._pages(
            lambda c, p: c.v1.subscriptions.list({"customer": customer_id, "status": "all", **p}),
            half_is_none=True,
        )
        reply, found = next(pages)
        # The first page's moment counts: what changed while we paged is still news.
        spoken = spoken_at(reply)
        while len(found) < MOST_SUBSCRIPTIONS and (more := next(pages, None)):
            found += more[1]
        return StripeSaysAll(
            subscriptions=tuple(read_subscription(self._whole(one), spoken) for one in found),
            as_of=spoken,
        )

    def invoice(self, invoice_id: str) -> InvoiceAtStripe | None:
        """The invoice now, or None when it belongs to no subscription."""
        reply = self._call(lambda c: c.v1.invoices.retrieve(invoice_id))
        return read_invoice(self._whole(reply.to_dict(for_json=True)))

    def turn_renewal_off(
        self, subscription_id: str, *, key: str, feedback: str, comment: str | None
    ) -> StripeSaysSubscription:
        """Auto-renewal off at the end of the period, without proration (SC-2, GT-1, GT-10)."""
        details = {"feedback": feedback} | ({"comment": comment} if comment else {})
        return self._update(
            subscription_id, {"cancel_at_period_end": True, "cancellation_details": details}, key
        )

    def turn_renewal_on(
        self,
        subscription_id: str,
        *,
        key: str,
        clears_cancel_at: bool,
        leaving_at: str | None = None,
    ) -> StripeSaysSubscription:
        """Undoes a scheduled cancellation, clearing whichever of the two marks is set (SC-4). `leaving_at`: as `note`,
        in the same call."""
        change: dict[str, Any] = (
            {"cancel_at": ""} if clears_cancel_at else {"cancel_at_period_end": False}
        )
        if leaving_at is not None:
            change["metadata"] = {LEAVES_AT: leaving_at}
        return self._update(subscription_id, change, key)

    def end_now(self, subscription_id: str) -> StripeSaysSubscription:
        """Ends it at this moment, without proration: what it was paid with has gone back (M1-7, M1-12). Stripe takes
        no key for this; ended already, it refuses, and asked again it says so."""
        reply = self._call(
            lambda c: c.v1.subscriptions.cancel(
                subscription_id, {"prorate": False, "invoice_now": False}
            )
        )
        return self._said(reply)

    def note(self, subscription_id: str, *, key: str, leaving_at: str) -> StripeSaysSubscription:
        """Writes on the subscription that it is to end with its contract (empty: that it stays). Renewal itself
        is left as it is; Stripe's answer confirms that it is still there to be cancelled."""
        return self._update(subscription_id, {"metadata": {LEAVES_AT: leaving_at}}, key)

    def open_invoices(self, customer_id: str) -> tuple[OpenInvoice, ...]:
        """What the customer still owes, and where it can be paid."""
        reply = self._call(
            lambda c: c.v1.invoices.list({"customer": customer_id, "status": "open", "limit": 100})
        )
        return tuple(
            OpenInvoice(
                id=one["id"],
                due=Money(one["amount_remaining"], one["currency"]),
                pay_at=one.get("hosted_invoice_url"),
            )
            for one in (found.to_dict(for_json=True) for found in reply.data)
            if one["amount_remaining"] > 0
        )

    def payment_method(self, customer_id: str) -> PaymentMethod | None:
        """How the customer pays by default; else by what they have. A method without an address of its own is billed
        to the customer's."""
        customer = self._call(
            lambda c: c.v1.customers.retrieve(
                customer_id, {"expand": ["invoice_settings.default_payment_method"]}
            )
        ).to_dict(for_json=True)
        default = (customer.get("invoice_settings") or {}).get("default_payment_method")
        if isinstance(default, dict):
            return read_payment_method(default, customer.get("address"))
        found = self._call(
            lambda c: c.v1.payment_methods.list({"customer": customer_id, "limit": 1})
        )
        if not found.data:
            return None
        return read_payment_method(found.data[0].to_dict(for_json=True), customer.get("address"))

    def invoices_of(self, customer_id: str, limit: int = 24) -> tuple[BilledInvoice, ...]:
        """The customer's newest invoices (OS-2)."""
        reply = self._call(lambda c: c.v1.invoices.list({"customer": customer_id, "limit": limit}))
        return tuple(read_billed_invoice(one.to_dict(for_json=True)) for one in reply.data)

    def every_invoice_of(self, customer_id: str) -> tuple[BilledInvoice, ...]:
        """All of the customer's invoices, newest first; none for a customer that Stripe does not know any more."""
        try:
            found = self._all(lambda c, p: c.v1.invoices.list({"customer": customer_id, **p}))
        except StripeRefused as refused:
            if refused.code == "resource_missing":
                return ()
            raise
        return tuple(read_billed_invoice(one) for one in found)

    def set_collection(self, invoice_id: str, *, stopped: bool, key: str) -> None:
        """Whether Stripe goes on trying the card for this invoice by itself. An invoice that is no longer open
        is not collected any more, which is as good."""
        try:
            self._call(
                lambda c: c.v1.invoices.update(
                    invoice_id, {"auto_advance": not stopped}, _options(key)
                )
            )
        except StripeRefused:
            if self.invoice_status(invoice_id) == "open":
                raise

    def invoice_status(self, invoice_id: str) -> str:
        return str(self._call(lambda c: c.v1.invoices.retrieve(invoice_id)).status)

    def portal_session(self, params: dict[str, Any], *, key: str | None) -> str:
        """A link to Stripe's customer portal. Short-lived: never stored, never logged."""
        reply = self._call(lambda c: c.v1.billing_portal.sessions.create(params, _options(key)))
        return str(reply.url)

    def checkout_session(self, params: dict[str, Any], *, key: str | None) -> tuple[str, str]:
        """A Checkout link and its session's id."""
        reply = self._call(lambda c: c.v1.checkout.sessions.create(params, _options(key)))
        return str(reply.url), str(reply.id)

    def checkout(self, session_id: str) -> PaidCheckout | None:
        """What the session brought for a wallet, as it is now; None when it did not."""
        reply = self._call(lambda c: c.v1.checkout.sessions.retrieve(session_id))
        return read_checkout(reply.to_dict(for_json=True))

    def price(self, name: str) -> tuple[str, str | None] | None:
        """Id and lookup key of the price with this id or this lookup key. Raises StripeRefused for an unknown id."""
        if name.startswith("price_"):
            reply = self._call(lambda c: c.v1.prices.retrieve(name))
            return str(reply.id), reply.to_dict().get("lookup_key")
        found = self._call(
            lambda c: c.v1.prices.list({"lookup_keys": [name], "active": True, "limit": 1})
        )
        return (str(found.data[0].id), name) if found.data else None

    def _update(
        self, subscription_id: str, change: dict[str, Any], key: str
    ) -> StripeSaysSubscription:
        reply = self._call(
            lambda c: c.v1.subscriptions.update(subscription_id, change, _options(key))
        )
        if reply.last_response.headers.get("idempotent-replayed") == "true":
            # That is what Stripe answered the first time. The subscription may have changed since.
            return self.subscription(subscription_id)
        return self._said(reply)

    def _said(self, reply: Any) -> StripeSaysSubscription:
        spoken = spoken_at(reply)
        thing = self._whole(reply.to_dict(for_json=True))
        invoice = thing.get("latest_invoice")
        return StripeSaysSubscription(
            subscription=read_subscription(thing, spoken),
            as_of=spoken,
            invoice=read_invoice(self._whole(invoice)) if isinstance(invoice, dict) else None,
        )

    def _whole(self, thing: Json) -> Json:
        """With all of its items or lines: only the first ten come along."""
        inner = {"subscription": "items", "invoice": "lines"}.get(str(thing.get("object")))
        if inner is None or not has_more(thing.get(inner)):
            return thing
        return {
            **thing,
            inner: {"data": self._all_parts(str(thing["id"]), inner), "has_more": False},
        }

    def _all_parts(self, id: str, inner: str) -> list[Json]:
        if inner == "items":
            return self._all(lambda c, p: c.v1.subscription_items.list({**p, "subscription": id}))
        return self._all(lambda c, p: c.v1.invoices.line_items.list(id, p))

    def _all(self, ask: Callable[[Any, Json], Any], *, half_is_none: bool = False) -> list[Json]:
        """Every page of one of Stripe's lists."""
        pages = self._pages(ask, half_is_none=half_is_none)
        return [one for _, page in pages for one in page]

    def _pages(
        self, ask: Callable[[Any, Json], Any], *, half_is_none: bool
    ) -> Iterator[tuple[Any, list[Json]]]:
        """One page after the other, with Stripe's whole reply. An empty one that says that more follow ends the list, or
        is Unreadable for whoever is about to do what cannot be undone: half an answer is none."""
        params: Json = {"limit": 100}
        while True:
            reply = self._call(lambda c, p=params: ask(c, p))  # type: ignore[misc]
            page = [one.to_dict(for_json=True) for one in reply.data]
            if half_is_none and reply.has_more and not page:
                raise Unreadable("an empty page that says that more follow")
            yield reply, page
            if not reply.has_more or not page:
                return
            params = {**params, "starting_after": page[-1]["id"]}

    def _call(self, ask: Callable[[Any], T], *, pays_back: bool = False) -> T:
        key = self._refund_key if pays_back else self._key
        try:
            return self._once(ask, key)
        except KeyRefused:
            # Nothing was done under a key that is not known, so it may be asked again under the new one.
            if not key.refresh():
                raise
            return self._once(ask, key)

    def _patiently(self, ask: Callable[[Any], T], client: Any) -> T:
        """Stripe takes so many requests a second. Whoever comes too soon waits, as long as the function has time."""
        import stripe

        may_wait, waited, wait = seconds_left(), 0.0, FIRST_WAIT
        while True:
            try:
                return ask(client)
            except stripe.RateLimitError as error:
                # A little more or less, so that those who came together do not come together again.
                pause = max(wait, _wait_asked_for(error)) * (1 + random.random() / 4)  # noqa: S311
                if waited + pause > may_wait:
                    raise
                self._sleep(pause)
                waited, wait = waited + pause, min(wait * 2, LONGEST_WAIT)

    def _once(self, ask: Callable[[Any], T], key: Secret) -> T:
        import stripe

        try:
            return self._patiently(ask, self._client(key()))
        except SecretUnavailable as error:
            raise StripeUnavailable(str(error)) from error
        except stripe.StripeError as error:
            ours = _in_our_words(error)
            named = error.request_id or ""
            ours.stripe_request = named if _REQUEST.fullmatch(named) else None
            raise ours from error


_REQUEST = re.compile(r"[\w-]{1,80}", re.ASCII)


def _in_our_words(error: Any) -> StripeUnavailable | StripeRefused:
    import stripe

    if isinstance(error, stripe.APIConnectionError | stripe.RateLimitError):
        return StripeUnavailable(type(error).__name__)
    if isinstance(error, stripe.IdempotencyError):
        # Stripe gives this one a type and no code.
        return StripeRefused("idempotency_error", str(error))
    status = error.http_status or 500
    if status == 409:
        return StripeBusy("Stripe answered 409")
    if status == 401:
        return KeyRefused("Stripe does not accept our key")
    if status == 403:
        return KeyMayNot("Stripe's answer is that our key may not do this")
    if status >= 500:
        return StripeUnavailable(f"Stripe answered {status}")
    about = getattr(error, "param", None)
    return StripeRefused(error.code or "refused", error.user_message or str(error), about)


def _wait_asked_for(error: Any) -> float:
    """`Retry-After`, where Stripe sends one."""
    said = str((error.headers or {}).get("retry-after", ""))
    return float(said) if said.isascii() and said.isdecimal() and len(said) < 5 else 0.0


def _options(key: str | None) -> dict[str, Any]:
    return {"idempotency_key": key} if key else {}
