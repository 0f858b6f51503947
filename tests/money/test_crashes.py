"""Every flow of money, broken at every call to the table and to Stripe in every way: done again, it is done once.

The table below looks at the books after every single committed write, so no moment goes unseen at which the ledger does
not sum to zero, a balance is not the sum of its entries, or a message is booked twice.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import pytest

from chalicelib import scheduling, usage
from chalicelib.domain import steps
from chalicelib.domain.activity import Activity
from chalicelib.domain.messages import ScheduledMessage
from chalicelib.domain.money import Money
from chalicelib.effects import credit_messages
from chalicelib.effects.effect import NotYet
from chalicelib.gateways.stripe import StripeUnavailable
from chalicelib.store import wallet
from chalicelib.store.table import StoreError
from chalicelib.sweeping import carry_out, sweep
from chalicelib.wiring import World
from tests.support.books import Audited, balance, booked, check_books, interrupted, recovered
from tests.support.faults import Crash, Fault, Plan, every_fault
from tests.support.life import Life
from tests.support.stage import END, Stage

ACME = "acme"
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Flow:
    prepare: Callable[[Stage], None]
    act: Callable[[Stage, World], object]
    """One try. It is repeated, as its caller or its schedule would, until it succeeds."""
    balance: int
    entries: dict[str, int]
    """Kind of entry → how many there are in the end."""


def messages(*ids: str) -> list[ScheduledMessage]:
    return [
        ScheduledMessage(id=id, channel="sms", send_at=END + DAY, price=Money(7, "usd"))
        for id in ids
    ]


def subscribed(stage: Stage) -> None:
    stage.account()
    stage.subscribe()


def scheduled(stage: Stage) -> None:
    subscribed(stage)
    scheduling.register(stage.world, stage.load(), messages("a", "b", "c"))


def ended(stage: Stage) -> None:
    scheduled(stage)
    stage.cancel()
    stage.move(END)


def fee_due(stage: Stage) -> None:
    subscribed(stage)
    stage.number("+14155550101", fee=100)
    stage.number("+14155550102", fee=250)
    # A year is paid, so that the fee's date lies before the end.
    stage.subscribe("sub_2", days=365)
    stage.move(END)


def swept(step_id: str) -> Callable[[Stage, World], object]:
    def act(stage: Stage, world: World) -> object:
        return carry_out(world, ACME, step_id)

    return act


def register(stage: Stage, world: World) -> object:
    return scheduling.register(world, stage.load(), messages("a", "b", "c"))


FLOWS = {
    "messages scheduled": Flow(subscribed, register, -21, {"messages_scheduled": 2}),
    "message sent": Flow(
        scheduled,
        lambda stage, world: scheduling.mark_sent(world, stage.load(), "b"),
        -21,
        {"messages_scheduled": 2},
    ),
    "message deleted": Flow(
        scheduled,
        lambda stage, world: scheduling.delete(world, stage.load(), "b"),
        -14,
        {"messages_scheduled": 2, "message_deleted": 1},
    ),
    "messages credited": Flow(
        ended,
        swept(f"{steps.MESSAGES_CREDITED}:sub_1"),
        0,
        {"messages_scheduled": 2, "messages_credited": 2},
    ),
    "number fees": Flow(fee_due, swept(steps.NUMBER_FEE), -350, {"number_fee": 2}),
    "usage charge": Flow(
        subscribed,
        lambda stage, world: usage.charge(
            world, ACME, usage.UsageCharge(id="u", kind="k", amount=Money(5, "usd"), at=stage.now)
        ),
        -5,
        {"usage": 1},
    ),
    "activity": Flow(
        subscribed,
        lambda stage, world: usage.report(world, ACME, Activity(id="a", kind="k", at=stage.now)),
        0,
        {},
    ),
}


@pytest.mark.parametrize("name", FLOWS)
def test_a_flow_broken_anywhere_ends_as_if_nothing_had_happened(name, monkeypatch):
    # Two messages a chunk, so that a flow has several transactions to be broken between.
    monkeypatch.setattr(wallet, "ROOM", 2)
    monkeypatch.setattr(wallet, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(credit_messages, "TURN", 50)
    flow = FLOWS[name]

    def told(plan: Plan) -> Stage:
        table = Audited()
        stage = Stage(table)
        flow.prepare(stage)
        with suppress(Crash, StoreError, StripeUnavailable, NotYet):
            flow.act(stage, stage.through(plan))
        return stage

    broken = 0
    for plan in every_fault(told):
        stage = told(plan)
        assert plan.struck
        again(flow, stage)
        assert balance(stage.table) == flow.balance, plan
        assert kinds(stage) == flow.entries, plan
        check_books(stage.table.inner)
        broken += 1
    assert broken > 3


def again(flow: Flow, stage: Stage) -> None:
    """The caller repeats the call; the schedule comes by again, and once more for good measure."""
    stage.world = stage.process()
    flow.act(stage, stage.world)
    flow.act(stage, stage.world)


def kinds(stage: Stage) -> dict[str, int]:
    found: dict[str, int] = {}
    for entry in booked(stage.table):
        found[entry.kind] = found.get(entry.kind, 0) + 1
    return found


# -- top-ups, through the app: making the link, and hearing that it was paid


def topped_up(life: Life) -> None:
    """What the customer does, and Stripe after them, whatever the app answers. Both try again."""
    for _ in range(3):
        made = life.customer(
            ACME,
            "POST",
            "/v1/checkout-sessions",
            {"purpose": "top_up", "amount": {"amount": 5000, "currency": "usd"},
             "success_url": "https://app.example.com/ok",
             "cancel_url": "https://app.example.com/no"},
            headers={"Idempotency-Key": "one click"},
        )  # fmt: skip
        if made.status == 201:
            life.control("pay_checkout", session=made.body["checkout_session_id"], outcome="paid")
            return


def test_a_top_up_broken_anywhere_is_credited_once():
    def told(plan: Plan) -> Life:
        life = Life(Audited())
        life.account(ACME, "1msg")
        interrupted(life, plan)
        with suppress(Crash):
            topped_up(life)
        return life

    links: set[int] = set()
    for plan in every_fault(told):
        life = told(plan)
        recovered(life)
        unpaid = open_sessions(life)
        if unpaid or not all_sessions(life):
            topped_up(life)
        # Stripe tries its webhook again, and the schedule what was parked.
        life.move(life.now + 3 * DAY)

        links.add(len(all_sessions(life)))
        assert balance(life.world.table) == 5000, plan
        assert [e.kind for e in booked(life.world.table)] == ["top_up"], plan
    # A click repeated under its key is one session at Stripe, even where the first answer was lost.
    assert links == {1}


def all_sessions(life: Life) -> list[dict]:
    return list(life.stripe("GET", "/v1/checkout/sessions?limit=100")["data"])


def open_sessions(life: Life) -> list[dict]:
    return [one for one in all_sessions(life) if one["status"] == "open"]


@pytest.mark.parametrize("at", range(1, 14))
def test_the_schedule_by_itself_finishes_what_was_broken(at):
    """The harness above repeats by hand; here nobody does but the sweeps, each failure written down with its next try."""
    stage = Stage(Audited())
    ended(stage)
    plan = Plan({at: Fault.THROTTLED})
    world = stage.through(plan)

    for _ in range(3):
        with suppress(StoreError):
            sweep(world, steps.MESSAGES_CREDITED)
        stage.move(stage.now + DAY)

    assert plan.struck
    assert balance(stage.table) == 0
    assert kinds(stage) == {"messages_scheduled": 1, "messages_credited": 1}
