"""Each flow of money in a case, broken at every call to the table and to Stripe in every way: in the end it was done once.

The table looks at the books after every committed write. "Answer lost" at Stripe means that Stripe did it and nobody
heard: the refund must be found, not made again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from chalicelib import casework, wiring
from chalicelib.casework import By, Ruling
from chalicelib.domain.cases import AlreadyDecided
from chalicelib.domain.money import Money
from chalicelib.domain.steps import APPEAL_CREDITED, PLAN_ENDED, REFUND_PAID
from chalicelib.gateways.stripe import StripeUnavailable
from chalicelib.gateways.stripe_reader import read_event
from chalicelib.hearing import hear
from chalicelib.lifecycle import must_load
from chalicelib.store import wallet
from chalicelib.store.table import StoreError
from chalicelib.wiring import World
from tests.support.books import Audited, balance, booked, check_books
from tests.support.cases import (
    ACME,
    PAYABLE,
    appealed,
    ask_top_up,
    asked,
    decide,
    disputed,
    in_force,
    newest_charge,
    onemsg,
    refunds,
    settled,
    show,
    through,
    topped_up,
)
from tests.support.faults import Crash, Plan, every_fault
from tests.support.life import Life

LATER = timedelta(hours=1)


@dataclass(frozen=True)
class Flow:
    prepare: Callable[[Life], Any]
    """What it is about: a case, or Stripe's events."""
    act: Callable[[World, Any], object]
    """One try, as a request or a webhook makes it."""
    again: Callable[[Life, Any], object]
    """Whoever lost the answer comes again, with the world in order."""
    state: str
    refunded: list[int]
    wallet: int
    entries: list[str]


def refund(life: Life) -> str:
    return asked(life, life.membership(ACME, "id")[0])


def top_up(life: Life) -> str:
    return str(ask_top_up(life, topped_up(life)).body["id"])


def appeal(life: Life) -> str:
    return str(appealed(life).body["id"])


def ruled(amount: int | None = None) -> Callable[[World, str], object]:
    money = Money(amount, "usd") if amount else None

    def act(world: World, case: str) -> object:
        ruling = Ruling(approve=True, reason="Yes.", amount=money)
        return casework.decide(world, ACME, case, ruling, By(who="ann", request="r1"))

    return act


def ruled_again(amount: int | None = None) -> Callable[[Life, str], object]:
    def again(life: Life, case: str) -> None:
        with suppress(AlreadyDecided):
            ruled(amount)(life.world, case)

    return again


def unheard(life: Life, happens: Callable[[], str]) -> list[dict[str, Any]]:
    """Something happens at Stripe, and its events are still to come."""
    life.control("drop_webhooks")
    thing = happens()
    found = life.stripe("GET", "/v1/events?limit=100")["data"]
    life.control("resume_webhooks")
    return [e for e in reversed(found) if e["data"]["object"]["id"] == thing]


def lost(life: Life) -> list[dict[str, Any]]:
    topped_up(life)

    def happens() -> str:
        dispute = disputed(life, charge=newest_charge(life))
        settled(life, dispute, "lost")
        return dispute

    return unheard(life, happens)


def lost_plan(life: Life) -> list[dict[str, Any]]:
    def happens() -> str:
        dispute = disputed(life, charge=newest_charge(life))
        settled(life, dispute, "lost")
        return dispute

    return unheard(life, happens)


def failed(life: Life) -> list[dict[str, Any]]:
    case = top_up(life)
    decide(life, case)

    def happens() -> str:
        made = str(refunds(life)[0]["id"])
        life.control("refund_fails", refund=made)
        return made

    return unheard(life, happens)


def heard(world: World, events: list[dict[str, Any]]) -> None:
    for event in events:
        hear(world, read_event(event))


def heard_again(life: Life, events: list[dict[str, Any]]) -> None:
    heard(life.world, events)


FLOWS = {
    "a plan is refunded": Flow(refund, ruled(), ruled_again(), "refunded", [PAYABLE], 0, []),
    "a top-up is refunded": Flow(
        top_up, ruled(), ruled_again(), "refunded", [5000], 0, ["top_up", "refund"]
    ),
    "an appeal is credited": Flow(
        appeal, ruled(700), ruled_again(700), "credited", [], 700, ["appeal_credited"]
    ),
    "a lost top-up is heard": Flow(
        lost, heard, heard_again, "lost", [], 0, ["top_up", "dispute_withdrawn", "dispute_lost"]
    ),
    "a lost plan is heard": Flow(
        lost_plan, heard, heard_again, "lost", [], 0, ["dispute_withdrawn"]
    ),
    "a failed refund is heard": Flow(
        failed, heard, heard_again, "reopened", [], 5000, ["top_up", "refund", "refund_returned"]
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_broken_anywhere_ends_as_if_nothing_had_happened(name, monkeypatch):
    monkeypatch.setattr(wallet, "PAUSE_SECONDS", 0)
    flow = FLOWS[name]

    def told(plan: Plan) -> tuple[Life, Any]:
        life, _ = onemsg(Audited())
        about = flow.prepare(life)
        with suppress(Crash, StoreError, StripeUnavailable):
            flow.act(through(life, plan), about)
        return life, about

    broken = 0
    for plan in every_fault(told):
        life, about = told(plan)
        assert plan.struck
        wiring.use(life.world)
        flow.again(life, about)
        life.move(life.now + LATER)
        assert ending(life) == (flow.state, flow.refunded, flow.wallet, flow.entries), where(plan)
        assert not unpaid(life), where(plan)
        broken += 1
    assert broken > 30


def unpaid(life: Life) -> list[str]:
    """Steps that are still to pay or to end something."""
    ahead = must_load(life.world, ACME).account.steps
    return [
        id for id in ahead if id.partition(":")[0] in (REFUND_PAID, APPEAL_CREDITED, PLAN_ENDED)
    ]


def ending(life: Life) -> tuple[str, list[int], int, list[str]]:
    (case,) = life.membership(ACME)["cases"]
    audited: Any = life.watch._table
    check_books(audited.inner)
    kinds = [entry.kind for entry in booked(audited)]
    return case["state"], in_force(life), balance(audited), kinds


def where(plan: Plan) -> str:
    return f"{plan} at {plan.calls[min(plan.faults)].name}"


def test_a_decision_made_twice_at_once_is_made_once():
    """The same request under one Idempotency-Key, taken over by a second process, is one decision."""
    life, _ = onemsg()
    case = refund(life)

    ruled()(life.world, case)
    ruled()(life.world, case)

    assert in_force(life) == [PAYABLE]
    assert show(life, case)["earlier_decisions"] == []
