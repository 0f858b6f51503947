"""The only loop: told a fact → load, decide, save. Nothing else decides.

`tell` saves the decision, its history entry and the changed steps in one conditional transaction, and starts again
whenever the account changed in between. What is dated is carried out by `sweeping`, under the same rule.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

from chalicelib.domain import maintenance
from chalicelib.domain.account import Account
from chalicelib.domain.decide import decide
from chalicelib.domain.decision import Decision
from chalicelib.domain.facts import Fact, StripeSaysSubscription
from chalicelib.domain.notices import with_news
from chalicelib.domain.timeline import timeline
from chalicelib.store import accounts
from chalicelib.store.accounts import AlreadyTold, Loaded, Stale, Told
from chalicelib.store.maintenance import work_of
from chalicelib.store.table import Contended, Unavailable
from chalicelib.wiring import World

T = TypeVar("T")

ATTEMPTS = 16
PAUSE_SECONDS = 0.01

Outcome = Literal["applied", "duplicate", "unchanged"]
Gather = Callable[[Account], Fact]
"""Learns what the fact needs (a row, Stripe's word) after the account was read and before it is saved, so that the
account's version guards it."""


class UnknownAccount(Exception):
    """Nobody has this id."""


@dataclass(frozen=True, slots=True)
class Telling:
    outcome: Outcome
    loaded: Loaded

    @property
    def account(self) -> Account:
        return self.loaded.account


def tell(world: World, account_id: str, fact: Fact | Gather, *, id: str, by: str) -> Telling:
    """Tells the account a fact, once.

    `id` is the fact's own (an event's, a request's, a step's with its date): the same id twice is a duplicate.
    Raises UnknownAccount, what `decide` raises, accounts.Taken, and the table's errors.
    """

    def once() -> Telling:
        loaded = must_load(world, account_id)
        known = fact(loaded.account) if callable(fact) else fact
        return settle(world, loaded, known, id=id, by=by)

    return again_while_stale(once)


def _as_said(said: StripeSaysSubscription) -> Fact:
    return said


def confirm(
    world: World,
    loaded: Loaded,
    said: StripeSaysSubscription,
    *,
    id: str,
    by: str,
    fact: Callable[[StripeSaysSubscription], Fact] = _as_said,
) -> Telling:
    """What Stripe answered to a request of ours that was made after the account was loaded.

    If the account has changed since, whatever changed it may have overtaken that answer: then Stripe is asked anew.
    """
    try:
        return settle(world, loaded, fact(said), id=id, by=by)
    except (Stale, Contended):
        subscription_id = said.subscription.id
        return tell(
            world,
            loaded.account.id,
            lambda _: fact(world.stripe.subscription(subscription_id)),
            id=id,
            by=by,
        )


def ask_of_all(world: World, account_id: str, customer_id: str, *, id: str) -> Telling:
    """Told what Stripe says now of every subscription of the account's customer: what it lives on may be news to us.
    Raises StripeUnavailable and StripeRefused."""
    return tell(
        world, account_id, lambda _: world.stripe.subscriptions_of(customer_id), id=id, by="stripe"
    )


def settle(world: World, loaded: Loaded, fact: Fact, *, id: str, by: str) -> Telling:
    """Decides on what was loaded and saves it. Raises accounts.Stale when the account moved on."""
    now = world.clock.now()
    policy = world.policies.get(loaded.account.policy)
    return save(world, loaded, decide(loaded.account, fact, policy, now), id=id, by=by)


def save(world: World, loaded: Loaded, decision: Decision, *, id: str, by: str) -> Telling:
    if decision.what is None:
        return Telling("unchanged", accounts.advance(world.table, loaded, decision.account))
    told = Told(id=id, by=by, at=world.clock.now())
    policy = world.policies.get(decision.account.policy)
    ahead = timeline(decision.account, policy)
    decision = with_news(loaded.account, decision, ahead, policy, told.at)
    try:
        after = accounts.save(world.table, loaded, decision, told, ahead, world.settings.due_shards)
    except AlreadyTold:
        return Telling("duplicate", loaded)
    return Telling("applied", after)


def again_while_stale(once: Callable[[], T]) -> T:
    """A conflict is answered by loading and deciding again, never by saving the same thing again."""
    for attempt in range(ATTEMPTS):
        try:
            return once()
        except (Stale, Contended):
            time.sleep(PAUSE_SECONDS * attempt)
    raise Unavailable(f"the account changed {ATTEMPTS} times while it was being saved")


def must_load(world: World, account_id: str) -> Loaded:
    loaded = load(world, account_id)
    if loaded is None:
        raise UnknownAccount(account_id)
    return loaded


def load(world: World, account_id: str) -> Loaded | None:
    """The account, told of all work on the systems that was announced by now: it extends access from its announcement
    on, not from when a walk comes by. Where a policy promises no extension nothing depends on that, and nothing is
    read for it."""

    def once() -> Loaded | None:
        loaded = accounts.load(world.table, account_id)
        if loaded is None:
            return None
        policy = world.policies.get(loaded.account.policy)
        return tell_of_work(world, loaded) if maintenance.extends_access(policy) else loaded

    return again_while_stale(once)


def tell_of_work(world: World, loaded: Loaded) -> Loaded:
    """Tells the account of every window that may concern it and that it has not heard of. Raises accounts.Stale."""
    news = [
        said
        for said in work_of(world.table, loaded.account.policy).said
        if maintenance.is_news(loaded.account, said)
    ]
    before = loaded
    for said in news:
        told = f"maintenance:{said.window_id}:{said.revision}"
        loaded = settle(world, loaded, said, id=told, by="maintenance").loaded
    # One that extends access may bring another within reach.
    return loaded if loaded is before or len(news) < 2 else tell_of_work(world, loaded)
