"""Reads from the installed SDK which parameters each operation takes.

`python sdk_parameters.py` rewrites `parameters.json` of the emulator after an SDK upgrade; the
conformance test compares the two. Nothing at run time imports this: the emulator has no SDK.
"""

from __future__ import annotations

import collections.abc
import importlib
import json
import sys
import typing
from pathlib import Path
from typing import Any

from typing_extensions import is_typeddict

Schema = dict[str, Any]

TABLE = Path(__file__).resolve().parents[3] / "infra/local/stripe_emulator/parameters.json"

# What the SDK lets a caller say about the call itself; none of it reaches the wire as a parameter.
REQUEST_OPTIONS = {
    "api_key",
    "stripe_version",
    "stripe_account",
    "stripe_context",
    "max_network_retries",
    "idempotency_key",
    "content_type",
    "headers",
}

OPERATIONS = {
    "POST /v1/products": "ProductCreateParams",
    "GET /v1/products": "ProductListParams",
    "GET /v1/products/{id}": "ProductRetrieveParams",
    "POST /v1/products/{id}": "ProductModifyParams",
    "POST /v1/prices": "PriceCreateParams",
    "GET /v1/prices": "PriceListParams",
    "GET /v1/prices/{id}": "PriceRetrieveParams",
    "POST /v1/prices/{id}": "PriceModifyParams",
    "POST /v1/customers": "CustomerCreateParams",
    "GET /v1/customers": "CustomerListParams",
    "GET /v1/customers/{id}": "CustomerRetrieveParams",
    "POST /v1/customers/{id}": "CustomerModifyParams",
    "DELETE /v1/customers/{id}": "CustomerDeleteParams",
    "GET /v1/customers/{id}/payment_methods": "CustomerListPaymentMethodsParams",
    "GET /v1/customers/{id}/payment_methods/{id}": "CustomerRetrievePaymentMethodParams",
    "POST /v1/payment_methods": "PaymentMethodCreateParams",
    "GET /v1/payment_methods": "PaymentMethodListParams",
    "GET /v1/payment_methods/{id}": "PaymentMethodRetrieveParams",
    "POST /v1/payment_methods/{id}": "PaymentMethodModifyParams",
    "POST /v1/payment_methods/{id}/attach": "PaymentMethodAttachParams",
    "POST /v1/payment_methods/{id}/detach": "PaymentMethodDetachParams",
    "POST /v1/subscriptions": "SubscriptionCreateParams",
    "GET /v1/subscriptions": "SubscriptionListParams",
    "GET /v1/subscriptions/{id}": "SubscriptionRetrieveParams",
    "POST /v1/subscriptions/{id}": "SubscriptionModifyParams",
    "DELETE /v1/subscriptions/{id}": "SubscriptionCancelParams",
    "POST /v1/subscriptions/{id}/pause": "SubscriptionPauseParams",
    "POST /v1/subscriptions/{id}/resume": "SubscriptionResumeParams",
    "GET /v1/subscription_items": "SubscriptionItemListParams",
    "GET /v1/subscription_items/{id}": "SubscriptionItemRetrieveParams",
    "POST /v1/subscription_schedules": "SubscriptionScheduleCreateParams",
    "GET /v1/subscription_schedules": "SubscriptionScheduleListParams",
    "GET /v1/subscription_schedules/{id}": "SubscriptionScheduleRetrieveParams",
    "POST /v1/subscription_schedules/{id}": "SubscriptionScheduleModifyParams",
    "POST /v1/subscription_schedules/{id}/release": "SubscriptionScheduleReleaseParams",
    "POST /v1/subscription_schedules/{id}/cancel": "SubscriptionScheduleCancelParams",
    "GET /v1/invoices": "InvoiceListParams",
    "GET /v1/invoices/{id}": "InvoiceRetrieveParams",
    "POST /v1/invoices/{id}": "InvoiceModifyParams",
    "GET /v1/invoices/{id}/lines": "InvoiceListLinesParams",
    "POST /v1/invoices/{id}/finalize": "InvoiceFinalizeInvoiceParams",
    "POST /v1/invoices/{id}/pay": "InvoicePayParams",
    "POST /v1/invoices/{id}/void": "InvoiceVoidInvoiceParams",
    "POST /v1/invoices/{id}/mark_uncollectible": "InvoiceMarkUncollectibleParams",
    "GET /v1/invoice_payments": "InvoicePaymentListParams",
    "GET /v1/invoice_payments/{id}": "InvoicePaymentRetrieveParams",
    "GET /v1/payment_intents": "PaymentIntentListParams",
    "GET /v1/payment_intents/{id}": "PaymentIntentRetrieveParams",
    "POST /v1/payment_intents/{id}": "PaymentIntentModifyParams",
    "POST /v1/payment_intents/{id}/confirm": "PaymentIntentConfirmParams",
    "GET /v1/setup_intents": "SetupIntentListParams",
    "GET /v1/setup_intents/{id}": "SetupIntentRetrieveParams",
    "GET /v1/charges": "ChargeListParams",
    "GET /v1/charges/{id}": "ChargeRetrieveParams",
    "POST /v1/charges/{id}": "ChargeModifyParams",
    "GET /v1/balance_transactions": "BalanceTransactionListParams",
    "GET /v1/balance_transactions/{id}": "BalanceTransactionRetrieveParams",
    "POST /v1/refunds": "RefundCreateParams",
    "GET /v1/refunds": "RefundListParams",
    "GET /v1/refunds/{id}": "RefundRetrieveParams",
    "POST /v1/refunds/{id}": "RefundModifyParams",
    "GET /v1/disputes": "DisputeListParams",
    "GET /v1/disputes/{id}": "DisputeRetrieveParams",
    "POST /v1/disputes/{id}": "DisputeModifyParams",
    "POST /v1/disputes/{id}/close": "DisputeCloseParams",
    "POST /v1/checkout/sessions": "checkout.SessionCreateParams",
    "GET /v1/checkout/sessions": "checkout.SessionListParams",
    "GET /v1/checkout/sessions/{id}": "checkout.SessionRetrieveParams",
    "POST /v1/checkout/sessions/{id}": "checkout.SessionModifyParams",
    "POST /v1/checkout/sessions/{id}/expire": "checkout.SessionExpireParams",
    "GET /v1/checkout/sessions/{id}/line_items": "checkout.SessionListLineItemsParams",
    "POST /v1/billing_portal/sessions": "billing_portal.SessionCreateParams",
    "POST /v1/billing_portal/configurations": "billing_portal.ConfigurationCreateParams",
    "GET /v1/billing_portal/configurations": "billing_portal.ConfigurationListParams",
    "GET /v1/billing_portal/configurations/{id}": "billing_portal.ConfigurationRetrieveParams",
    "POST /v1/billing_portal/configurations/{id}": "billing_portal.ConfigurationModifyParams",
    "GET /v1/events": "EventListParams",
    "GET /v1/events/{id}": "EventRetrieveParams",
    "POST /v1/webhook_endpoints": "WebhookEndpointCreateParams",
    "GET /v1/webhook_endpoints": "WebhookEndpointListParams",
    "GET /v1/webhook_endpoints/{id}": "WebhookEndpointRetrieveParams",
    "POST /v1/webhook_endpoints/{id}": "WebhookEndpointModifyParams",
    "DELETE /v1/webhook_endpoints/{id}": "WebhookEndpointDeleteParams",
    "POST /v1/test_helpers/test_clocks": "test_helpers.TestClockCreateParams",
    "POST /v1/test_helpers/test_clocks/{id}/advance": "test_helpers.TestClockAdvanceParams",
}

