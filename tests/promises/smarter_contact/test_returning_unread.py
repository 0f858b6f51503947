"""SC-7: "You can reactivate your subscription anytime … by resubscribing", also on a price that no policy names yet."""

import pytest

from tests.support.smarter_contact import (
    ACME,
    CALLING,
    END,
    LAPSE,
    MESSAGING,
    ONE,
    PURGE,
    RELEASE,
    SECOND,
    TEN_DLC,
    leaving,
)

DUE = {"numbers_released": RELEASE, "registrations_lapse": LAPSE, "data_purged": PURGE}


def unnamed(life):
    product = life.stripe("POST", "/v1/products", "name=New")["id"]
    body = f"product={product}&currency=usd&unit_amount=100&recurring[interval]=month"
    return [life.stripe("POST", "/v1/prices", body)["id"]]


def bundle(life):
    """Two plans of ours in one subscription: which of them it is cannot be told."""
    return [
        life.stripe("GET", f"/v1/prices?lookup_keys[0]={key}")["data"][0]["id"]
        for key in (MESSAGING, CALLING)
    ]


def subscribes(life, prices):
    items = "&".join(f"items[{n}][price]={price}" for n, price in enumerate(prices))
    (customer,) = life.stripe("GET", "/v1/customers")["data"]
    body = f"customer={customer['id']}&{items}"
    return life.stripe("POST", "/v1/subscriptions", body)["id"]


def is_there(life, kind):
    page = life.membership(ACME)
    match kind:
        case "numbers_released":
            return life.at_carrier()[ONE] != "released"
        case "registrations_lapse":
            return {one["id"]: one["status"] for one in page["registrations"]}[TEN_DLC] == "active"
    return page["subscriptions"] != []


def why(life, kind):
    shown = life.operator("GET", f"/v1/admin/accounts/{ACME}/timeline").body
    return [(one["kind"], one["last_error"]) for one in shown["failed"] if one["kind"] == kind]


@pytest.mark.parametrize("on", [unnamed, bundle])
@pytest.mark.parametrize("kind", DUE)
def test_nothing_is_taken_from_who_came_back_until_somebody_has_named_the_plan(kind, on):
    life, _ = leaving()
    life.move(DUE[kind] - SECOND)
    back = subscribes(life, on(life))

    life.move(DUE[kind] + 3600 * SECOND)

    assert is_there(life, kind)
    assert why(life, kind) == [(kind, "plan_unknown_at_stripe")]

    life.stripe("DELETE", f"/v1/subscriptions/{back}")
    life.move(DUE[kind] + 12 * 3600 * SECOND)
    assert not is_there(life, kind)


@pytest.mark.parametrize("kind", ["numbers_released", "registrations_lapse"])
def test_something_else_that_they_had_all_along_is_no_return(kind):
    life, _ = leaving()
    life.move(END - SECOND)
    subscribes(life, unnamed(life))

    life.move(DUE[kind] + SECOND)

    assert not is_there(life, kind)


def test_one_that_began_in_the_second_of_the_end_is_a_return():
    life, _ = leaving()
    life.move(END)
    subscribes(life, unnamed(life))

    life.move(RELEASE + SECOND)

    assert is_there(life, "numbers_released")


def test_one_that_is_over_again_is_none():
    life, _ = leaving()
    life.move(END)
    life.stripe("DELETE", f"/v1/subscriptions/{subscribes(life, unnamed(life))}")

    life.move(RELEASE + SECOND)

    assert not is_there(life, "numbers_released")
