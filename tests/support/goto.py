"""One customer of a company with contracts, roles and licences. Dates are written out, not computed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.domain.evidence import Evidence
from chalicelib.domain.moments import from_rfc3339, from_unix, rfc3339
from chalicelib.store import consents
from tests.support.life import START, Life, Reply, consenting

SECOND = timedelta(seconds=1)
ACME = "acme"
WEBINAR = "goto:webinar:month"
CONNECT = "goto:connect:month"
YEARLY = "goto:webinar:year"
PRICE = 4900


def noon(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}T12:00:00").replace(tzinfo=UTC)


FIRST_END = noon("2026-02-28")


def customer_of_goto(price: str = WEBINAR, *, start: datetime = START) -> tuple[Life, str]:
    life = Life(start=start)
    life.account(ACME, "goto")
    return life, life.subscribe(ACME, price)


def under_contract(
    months: int, price: str = WEBINAR, *, start: datetime = START, **more: Any
) -> tuple[Life, str]:
    """Subscribed at `start`, and bound from that moment on."""
    life, subscription = customer_of_goto(price, start=start)
    bind(life, subscription, months, **more)
    return life, subscription


def bind(life: Life, subscription: str, months: int, **more: Any) -> None:
    contract = {"subscription_id": subscription, "starts_at": rfc3339(START), "months": months}
    put = life.operator("PUT", f"/v1/admin/accounts/{ACME}", {"contracts": [{**contract, **more}]})
    assert put.status == 200, put.body


def classic(life: Life, price: str = WEBINAR) -> str:
    """A subscription of the older billing mode, in which the portal sets both marks."""
    customer = customer_id(life)
    found = life.stripe("GET", f"/v1/prices?lookup_keys[]={price}")["data"][0]["id"]
    made = life.stripe(
        "POST",
        "/v1/subscriptions",
        f"customer={customer}&items[0][price]={found}&billing_mode[type]=classic",
    )
    return str(made["id"])


def customer_id(life: Life) -> str:
    put = life.operator("PUT", f"/v1/admin/accounts/{ACME}", {})
    return str(put.body["stripe_customer_id"])


def at_stripe(life: Life, subscription: str) -> dict[str, Any]:
    return life.stripe("GET", f"/v1/subscriptions/{subscription}")


def marked(life: Life, subscription: str) -> bool:
    """Whether Stripe is set to end it."""
    said = at_stripe(life, subscription)
    return said["cancel_at"] is not None or said["cancel_at_period_end"]


def ended_at(life: Life, subscription: str) -> datetime | None:
    ended = at_stripe(life, subscription)["ended_at"]
    return from_unix(ended) if ended else None


def billed(life: Life) -> list[str]:
    """The days on which the card was charged, oldest first."""
    return [
        from_unix(charge["created"]).date().isoformat()
        for charge in life.charges(customer_id(life))
        if charge["paid"]
    ]


def consequences(shown: Reply, kind: str) -> list[dict[str, Any]]:
    return [one for one in shown.body["consequences"] if one["kind"] == kind]


def upcoming(life: Life, kind: str) -> list[dict[str, Any]]:
    return [one for one in life.membership(ACME)["upcoming"] if one["kind"] == kind]


def shown_subscription(life: Life, subscription: str) -> dict[str, Any]:
    found = {one["id"]: one for one in life.membership(ACME)["subscriptions"]}
    return dict(found[subscription])


def as_role(life: Life, role: str, method: str, path: str, body: Any = None) -> Reply:
    return life.api(method, path, body, token=life.token(ACME, role))


def cancel_as(life: Life, subscription: str, role: str) -> Reply:
    """Previewed, consented and pressed by somebody of this role."""
    path = f"/v1/subscriptions/{subscription}"
    shown = as_role(life, role, "POST", f"{path}/cancellation-previews")
    assert shown.status == 201, shown.body
    return as_role(life, role, "POST", f"{path}/cancellation", consenting(shown.body))


def evidence(life: Life, evidence_id: str) -> Evidence:
    found = consents.confirmed(life.world.table, ACME, evidence_id)
    assert found is not None
    return found


def instant(text: str) -> datetime:
    return from_rfc3339(text)
