"""Top-ups as a customer and Stripe make them: the link, the payment, and its events told again."""

import json
from typing import Any

from chalicelib.store import wallet
from infra.local import seeds
from tests.support import stripe_shapes
from tests.support.books import debit
from tests.support.life import Life, Reply

ONE_MSG = "1msg"
ACME = "acme"
OK = {
    "success_url": "https://app.example.com/ok",
    "cancel_url": "https://app.example.com/no",
}


def living(policy: str = ONE_MSG, currency: str = "usd") -> tuple[Life, str]:
    life = Life()
    customer = life.account(ACME, policy)
    if currency != "usd":
        put = life.operator("PUT", f"/v1/admin/accounts/{ACME}", {"currency": currency})
        assert put.status == 200, put.body
    return life, customer


def ask(
    life: Life, purpose: str, amount: object = None, currency: str = "usd", **more: Any
) -> Reply:
    body: dict[str, Any] = {"purpose": purpose, **OK}
    if amount is not None:
        body["amount"] = {"amount": amount, "currency": currency}
    return life.customer(ACME, "POST", "/v1/checkout-sessions", {**body, **more})


def started(life: Life, purpose: str = "top_up", amount: object = 5000, **more: Any) -> str:
    made = ask(life, purpose, amount, **more)
    assert made.status == 201, made.body
    return str(made.body["checkout_session_id"])


def pay(life: Life, session: str, outcome: str = "paid") -> None:
    life.control("pay_checkout", session=session, outcome=outcome)


def held(life: Life) -> int:
    reply = life.customer(ACME, "GET", "/v1/wallet")
    return int(reply.body["balance"]["amount"])


def owe(life: Life, amount: int, cause: str = "fee") -> None:
    wallet.post(life.world.table, ACME, debit(cause, amount))


def parked(life: Life) -> list[tuple[str, str]]:
    found = life.operator("GET", "/v1/admin/parked-events").body["data"]
    return [(one["type"], one["reason"]) for one in found]


def events_of(life: Life, session: str) -> list[dict[str, Any]]:
    """The events of the session that Stripe has, oldest first."""
    found = life.stripe("GET", "/v1/events?limit=100")["data"]
    return [e for e in reversed(found) if e["data"]["object"]["id"] == session]


def tell(life: Life, event: dict[str, Any]) -> str:
    """The event, delivered again."""
    body = json.dumps(event).encode()
    given = stripe_shapes.signature(body, int(life.now.timestamp()), seeds.WEBHOOK_SECRET)
    reply = life.api("POST", "/webhooks/stripe", body, headers={"Stripe-Signature": given})
    assert reply.status == 200, reply.body
    return str(reply.body["outcome"])


def altered(event: dict[str, Any], **values: Any) -> dict[str, Any]:
    thing = {**event["data"]["object"], **values}
    return {**event, "id": "evt_altered", "data": {"object": thing}}


def paid_event(life: Life) -> dict[str, Any]:
    life.control("drop_webhooks")
    session = started(life)
    pay(life, session)
    (event,) = [e for e in events_of(life, session) if e["type"].endswith("completed")]
    return event