_SCALARS = {str: "str", int: "int", bool: "bool", float: "float"}


class Reader:
    """Turns TypedDicts into schemas. Classes that say the same are one entry of the table, since
    most hashes are known to a create and to an update call alike."""

    def __init__(self) -> None:
        self.classes: list[dict[str, Schema]] = []
        self._places: dict[str, int] = {}

    def place(self, params: type) -> int:
        hints = typing.get_type_hints(params, _names_around(params))
        members = {
            member: self.schema(hint)
            for member, hint in sorted(hints.items())
            if member not in REQUEST_OPTIONS
        }
        text = json.dumps(members, sort_keys=True)
        if text not in self._places:
            self._places[text] = len(self.classes)
            self.classes.append(members)
        return self._places[text]

    def schema(self, hint: Any) -> Schema:
        found: Schema = {}
        self._read(hint, found)
        return {key: sorted(set(v)) if isinstance(v, list) else v for key, v in found.items()}

    def _read(self, hint: Any, found: Schema) -> None:
        origin = typing.get_origin(hint)
        if is_typeddict(hint):
            found["ref"] = self.place(hint)
        elif origin is typing.Literal or "Literal" in str(origin):
            found.setdefault("enum", []).extend(str(value) for value in typing.get_args(hint))
        elif origin in (list, collections.abc.Sequence):
            found["list"] = self.schema(typing.get_args(hint)[0])
        elif origin in (dict, collections.abc.Mapping) or "UntypedStripeObject" in str(origin):
            found["map"] = True
        elif origin is not None:
            for part in typing.get_args(hint):
                self._read(part, found)
        elif hint is not type(None):
            found.setdefault("types", []).append(_SCALARS.get(hint, "str"))


def _names_around(params: type) -> dict[str, Any]:
    names = dict(vars(typing))
    names["StripeContext"] = str
    names.update(vars(sys.modules[params.__module__]))
    return names


def find(name: str) -> type:
    *package, cls = name.split(".")
    module = importlib.import_module(".".join(["stripe.params", *package]))
    found: type = getattr(module, cls)
    return found


def read() -> dict[str, Any]:
    reader = Reader()
    operations = {route: reader.place(find(name)) for route, name in OPERATIONS.items()}
    return {"operations": operations, "classes": reader.classes}


if __name__ == "__main__":
    TABLE.write_text(json.dumps(read(), separators=(",", ":"), sort_keys=True) + "\n")
