"""Many subscriptions whose life is told in four events each, and ways to deliver those: the scenarios that no peer
survives whole.

Of each subscription Stripe holds the newest state it has told of so far; what is asked is answered from that.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random
from typing import Any

from app import app
from chalicelib import wiring
from chalicelib.gateways.stripe_reader import read_subscription
from infra.local.gateway import Gateway
from infra.local.messages import Request
from tests.support.stage import Stage, at
from tests.support.stripe_shapes import ACACIA, ENDIVE, event, raw, signature, subscription

THREADS = 8
GATEWAY = Gateway(app, lambda: "request", ())
Json = dict[str, Any]


@dataclass
class Told:
    """One subscription: what it was after each of its events, and those events."""

    account: str
    id: str
    states: list[Json]
    events: list[Json]


@dataclass
class Answers:
    statuses: list[int] = field(default_factory=list)
    outcomes: list[str] = field(default_factory=list)


class Slowly:
    """Stripe answers after 0 to so many milliseconds."""

    def __init__(self, milliseconds: float, seed: int = 1) -> None:
        self.milliseconds = milliseconds
        self.chance = Random(seed)

    def __call__(self) -> None:
        if self.milliseconds:
            time.sleep(self.chance.uniform(0, self.milliseconds) / 1000)


def tell(stage: Stage, count: int, *, ties: bool, seed: int = 1) -> list[Told]:
    """So many accounts, each with a subscription and its four events. With `ties`, three in ten successive events are
    of the same second."""
    chance = Random(seed)
    told = []
    for n in range(count):
        account, customer, id = f"account-{n}", f"cus_{n}", f"sub_{n}"
        stage.account(account, customer)
        told.append(_one(stage, chance, account, customer, id, ties))
    stage.move(at(stage.unix + 60))
    return told


def _one(stage: Stage, chance: Random, account: str, customer: str, id: str, ties: bool) -> Told:
    start = stage.unix
    end = start + 28 * 86_400
    # The same life, told by endpoints of either shape.
    version = chance.choice((ACACIA, ENDIVE))
    fresh = subscription(id, customer, start=start, end=end, version=version)
    lives: list[dict[str, Any]] = [
        {},
        {"cancel_at": end, "canceled_at": start},
        {"cancel_at": None, "canceled_at": None},
        chance.choice(
            [
                # Nothing anybody can see; and yet the cancellation before it must not come back when it is late.
                {"metadata": {"touched": "yes"}},
                {"cancel_at_period_end": True, "cancel_at": end, "canceled_at": start},
                {"cancel_at": end - 86_400, "canceled_at": start},
                {"status": "past_due"},
                {"status": "canceled", "ended_at": start + 40, "canceled_at": start + 40},
            ]
        ),
    ]
    kinds = ["created", "updated", "updated", "updated"]
    if lives[3].get("status") == "canceled":
        kinds[3] = "deleted"
    states, events, created = [], [], start
    for n, (kind, changes) in enumerate(zip(kinds, lives, strict=True)):
        fresh = {**fresh, **changes}
        states.append(fresh)
        if n and not (ties and chance.random() < 0.3):
            created += chance.randint(1, 10)
        name = f"evt_{id}_{n}"
        events.append(event(name, f"customer.subscription.{kind}", created, fresh, version))
    return Told(account, id, states, events)


def deliver(stage: Stage, one: Json, answers: Answers) -> None:
    body = raw(one)
    headers = (
        ("Content-Type", "application/json"),
        ("Stripe-Signature", signature(body, stage.unix)),
    )
    reply = GATEWAY.answer(Request("POST", "/webhooks/stripe", "", headers, body))
    answers.statuses.append(reply.status)
    answers.outcomes.append(reply.json().get("outcome", "refused"))


def happen(stage: Stage, told: Told, n: int) -> None:
    """Stripe's object is at least as far as its nth event says."""
    stage.truth.advance(told.id, told.states, n)


def everything_has_happened(stage: Stage, told: Iterable[Told]) -> None:
    for one in told:
        happen(stage, one, len(one.states) - 1)


def in_order(stage: Stage, told: Sequence[Told]) -> Answers:
    """One after the other, each as soon as it happened."""
    wiring.use(stage.world)
    answers = Answers()
    for n in range(4):
        for one in told:
            happen(stage, one, n)
            stage.move(at(one.events[n]["created"]))
            deliver(stage, one.events[n], answers)
    return answers


def shuffled(stage: Stage, told: Sequence[Told], *, seed: int = 2) -> Answers:
    """All of them in any order, one in five twice, when everything has happened."""
    wiring.use(stage.world)
    everything_has_happened(stage, told)
    answers = Answers()
    for _, one in _any_order(told, seed):
        deliver(stage, one, answers)
    return answers


def shuffled_while_it_happens(stage: Stage, told: Sequence[Told], *, seed: int = 2) -> Answers:
    """The same, but Stripe's object moves on only with the events, so that an answer may be older than the next one."""
    wiring.use(stage.world)
    answers = Answers()
    for (owner, n), one in _any_order(told, seed):
        happen(stage, owner, n)
        deliver(stage, one, answers)
    return answers


def _any_order(told: Sequence[Told], seed: int) -> list[tuple[tuple[Told, int], Json]]:
    chance = Random(seed)
    every = [((one, n), event) for one in told for n, event in enumerate(one.events)]
    every += chance.sample(every, len(every) // 5)
    chance.shuffle(every)
    return every


def burst(stage: Stage, told: Sequence[Told]) -> Answers:
    """The four events of a subscription at once, eight deliveries in parallel."""
    wiring.use(stage.world)
    everything_has_happened(stage, told)
    answers = Answers()
    with ThreadPoolExecutor(THREADS) as pool:
        for failed in pool.map(
            lambda one: deliver(stage, one, answers),
            [event for one in told for event in one.events],
        ):
            assert failed is None
    return answers


def wrong(stage: Stage, told: Iterable[Told]) -> list[str]:
    """The subscriptions whose state in our table is not Stripe's."""
    return [one.id for one in told if _ours(stage, one) != _theirs(stage, one)]


def _ours(stage: Stage, one: Told) -> dict[str, Any]:
    known = stage.load(one.account).subscriptions[one.id]
    return {name: getattr(known, name) for name in COMPARED}


def _theirs(stage: Stage, one: Told) -> dict[str, Any]:
    said = read_subscription(one.states[-1], stage.now)
    return {name: getattr(said, name) for name in COMPARED}


COMPARED = (
    "status", "period_start", "period_end", "cancel_at", "cancel_at_period_end", "canceled_at",
    "ended_at", "trial_ends_at", "quantity",
)  # fmt: skip
