"""Requests, appeals and disputes as customers, operators and banks make them, and dates written out by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib import wiring
from chalicelib.domain.moments import rfc3339
from chalicelib.gateways.stripe import StripeUnavailable
from chalicelib.gateways.stripe_money import MoneyAtStripe
from chalicelib.store.table import Table
from infra.local.stripe_emulator import disputes
from infra.local.stripe_emulator.events import changed, emit
from tests.support import top_ups
from tests.support.faults import FaultyTable, Plan, faulty
from tests.support.life import START, Life, Reply

ACME = "acme"
CHANNEL = "1msg:channel:month"
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
PAID, SET_UP_FEE, STRIPE_FEE = 4900, 500, 172
PAYABLE = 4228
assert PAYABLE == PAID - SET_UP_FEE - STRIPE_FEE

# START is a Saturday: Monday 2 February is the first business day after it.
FIRST_REPLY_DUE = "2026-02-05T00:00:00Z"
DECISION_DUE = "2026-02-20T00:00:00Z"
PERIOD_END = datetime(2026, 2, 28, 12, 0, tzinfo=UTC)

APPEAL = {
    "payment": "pi_123",
    "date": "2026-01-30",
    "amount": {"amount": 4900, "currency": "usd"},
    "description": "I was charged twice.",
}


def onemsg(table: Table | None = None, start: datetime = START) -> tuple[Life, str]:
    """A customer who has just paid for a channel."""
    life = Life(table, start)
    life.account(ACME, "1msg")
    return life, life.subscribe(ACME, CHANNEL)


def ask(life: Life, subscription: str, **more: Any) -> Reply:
    return life.customer(
        ACME, "POST", "/v1/refund-requests", {"subscription_id": subscription, **more}
    )


def asked(life: Life, subscription: str) -> str:
    made = ask(life, subscription)
    assert made.status == 201, made.body
    return str(made.body["id"])


def ask_top_up(life: Life, entry: str, **more: Any) -> Reply:
    return life.customer(ACME, "POST", "/v1/refund-requests", {"ledger_entry": entry, **more})


def appealed(life: Life, **fields: Any) -> Reply:
    return life.customer(ACME, "POST", "/v1/appeals", {**APPEAL, **fields})


def decide(life: Life, case: str, approve: bool = True, amount: int | None = None) -> Reply:
    body: dict[str, Any] = {"approve": approve, "reason": "We looked into it."}
    if amount is not None:
        body["amount"] = {"amount": amount, "currency": "usd"}
    return life.operator("POST", f"/v1/cases/{case}/decision", body)


def reply(life: Life, case: str, **fields: Any) -> Reply:
    return life.operator("POST", f"/v1/cases/{case}/replies", fields)


def answer(life: Life, case: str, **fields: Any) -> Reply:
    return life.customer(ACME, "POST", f"/v1/cases/{case}/replies", fields)


def show(life: Life, case: str) -> dict[str, Any]:
    found = life.customer(ACME, "GET", f"/v1/cases/{case}")
    assert found.status == 200, found.body
    shown: dict[str, Any] = found.body
    return shown


def cases(life: Life, kind: str | None = None) -> list[dict[str, Any]]:
    """As the membership page lists them, newest first."""
    found = life.membership(ACME)["cases"]
    return [one for one in found if kind in (None, one["kind"])]


def refunds(life: Life) -> list[dict[str, Any]]:
    """What Stripe has refunded, oldest first."""
    found: list[dict[str, Any]] = life.stripe("GET", "/v1/refunds?limit=100")["data"]
    return list(reversed(found))


def in_force(life: Life) -> list[int]:
    return [one["amount"] for one in refunds(life) if one["status"] in ("pending", "succeeded")]


def topped_up(life: Life, amount: int = 5000) -> str:
    """A paid top-up; its ledger entry."""
    top_ups.pay(life, top_ups.started(life, amount=amount))
    return str(life.entries(ACME, "top_up")[-1]["id"])


def newest_charge(life: Life) -> str:
    customer = life.stripe("GET", "/v1/customers?limit=1")["data"][0]["id"]
    return str(life.charges(customer)[-1]["id"])


def disputed(life: Life, **target: Any) -> str:
    return str(life.control("open_dispute", **target)["dispute"])


def settled(life: Life, dispute: str, status: str) -> None:
    life.control("close_dispute", dispute=dispute, status=status)


def becomes(life: Life, dispute: str, status: str, **more: Any) -> None:
    """The bank, or Stripe, says otherwise."""
    world = life.emulator._world
    world.at = int(life.now.timestamp())
    changed(world, "charge.dispute.updated", world.get("dispute", dispute), status=status, **more)
    life.deliver()


def inquired(life: Life, charge: str) -> str:
    """A bank asks about a payment; no money moves."""
    world = life.emulator._world
    world.at = int(life.now.timestamp())
    made = disputes._blank(world, world.get("charge", charge), "general")
    dispute = world.add({**made, "status": "warning_needs_response", "is_charge_refundable": True})
    world.change(world.get("charge", charge), disputed=True)
    emit(world, "charge.dispute.created", dispute)
    life.deliver()
    return str(dispute["id"])


def told(life: Life, *types: str) -> list[dict[str, Any]]:
    """The events that left, of these types, oldest first."""
    return [one for one in life.events() if one["type"] in types]


def past(life: Life) -> list[str]:
    """What the history says, in order."""
    found = life.operator("GET", f"/v1/admin/accounts/{ACME}/timeline").body["past"]
    return [one["what"] for one in found]


def use(life: Life, id: str = "a1", at: datetime | None = None) -> None:
    body = {"account_id": ACME, "id": id, "kind": "template_created", "at": rfc3339(at or life.now)}
    given = life.service("POST", "/v1/activity", body)
    assert given.status in (200, 201), given.body


def meanwhile(monkeypatch: Any, name: str, happens: Callable[[], object]) -> None:
    """Just before the app asks Stripe this for the first time, something happens."""
    real = getattr(MoneyAtStripe, name)

    def once(*args: Any, **named: Any) -> Any:
        monkeypatch.setattr(MoneyAtStripe, name, real)
        happens()
        return real(*args, **named)

    monkeypatch.setattr(MoneyAtStripe, name, once)


READS = (
    "charge", "charge_of_intent", "newest_period", "paid_by", "refunds_of", "refund", "dispute",
    "disputes_of", "subscription", "subscriptions_of", "invoice", "payment_method", "invoices_of",
    "open_invoices",
)  # fmt: skip
WRITES = ("pay_back", "end_now")


def through(life: Life, plan: Plan) -> wiring.World:
    """A process whose every call to the table and to Stripe is counted, and may go wrong as planned."""
    return replace(
        life.world,
        table=FaultyTable(life.world.table, plan),
        stripe=faulty(
            life.world.stripe,
            plan,
            names=READS + WRITES,
            reads=READS,
            unavailable=lambda: StripeUnavailable("as planned"),
        ),
    )


def sent_a_message(life: Life) -> None:
    given = life.service(
        "POST",
        "/v1/usage-charges",
        {"account_id": ACME, "id": "u1", "kind": "conversation", "at": rfc3339(life.now),
         "amount": {"amount": 5, "currency": "usd"}},
    )  # fmt: skip
    assert given.status in (200, 201), given.body
