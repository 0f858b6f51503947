"""Stripe, asked and told. The only importer of `stripe`, and only when it is first called: the webhook and the
sweeps start without it.

Answers leave here in our words (`domain.facts`). Every call that changes something carries a key made of the
business fact, so that it can be made twice.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import Any, TypeVar

from chalicelib.domain.facts import InvoiceAtStripe, StripeSaysAll, StripeSaysSubscription
from chalicelib.gateways.stripe_reader import Json, read_invoice, read_subscription

API_VERSION = "2026-10-28.endive"
TIMEOUT_SECONDS = 8
RETRIES = 2
MOST_SUBSCRIPTIONS = 300

T = TypeVar("T")


class StripeUnavailable(Exception):
    """No answer, or one that says to come back later. What was asked for may have been done."""


class StripeRefused(Exception):
    """Stripe understood and said no. `code` is Stripe's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Stripe:
    def __init__(
        self,
        api_key: str,
        *,
        base_url: str | None = None,
        http_client: Callable[[], Any] | None = None,
    ) -> None:
        self._api_key = api_key
        self._base_url = base_url
        self._http_client = http_client

    @cached_property
    def _client(self) -> Any:
        import stripe

        stripe.enable_telemetry = False
        return stripe.StripeClient(
            self._api_key,
            stripe_version=API_VERSION,
            max_network_retries=RETRIES,
            http_client=(
                self._http_client()
                if self._http_client
                else stripe.RequestsClient(timeout=TIMEOUT_SECONDS)
            ),
            base_addresses={"api": self._base_url} if self._base_url else {},
        )

    def subscription(self, subscription_id: str) -> StripeSaysSubscription:
        """The subscription and its latest invoice, now. Raises StripeUnavailable, StripeRefused, Unreadable."""
        reply = self._call(
            lambda c: c.v1.subscriptions.retrieve(subscription_id, {"expand": ["latest_invoice"]})
        )
        return _said(reply)

    def subscriptions_of(self, customer_id: str) -> StripeSaysAll:
        """Every subscription of the customer, ended ones too."""
        params: dict[str, Any] = {"customer": customer_id, "status": "all", "limit": 100}
        found: list[Json] = []
        spoken: datetime | None = None
        while True:
            reply = self._call(lambda c, p=params: c.v1.subscriptions.list(p))  # type: ignore[misc]
            # The first page's moment counts: what changed while we paged is still news.
            spoken = spoken or _spoken_at(reply)
            page = [one.to_dict(for_json=True) for one in reply.data]
            found += page
            if not reply.has_more or not page or len(found) >= MOST_SUBSCRIPTIONS:
                break
            params = {**params, "starting_after": page[-1]["id"]}
        return StripeSaysAll(
            subscriptions=tuple(read_subscription(one, spoken) for one in found), as_of=spoken
        )

    def invoice(self, invoice_id: str) -> InvoiceAtStripe | None:
        """The invoice now, or None when it belongs to no subscription."""
        reply = self._call(lambda c: c.v1.invoices.retrieve(invoice_id))
        return read_invoice(reply.to_dict(for_json=True))

    def turn_renewal_off(
        self, subscription_id: str, *, key: str, feedback: str, comment: str | None
    ) -> StripeSaysSubscription:
        """Auto-renewal off at the end of the period, without proration (SC-2, GT-1, GT-10)."""
        details = {"feedback": feedback} | ({"comment": comment} if comment else {})
        return self._update(
            subscription_id, {"cancel_at_period_end": True, "cancellation_details": details}, key
        )

    def turn_renewal_on(
        self, subscription_id: str, *, key: str, clears_cancel_at: bool
    ) -> StripeSaysSubscription:
        """Undoes a scheduled cancellation, clearing whichever of the two marks is set (SC-4)."""
        change: dict[str, Any] = (
            {"cancel_at": ""} if clears_cancel_at else {"cancel_at_period_end": False}
        )
        return self._update(subscription_id, change, key)

    def portal_session(self, params: dict[str, Any], *, key: str | None) -> str:
        """A link to Stripe's customer portal. Short-lived: never stored, never logged."""
        reply = self._call(lambda c: c.v1.billing_portal.sessions.create(params, _options(key)))
        return str(reply.url)

    def checkout_session(self, params: dict[str, Any], *, key: str | None) -> tuple[str, str]:
        """A Checkout link and its session's id."""
        reply = self._call(lambda c: c.v1.checkout.sessions.create(params, _options(key)))
        return str(reply.url), str(reply.id)

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
        return _said(reply)

    def _call(self, ask: Callable[[Any], T]) -> T:
        import stripe

        try:
            return ask(self._client)
        except (stripe.APIConnectionError, stripe.RateLimitError) as error:
            raise StripeUnavailable(type(error).__name__) from error
        except stripe.StripeError as error:
            status = error.http_status or 500
            if status >= 500 or status == 409:
                raise StripeUnavailable(f"Stripe answered {status}") from error
            raise StripeRefused(
                error.code or "refused", error.user_message or str(error)
            ) from error


def _options(key: str | None) -> dict[str, Any]:
    return {"idempotency_key": key} if key else {}


def _said(reply: Any) -> StripeSaysSubscription:
    spoken = _spoken_at(reply)
    thing = reply.to_dict(for_json=True)
    invoice = thing.get("latest_invoice")
    return StripeSaysSubscription(
        subscription=read_subscription(thing, spoken),
        as_of=spoken,
        invoice=read_invoice(invoice) if isinstance(invoice, dict) else None,
    )


def _spoken_at(reply: Any) -> datetime:
    """The `Date` of the reply: Stripe's own word for when it spoke."""
    date = parsedate_to_datetime(reply.last_response.headers["date"])
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
