"""A plan was switched at Stripe to a price that no policy names: it can be cancelled and resumed all the same, and the
switch waits for whoever adds the price.
"""

import pytest

from tests.support.life import Life
from tests.support.smarter_contact import ACME, CALLING, MESSAGING, subscribed
from tests.support.top_ups import parked


def unknown_price(life: Life) -> str:
    product = life.stripe("POST", "/v1/products", "name=p")["id"]
    form = f"currency=usd&unit_amount=4242&product={product}&recurring[interval]=month"
    return str(life.stripe("POST", "/v1/prices", form)["id"])


def switched(life: Life, messaging: str) -> None:
    """Somebody at Stripe puts another price in the place of the plan's."""
    item = life.stripe("GET", f"/v1/subscriptions/{messaging}")["items"]["data"][0]["id"]
    form = f"items[0][id]={item}&items[0][price]={unknown_price(life)}&proration_behavior=none"
    life.stripe("POST", f"/v1/subscriptions/{messaging}", form)


def split(life: Life, messaging: str) -> None:
    """It bills for two of the policy's plans at once: nobody can tell which one it is."""
    price = life.stripe("GET", f"/v1/prices?lookup_keys[]={CALLING}")["data"][0]["id"]
    form = f"items[0][price]={price}&proration_behavior=none"
    life.stripe("POST", f"/v1/subscriptions/{messaging}", form)


@pytest.fixture(params=[switched, split], ids=lambda one: one.__name__)
def unread(request):
    life, (messaging,) = subscribed(MESSAGING)
    request.param(life, messaging)
    return life, messaging


def test_it_is_cancelled_and_confirmed(unread):
    """SC-2: Stripe had turned renewal off, and the customer was answered 500, however often they pressed."""
    life, messaging = unread
    before = len(life.mail())

    pressed = life.cancel(ACME, messaging)
    again = life.cancel(ACME, messaging)

    assert (pressed.status, pressed.body["status"]) == (200, "pending_cancellation")
    assert pressed.body["access_ends_at"] == "2026-02-28T12:00:00Z"
    assert again.body == pressed.body
    assert life.stripe("GET", f"/v1/subscriptions/{messaging}")["cancel_at_period_end"] is True
    assert life.status(ACME, messaging) == "pending_cancellation"
    assert len(life.mail()) == before + 1


def test_it_is_resumed(unread):
    """SC-4."""
    life, messaging = unread
    life.cancel(ACME, messaging)

    resumed = life.resume(ACME, messaging)

    assert (resumed.status, resumed.body) == (200, {"status": "active"})
    assert life.stripe("GET", f"/v1/subscriptions/{messaging}")["cancel_at_period_end"] is False
    assert life.status(ACME, messaging) == "active"


def test_what_it_bills_for_stays_as_we_knew_it_and_waits_among_the_parked_events(unread):
    life, messaging = unread
    (before,) = life.membership(ACME)["subscriptions"]
    life.cancel(ACME, messaging)
    life.resume(ACME, messaging)

    (after,) = life.membership(ACME)["subscriptions"]

    assert {reason for _, reason in parked(life)} <= {"unknown_price", "several_plans"}
    assert "customer.subscription.updated" in {type for type, _ in parked(life)}
    assert (after["plan"], after["next_charge"]) == (before["plan"], before["next_charge"])


def test_an_event_alone_is_not_read_half(unread):
    """Nobody waits for it: it is parked, and told whole once its price is known."""
    life, messaging = unread

    life.control("portal_cancel", subscription=messaging)

    assert life.status(ACME, messaging) == "active"
    assert "customer.subscription.updated" in {type for type, _ in parked(life)}
