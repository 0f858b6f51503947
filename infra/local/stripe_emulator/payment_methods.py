"""Cards. Stripe's test names (`pm_card_visa` …) become a card object of their own when attached."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from .errors import StripeError, required
from .events import changed, emit
from .listing import page
from .payments import merged
from .world import World

Json = dict[str, Any]

# Name -> brand, last four, whether later charges fail.
TEST_CARDS: dict[str, tuple[str, str, bool]] = {
    "pm_card_visa": ("visa", "4242", False),
    "pm_card_mastercard": ("mastercard", "4444", False),
    "pm_card_amex": ("amex", "8431", False),
    "pm_card_chargeCustomerFail": ("visa", "0341", True),
}
NUMBERS = {
    "4242424242424242": "pm_card_visa",
    "5555555555554444": "pm_card_mastercard",
    "378282246310005": "pm_card_amex",
    "4000000000000341": "pm_card_chargeCustomerFail",
}
TOKENS = {
    "tok_visa": "pm_card_visa",
    "tok_mastercard": "pm_card_mastercard",
    "tok_amex": "pm_card_amex",
    "tok_chargeCustomerFail": "pm_card_chargeCustomerFail",
}
NO_ADDRESS = {
    "city": None,
    "country": None,
    "line1": None,
    "line2": None,
    "postal_code": None,
    "state": None,
}


def create(world: World, params: Json) -> Json:
    kind = params.get("type")
    if kind is None:
        raise required("type")
    if kind != "card":
        raise StripeError("The emulator knows cards only.", param="type")
    card = params.get("card") or {}
    name = TOKENS.get(card.get("token", "")) or NUMBERS.get(card.get("number", ""))
    if name is None:
        raise StripeError(
            "Your card number is incorrect.",
            status=402,
            kind="card_error",
            code="incorrect_number",
            param="number",
        )
    return add_card(world, name, params.get("billing_details"), params.get("metadata"), card)


def add_card(
    world: World,
    name: str,
    billing: Json | None = None,
    metadata: Json | None = None,
    card: Json | None = None,
) -> Json:
    brand, last4, fails = TEST_CARDS[name]
    given = billing or {}
    year = datetime.fromtimestamp(world.at, UTC).year
    identity = world.new_id("pm")
    return world.add(
        {
            "id": identity,
            "object": "payment_method",
            "allow_redisplay": "unspecified",
            "billing_details": {
                "address": {**NO_ADDRESS, **_filled(given.get("address"))},
                "email": given.get("email"),
                "name": given.get("name"),
                "phone": given.get("phone"),
                "tax_id": None,
            },
            "card": {
                "brand": brand,
                "checks": {
                    "address_line1_check": None,
                    "address_postal_code_check": None,
                    "cvc_check": "pass",
                },
                "country": "US",
                "display_brand": brand,
                "exp_month": (card or {}).get("exp_month", 12),
                # Far enough ahead that a run over some years never meets an expired card.
                "exp_year": (card or {}).get("exp_year", year + 10),
                "fingerprint": f"local{brand}{last4}",
                "funding": "credit",
                "generated_from": None,
                "last4": last4,
                "networks": {"available": [brand], "preferred": None},
                "regulated_status": "unregulated",
                "three_d_secure_usage": {"supported": True},
                "wallet": None,
            },
            "created": world.at,
            "customer": None,
            "livemode": False,
            "metadata": metadata or {},
            "type": "card",
            "_fails": fails,
            "_test_name": name,
        }
    )


def attach(world: World, params: Json, identity: str) -> Json:
    if "customer" not in params:
        raise required("customer")
    return attach_to(world, identity, alive(world, params["customer"]))


def attach_to(world: World, identity: str, customer: Json, billing: Json | None = None) -> Json:
    """A test name makes a new card each time, as in Stripe's test mode."""
    if identity in TEST_CARDS:
        method = add_card(world, identity, billing)
    else:
        method = world.get("payment_method", identity, "payment_method")
    if method["customer"] == customer["id"]:
        return method
    if method["customer"] is not None:
        raise StripeError(
            "The payment method you provided has already been attached to a customer.",
            code="payment_method_unexpected_state",
        )
    world.change(method, customer=customer["id"])
    emit(world, "payment_method.attached", method)
    return method


def alive(world: World, identity: str, param: str = "customer", status: int = 400) -> Json:
    """The customer named in a parameter, unless it was deleted."""
    customer = world.get("customer", identity, param if status == 400 else "id", status)
    if customer.get("deleted"):
        raise StripeError(
            f"No such customer: '{identity}'; a deleted customer cannot be used.",
            status=status,
            code="resource_missing",
            param=param,
        )
    return customer


def usable(world: World, identity: str, customer: Json, param: str) -> Json:
    """The card named in a parameter. A test name means the customer's card made from that name,
    which is attached on the spot if there is none yet."""
    if identity in TEST_CARDS:
        held = world.where("payment_method", "customer", customer["id"])
        made = [method for method in held if method["_test_name"] == identity]
        return made[-1] if made else attach_to(world, identity, customer)
    method = world.get("payment_method", identity, param, 400)
    if method["customer"] != customer["id"]:
        raise StripeError(
            f"The customer does not have a payment method with the ID {identity}. The payment"
            " method must be attached to the customer.",
            code="resource_missing",
            param=param,
        )
    return method


def detach(world: World, _params: Json, identity: str) -> Json:
    method = world.get("payment_method", identity)
    if method["customer"] is None:
        raise StripeError("The payment method you provided is not attached to a customer.")
    before = world.change(method, customer=None)
    customer = world.get("customer", before["customer"])
    if customer["invoice_settings"]["default_payment_method"] == identity:
        settings = {**customer["invoice_settings"], "default_payment_method": None}
        changed(world, "customer.updated", customer, invoice_settings=settings)
    emit(world, "payment_method.detached", method, before)
    return method


def retrieve(world: World, _params: Json, identity: str) -> Json:
    return world.get("payment_method", identity)


def update(world: World, params: Json, identity: str) -> Json:
    method = world.get("payment_method", identity)
    values: Json = {}
    if "metadata" in params:
        values["metadata"] = merged(method["metadata"], params["metadata"])
    if given := params.get("billing_details"):
        known = method["billing_details"]
        address = {**known["address"], **_filled(given.get("address"))}
        values["billing_details"] = {**known, **_filled(given), "address": address}
    if card := params.get("card"):
        values["card"] = {**method["card"], **card}
    changed(world, "payment_method.updated", method, **values)
    return method


def search(world: World, params: Json) -> Json:
    if "customer" not in params:
        raise required("customer")
    return _of(world, params, params["customer"], "/v1/payment_methods")


def search_of_customer(world: World, params: Json, customer: str) -> Json:
    world.get("customer", customer)
    return _of(world, params, customer, f"/v1/customers/{customer}/payment_methods")


def retrieve_of_customer(world: World, _params: Json, customer: str, identity: str) -> Json:
    method = world.get("payment_method", identity)
    if method["customer"] != customer:
        raise StripeError(
            f"No such PaymentMethod: '{identity}'", status=404, code="resource_missing"
        )
    return method


def _of(world: World, params: Json, customer: str, url: str) -> Json:
    kind = params.get("type", "card")
    held = world.where("payment_method", "customer", customer)
    found = (one for one in reversed(held) if one["type"] == kind)
    return page(world, "payment_method", url, found, params)


def _filled(given: Json | str | None) -> Json:
    return {key: value or None for key, value in given.items()} if isinstance(given, dict) else {}
