"""The installed SDK is the specification: its classes name the fields, its params the names."""

from __future__ import annotations

import json
import typing
from typing import Any

import pytest
import stripe

from infra.local.stripe_emulator import routes
from tests.infra.stripe_emulator import sdk_parameters
from tests.infra.stripe_emulator.stack import Stack

CLASSES: dict[str, type] = {
    cls.OBJECT_NAME: cls
    for cls in (
        stripe.BalanceTransaction,
        stripe.Charge,
        stripe.Customer,
        stripe.Dispute,
        stripe.Event,
        stripe.Invoice,
        stripe.InvoiceLineItem,
        stripe.InvoicePayment,
        stripe.PaymentIntent,
        stripe.PaymentMethod,
        stripe.Plan,
        stripe.Price,
        stripe.Product,
        stripe.Refund,
        stripe.SetupIntent,
        stripe.Subscription,
        stripe.SubscriptionItem,
        stripe.SubscriptionSchedule,
        stripe.WebhookEndpoint,
        stripe.billing_portal.Configuration,
        stripe.billing_portal.Session,
        stripe.checkout.Session,
    )
}


@pytest.fixture(scope="module")
def busy() -> Stack:
    """An account in which every kind of object exists."""
    stack = Stack()
    stack.listen()
    subscription = stack.subscribe()
    stack.by(days=40)
    charges = stack.v1.charges.list({"customer": subscription.customer}).data
    stack.v1.refunds.create({"charge": charges[0].id, "amount": 100})
    stack.emulator.control("open_dispute", charge=charges[1].id)
    for mode in ("subscription", "payment", "setup"):
        params: Any = {"mode": mode, "success_url": "https://app.example.com/ok"}
        if mode == "setup":
            params["currency"] = "usd"
        elif mode == "payment":
            data = {"currency": "usd", "unit_amount": 500, "product_data": {"name": "Top-up"}}
            params["line_items"] = [{"price_data": data, "quantity": 1}]
        else:
            params["line_items"] = [{"price": stack.price["id"], "quantity": 1}]
        session = stack.v1.checkout.sessions.create(params)
        stack.emulator.control("pay_checkout", session=session.id)
    stack.v1.billing_portal.sessions.create(
        {"customer": subscription.customer, "flow_data": {"type": "payment_method_update"}}
    )
    stack.v1.subscription_schedules.create({"from_subscription": subscription.id})
    paused = stack.subscribe()
    stack.v1.subscriptions.pause(paused.id)
    stack.v1.webhook_endpoints.create({"url": "https://a.example", "enabled_events": ["*"]})
    stack.subscribe("pm_card_chargeCustomerFail")
    return stack


def test_every_object_carries_all_fields_the_sdk_promises(busy: Stack) -> None:
    faults: set[str] = set()

    for event in busy.received:
        _check_object(event, faults)
    for path in (
        "payment_intents",
        "charges",
        "balance_transactions",
        "checkout/sessions",
        "invoices",
        "billing_portal/configurations",
        "customers",
        "disputes",
        "events",
        "invoice_payments",
        "prices",
        "products",
        "refunds",
        "setup_intents",
        "subscriptions?status=all",
        "subscription_schedules",
        "webhook_endpoints",
    ):
        listed = json.loads(busy.raw("GET", f"/v1/{path}").body)
        assert listed["data"], path
        for thing in listed["data"]:
            _check_object(thing, faults)

    assert sorted(faults) == []


def test_nothing_of_ours_leaves_the_emulator(busy: Stack) -> None:
    for event in busy.received:
        assert not _private(event)
    for path in ("invoices?expand[]=data.lines", "checkout/sessions", "subscription_schedules"):
        assert not _private(json.loads(busy.raw("GET", f"/v1/{path}").body))


def test_the_parameter_table_is_what_the_installed_sdk_says() -> None:
    table = json.loads(sdk_parameters.TABLE.read_text())

    assert table == sdk_parameters.read(), "run sdk_parameters.py to bring the table up to date"


def test_every_route_has_its_parameters_checked() -> None:
    assert set(routes.TABLE) == set(sdk_parameters.OPERATIONS)


@pytest.mark.parametrize("route", sorted(routes.TABLE))
def test_a_parameter_the_sdk_does_not_know_is_refused(route: str) -> None:
    stack = Stack()
    method, path = route.replace("{id}", "x_1").split(" ")
    query, body = ("", "colour=blue") if method == "POST" else ("?colour=blue", "")

    answer = stack.raw(method, path + query, body)

    assert answer.status == 400
    assert json.loads(answer.body)["error"]["code"] == "parameter_unknown"
    assert json.loads(answer.body)["error"]["param"] == "colour"


def _check_object(thing: dict[str, Any], faults: set[str]) -> None:
    # An event's `data` has a member called object too, which is no name.
    kind = thing.get("object")
    cls = CLASSES.get(kind) if isinstance(kind, str) else None
    if cls is not None and not thing.get("deleted"):
        _check(thing, cls, str(kind), faults)
    for value in thing.values():
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict):
                _check_object(inner, faults)


def _check(thing: dict[str, Any], cls: type, path: str, faults: set[str]) -> None:
    for name, hint in cls.__annotations__.items():
        if name == "OBJECT_NAME":
            continue
        optional = "Optional" in str(hint) or "NoneType" in str(hint)
        if thing.get(name) is None and not optional:
            faults.add(f"{path}.{name} is missing")
        nested = _nested(hint)
        value = thing.get(name)
        for inner in value if isinstance(value, list) else [value]:
            if nested and isinstance(inner, dict) and "object" not in inner:
                _check(inner, nested, f"{path}.{name}", faults)


def _nested(hint: Any) -> type | None:
    """The SDK class of a nested hash, if the hint names exactly one."""
    if isinstance(hint, type) and issubclass(hint, stripe.StripeObject):
        return hint if hint.__qualname__.count(".") else None
    found = [_nested(inner) for inner in typing.get_args(hint)]
    return next((cls for cls in found if cls is not None), None)


def _private(thing: Any) -> list[str]:
    if isinstance(thing, list):
        return [name for entry in thing for name in _private(entry)]
    if not isinstance(thing, dict):
        return []
    own = [name for name in thing if name.startswith("_")]
    return own + [name for value in thing.values() for name in _private(value)]
