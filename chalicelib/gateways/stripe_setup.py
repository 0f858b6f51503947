"""What an operator asks Stripe about the set-up itself, and sets there: the webhook's endpoint, the portal's
configuration, prices, and what a key may do. A part of `gateways.stripe`; no customer's request comes here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from chalicelib.gateways.stripe_reader import Json

T = TypeVar("T")

NO_SUCH = "lapse_doctor_asks_whether_it_may"
"""The id of nothing: a change to it tells whether the key may make such a change, and changes nothing."""

READS: dict[str, Callable[[Any], Any]] = {
    "customers": lambda c: c.v1.customers.list({"limit": 1}),
    "subscriptions": lambda c: c.v1.subscriptions.list({"limit": 1}),
    "invoices": lambda c: c.v1.invoices.list({"limit": 1}),
    "prices": lambda c: c.v1.prices.list({"limit": 1}),
    "checkout sessions": lambda c: c.v1.checkout.sessions.list({"limit": 1}),
    "charges": lambda c: c.v1.charges.list({"limit": 1}),
    "refunds": lambda c: c.v1.refunds.list({"limit": 1}),
    "disputes": lambda c: c.v1.disputes.list({"limit": 1}),
    "balance transactions": lambda c: c.v1.balance_transactions.list({"limit": 1}),
    "events": lambda c: c.v1.events.list({"limit": 1}),
}
WRITES: dict[str, Callable[[Any], Any]] = {
    "subscriptions": lambda c: c.v1.subscriptions.update(f"sub_{NO_SUCH}", {"metadata": {}}),
    "invoices": lambda c: c.v1.invoices.update(f"in_{NO_SUCH}", {"metadata": {}}),
    "portal sessions": lambda c: c.v1.billing_portal.sessions.create({"customer": f"cus_{NO_SUCH}"}),
    "checkout sessions": lambda c: c.v1.checkout.sessions.create(
        {"customer": f"cus_{NO_SUCH}", "mode": "setup", "currency": "usd",
         "success_url": "https://example.com"}
    ),
}  # fmt: skip
PAYS_BACK: dict[str, Callable[[Any], Any]] = {
    "refunds": lambda c: c.v1.refunds.create({"charge": f"ch_{NO_SUCH}"}),
}


class SetupAtStripe:
    def _call(self, ask: Callable[[Any], T], *, pays_back: bool = False) -> T:
        raise NotImplementedError

    def _all(self, ask: Callable[[Any, Json], Any], *, half_is_none: bool = False) -> list[Json]:
        raise NotImplementedError

    def try_out(self, ask: Callable[[Any], Any], *, pays_back: bool = False) -> None:
        """Makes one of the calls above. Raises what Stripe's answer means."""
        self._call(ask, pays_back=pays_back)

    def spoken_at(self) -> datetime:
        """The `Date` of an answer of Stripe's, now."""
        reply = self._call(lambda c: c.v1.prices.list({"limit": 1}))
        return parsedate_to_datetime(reply.last_response.headers["date"]).astimezone(UTC)

    def endpoints(self) -> list[Json]:
        return self._all(lambda c, p: c.v1.webhook_endpoints.list(p))

    def create_endpoint(
        self, url: str, *, events: Sequence[str], api_version: str
    ) -> tuple[str, str]:
        """Its id, and the secret that is told this once."""
        params = {
            "url": url,
            "enabled_events": list(events),
            "api_version": api_version,
            "description": "Lapse",
        }
        reply = self._call(lambda c: c.v1.webhook_endpoints.create(params))
        return str(reply.id), str(reply.secret)

    def update_endpoint(self, id: str, *, events: Sequence[str]) -> None:
        params = {"enabled_events": list(events), "disabled": False}
        self._call(lambda c: c.v1.webhook_endpoints.update(id, params))

    def delete_endpoint(self, id: str) -> None:
        self._call(lambda c: c.v1.webhook_endpoints.delete(id))

    def portal_configurations(self) -> list[Json]:
        return self._all(
            lambda c, p: c.v1.billing_portal.configurations.list({**p, "active": True})
        )

    def create_portal_configuration(self, params: dict[str, Any]) -> str:
        reply = self._call(lambda c: c.v1.billing_portal.configurations.create(params))
        return str(reply.id)

    def update_portal_configuration(self, id: str, params: dict[str, Any]) -> None:
        self._call(lambda c: c.v1.billing_portal.configurations.update(id, params))

    def prices_of(self, lookup_keys: Sequence[str]) -> list[Json]:
        """The active prices with these lookup keys; at most ten are asked about at once."""
        found: list[Json] = []
        for first in range(0, len(lookup_keys), 10):
            some = list(lookup_keys[first : first + 10])
            found += self._all(
                lambda c, p, keys=some: c.v1.prices.list({**p, "lookup_keys": keys, "active": True})  # type: ignore[misc]
            )
        return found

    def create_price(
        self, *, lookup_key: str, amount_minor: int, currency: str, interval: str, product: str
    ) -> None:
        self._call(
            lambda c: c.v1.prices.create(
                {
                    "lookup_key": lookup_key,
                    "unit_amount": amount_minor,
                    "currency": currency,
                    "recurring": {"interval": interval},
                    "product_data": {"name": product},
                }
            )
        )

    def events_lately(self) -> list[Json]:
        """The newest of all types, as many as one page holds."""
        reply = self._call(lambda c: c.v1.events.list({"limit": 100}))
        return [one.to_dict(for_json=True) for one in reply.data]

    def price_named(self, price_id: str) -> Json:
        found: Json = self._call(lambda c: c.v1.prices.retrieve(price_id)).to_dict(for_json=True)
        return found
