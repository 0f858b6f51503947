"""Every operation of the API, in one table: route → what carries it out."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from . import (
    amendments,
    catalogue,
    checkout,
    collection,
    customers,
    disputes,
    events,
    intents,
    invoice_payments,
    invoices,
    items,
    pauses,
    payment_methods,
    payments,
    portal,
    refunds,
    schedules,
    subscriptions,
    test_clocks,
    webhooks,
)
from .errors import StripeError
from .world import World

Json = dict[str, Any]
Handler = Callable[..., Json]

TABLE: dict[str, Handler] = {
    "POST /v1/products": catalogue.create_product,
    "GET /v1/products": catalogue.search_products,
    "GET /v1/products/{id}": catalogue.retrieve_product,
    "POST /v1/products/{id}": catalogue.update_product,
    "POST /v1/prices": catalogue.create_price,
    "GET /v1/prices": catalogue.search_prices,
    "GET /v1/prices/{id}": catalogue.retrieve_price,
    "POST /v1/prices/{id}": catalogue.update_price,
    "POST /v1/customers": customers.create,
    "GET /v1/customers": customers.search,
    "GET /v1/customers/{id}": customers.retrieve,
    "POST /v1/customers/{id}": customers.update,
    "DELETE /v1/customers/{id}": customers.delete,
    "GET /v1/customers/{id}/payment_methods": payment_methods.search_of_customer,
    "GET /v1/customers/{id}/payment_methods/{id}": payment_methods.retrieve_of_customer,
    "POST /v1/payment_methods": payment_methods.create,
    "GET /v1/payment_methods": payment_methods.search,
    "GET /v1/payment_methods/{id}": payment_methods.retrieve,
    "POST /v1/payment_methods/{id}": payment_methods.update,
    "POST /v1/payment_methods/{id}/attach": payment_methods.attach,
    "POST /v1/payment_methods/{id}/detach": payment_methods.detach,
    "POST /v1/subscriptions": subscriptions.create,
    "GET /v1/subscriptions": subscriptions.search,
    "GET /v1/subscriptions/{id}": subscriptions.retrieve,
    "POST /v1/subscriptions/{id}": amendments.update,
    "DELETE /v1/subscriptions/{id}": subscriptions.cancel,
    "POST /v1/subscriptions/{id}/pause": pauses.pause,
    "POST /v1/subscriptions/{id}/resume": pauses.resume,
    "GET /v1/subscription_items": items.search,
    "GET /v1/subscription_items/{id}": items.retrieve,
    "POST /v1/subscription_schedules": schedules.create,
    "GET /v1/subscription_schedules": schedules.search,
    "GET /v1/subscription_schedules/{id}": schedules.retrieve,
    "POST /v1/subscription_schedules/{id}": schedules.update,
    "POST /v1/subscription_schedules/{id}/release": schedules.release,
    "POST /v1/subscription_schedules/{id}/cancel": schedules.cancel,
    "GET /v1/invoices": invoices.search,
    "GET /v1/invoices/{id}": invoices.retrieve,
    "POST /v1/invoices/{id}": invoices.update,
    "GET /v1/invoices/{id}/lines": invoices.lines,
    "POST /v1/invoices/{id}/finalize": collection.finalize,
    "POST /v1/invoices/{id}/pay": collection.pay,
    "POST /v1/invoices/{id}/void": collection.void,
    "POST /v1/invoices/{id}/mark_uncollectible": collection.mark_uncollectible,
    "GET /v1/invoice_payments": invoice_payments.search,
    "GET /v1/invoice_payments/{id}": invoice_payments.retrieve,
    "GET /v1/payment_intents": intents.search,
    "GET /v1/payment_intents/{id}": intents.retrieve,
    "POST /v1/payment_intents/{id}": intents.update,
    "POST /v1/payment_intents/{id}/confirm": intents.confirm,
    "GET /v1/setup_intents": intents.search_setups,
    "GET /v1/setup_intents/{id}": intents.retrieve_setup,
    "GET /v1/charges": payments.search_charges,
    "GET /v1/charges/{id}": payments.retrieve_charge,
    "POST /v1/charges/{id}": payments.update_charge,
    "GET /v1/balance_transactions": payments.search_transactions,
    "GET /v1/balance_transactions/{id}": payments.retrieve_transaction,
    "POST /v1/refunds": refunds.create,
    "GET /v1/refunds": refunds.search,
    "GET /v1/refunds/{id}": refunds.retrieve,
    "POST /v1/refunds/{id}": refunds.update,
    "GET /v1/disputes": disputes.search,
    "GET /v1/disputes/{id}": disputes.retrieve,
    "POST /v1/disputes/{id}": disputes.update,
    "POST /v1/disputes/{id}/close": disputes.close,
    "POST /v1/checkout/sessions": checkout.create,
    "GET /v1/checkout/sessions": checkout.search,
    "GET /v1/checkout/sessions/{id}": checkout.retrieve,
    "POST /v1/checkout/sessions/{id}": checkout.update,
    "POST /v1/checkout/sessions/{id}/expire": checkout.expire,
    "GET /v1/checkout/sessions/{id}/line_items": checkout.line_items,
    "POST /v1/billing_portal/sessions": portal.create_session,
    "POST /v1/billing_portal/configurations": portal.create_configuration,
    "GET /v1/billing_portal/configurations": portal.search_configurations,
    "GET /v1/billing_portal/configurations/{id}": portal.retrieve_configuration,
    "POST /v1/billing_portal/configurations/{id}": portal.update_configuration,
    "GET /v1/events": events.search,
    "GET /v1/events/{id}": events.retrieve,
    "POST /v1/webhook_endpoints": webhooks.create,
    "GET /v1/webhook_endpoints": webhooks.search,
    "GET /v1/webhook_endpoints/{id}": webhooks.retrieve,
    "POST /v1/webhook_endpoints/{id}": webhooks.update,
    "DELETE /v1/webhook_endpoints/{id}": webhooks.delete,
    "POST /v1/test_helpers/test_clocks": test_clocks.refuse,
    "POST /v1/test_helpers/test_clocks/{id}/advance": test_clocks.refuse,
}

_PATTERNS = [(route, re.compile(re.sub(r"\{id\}", "([^/]+)", route))) for route in TABLE]
_PLAIN = {route: route for route in TABLE if "{" not in route}


def match(method: str, path: str) -> tuple[str, tuple[str, ...]]:
    """The route's name and the ids in the path."""
    wanted = f"{method} {path}"
    if wanted in _PLAIN:
        return wanted, ()
    for route, pattern in _PATTERNS:
        if found := pattern.fullmatch(wanted):
            return route, found.groups()
    raise StripeError(
        f"Unrecognized request URL ({method}: {path}). The emulator covers what this project"
        " uses of the Stripe API.",
        status=404,
    )


def perform(world: World, route: str, params: Json, ids: tuple[str, ...]) -> Json:
    return TABLE[route](world, params, *ids)
