"""SC-7: coming back. What was not carried out yet is called off; what is gone stays gone."""

from datetime import timedelta

import pytest

from tests.support.life import Life
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
    subscribed,
)

DAY = timedelta(days=1)


def test_resubscribing_on_day_13_keeps_the_numbers():
    """SC-7: "You can reactivate your subscription anytime by visiting the Membership page and resubscribing."."""
    life, old = leaving()
    life.move(END + 13 * DAY)

    new = life.subscribe(ACME)
    life.move(PURGE + 30 * DAY)

    assert life.status(ACME, old) == "canceled"
    assert life.status(ACME, new) == "active"
    assert life.features(ACME)["send_sms"] is True
    assert life.at_carrier() == {ONE: "active", TEN_DLC: "active"}


def test_resubscribing_in_the_last_second_before_the_release_keeps_the_numbers():
    """SC-7: "You can reactivate your subscription anytime"."""
    life, _ = leaving()
    life.move(RELEASE - SECOND)

    life.subscribe(ACME)
    life.move(RELEASE)

    assert life.at_carrier()[ONE] == "active"
    assert "numbers_released" not in life.upcoming(ACME)


def test_on_day_15_the_numbers_are_gone_and_the_registration_is_kept():
    """SC-7: "You can reactivate your subscription anytime": what is gone stays gone."""
    life, _ = leaving()
    life.move(END + 15 * DAY)

    life.subscribe(ACME)
    page = life.membership(ACME)
    life.move(LAPSE + DAY)

    assert page["numbers"] == []
    assert [(r["id"], r["status"]) for r in page["registrations"]] == [(TEN_DLC, "active")]
    assert life.at_carrier() == {ONE: "released", TEN_DLC: "active"}


def test_without_the_return_the_registration_would_have_been_active_until_day_30():
    """SC-7 beside SC-9: on day 15 the registration is still active, on day 30 it is not."""
    life, _ = leaving()

    life.move(END + 15 * DAY)
    on_day_15 = life.at_carrier()[TEN_DLC]
    life.move(LAPSE)

    assert (on_day_15, life.at_carrier()[TEN_DLC]) == ("active", "lapsed")


def test_resubscribing_in_the_last_second_of_the_year_keeps_the_data():
    """SC-7: "You can reactivate your subscription anytime": data still kept is kept."""
    life, old = leaving()
    life.move(PURGE - SECOND)

    life.subscribe(ACME)
    life.move(PURGE + 400 * DAY)

    subscriptions = {s["id"]: s["status"] for s in life.membership(ACME)["subscriptions"]}
    assert subscriptions.pop(old) == "canceled"
    assert list(subscriptions.values()) == ["active"]
    assert "data_purged" not in life.upcoming(ACME)


def test_resubscribing_after_the_purge_begins_with_an_empty_account():
    """SC-7: "You can reactivate your subscription anytime"."""
    life, _ = leaving()
    life.move(PURGE + DAY)

    new = life.subscribe(ACME)

    page = life.membership(ACME)
    assert [(s["id"], s["status"]) for s in page["subscriptions"]] == [(new, "active")]
    assert (page["numbers"], page["registrations"]) == ([], [])
    assert life.features(ACME)["send_sms"] is True


def test_resubscribing_to_the_other_plan_keeps_what_it_needs_as_well():
    """SC-7: "resubscribing": any live plan that needs the numbers keeps them."""
    life, _ = leaving()
    life.move(END + 13 * DAY)

    life.subscribe(ACME, CALLING)
    life.move(LAPSE + DAY)

    assert life.at_carrier() == {ONE: "active", TEN_DLC: "active"}
    assert life.features(ACME)["dialer"] is True
    assert life.features(ACME)["send_sms"] is False


def test_a_return_that_no_webhook_told_of_is_found_by_asking():
    """SC-7: Stripe is asked again before anything is given back."""
    life, _ = leaving()
    life.move(END + 13 * DAY)
    life.control("drop_webhooks")
    resubscribed_at_stripe(life)

    life.move(RELEASE)

    assert life.at_carrier()[ONE] == "active"
    assert sorted(life.membership(ACME, "status")) == ["active", "canceled"]
    assert life.features(ACME)["send_sms"] is True


def test_a_new_subscription_that_never_got_paid_keeps_nothing():
    """SC-7: "resubscribing": an attempt whose payment failed is none."""
    life, _ = leaving()
    life.move(END + 13 * DAY)
    customer = customer_of(life)
    life.control("fail_payment", customer=customer)
    made = resubscribed_at_stripe(life, "&payment_behavior=default_incomplete")

    life.move(RELEASE)

    assert made["status"] == "incomplete"
    assert life.releases(ONE) == [RELEASE]


def test_leaving_again_counts_from_the_new_end():
    """SC-8: "14 days after the cancellation takes effect": of the cancellation that counts now."""
    life, _ = leaving()
    life.move(END + 13 * DAY)
    new = life.subscribe(ACME)
    life.cancel(ACME, new)
    again = life.access_ends_at(ACME, new)

    life.move(again + 14 * DAY - SECOND)
    before = life.at_carrier()[ONE]
    life.move(again + 14 * DAY)

    assert before == "active"
    assert life.releases(ONE) == [again + 14 * DAY]


def test_while_the_plan_still_lives_it_is_resumed_and_not_bought_twice():
    """SC-7: "resubscribing" is for after the end; before it, SC-4 holds."""
    life, _ = leaving()

    bought = life.customer(
        ACME,
        "POST",
        "/v1/checkout-sessions",
        {"purpose": "plan", "price": MESSAGING, "success_url": "https://app.example.com/ok",
         "cancel_url": "https://app.example.com/no"},
    )  # fmt: skip

    assert (bought.status, bought.code) == (409, "already_subscribed")


@pytest.mark.parametrize("day", [1, 13, 29, 364])
def test_the_old_subscription_stays_canceled_whatever_comes_later(day):
    """SC-7: a new Stripe subscription; the old one's id is over for good."""
    life, old = leaving()
    life.move(END + day * DAY)

    life.subscribe(ACME)

    assert life.status(ACME, old) == "canceled"
    assert life.resume(ACME, old).code == "not_resumable"


def customer_of(life: Life) -> str:
    return str(life.stripe("GET", "/v1/customers?limit=1")["data"][0]["id"])


def resubscribed_at_stripe(life: Life, more: str = "") -> dict[str, object]:
    """A new subscription that somebody made at Stripe itself."""
    price = life.stripe("GET", f"/v1/prices?lookup_keys[0]={MESSAGING}")["data"][0]["id"]
    body = f"customer={customer_of(life)}&items[0][price]={price}{more}"
    return life.stripe("POST", "/v1/subscriptions", body)


def test_a_customer_who_only_cancelled_and_waited_is_asked_for_nothing():
    """SC-7: "anytime": the way back stands on the page until the end of all days."""
    life, (messaging,) = subscribed()
    life.cancel(ACME, messaging)

    life.move(PURGE + DAY)

    assert {one["plan"] for one in life.membership(ACME)["discover"]} == {"messaging", "calling"}
