"""Compares our accounts with Stripe, one at a time, and puts right what Stripe's word puts right.

Stripe is asked for all that the account's customer has, and for each dispute that is open here. What differs is asked
for once more and told to `decide`, as any event is. What only a person can mend is a finding, with a sentence that says
what to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chalicelib import log
from chalicelib.domain import drift
from chalicelib.domain.account import Account
from chalicelib.domain.cases import DISPUTE
from chalicelib.domain.drift import Drift
from chalicelib.domain.open_cases import open_of
from chalicelib.gateways.stripe import StripeRefused
from chalicelib.gateways.stripe_reader import Unreadable
from chalicelib.lifecycle import UnknownAccount, must_load
from chalicelib.retelling import TELLS, tell_subscription
from chalicelib.store import accounts, cases, findings
from chalicelib.store.findings import Finding
from chalicelib.wiring import World

JOB = "reconcile"

EQUAL, NOT_LIVE = "equal", "nothing live"
REPAIRED, DRIFTED = "repaired", "drifted"


@dataclass(frozen=True, slots=True)
class Seen:
    """What became of one account."""

    account_id: str
    drifts: tuple[Drift, ...] = ()
    repaired: tuple[Drift, ...] = ()
    asked: bool = True

    @property
    def open(self) -> tuple[Drift, ...]:
        return tuple(one for one in self.drifts if one not in self.repaired)

    @property
    def outcome(self) -> str:
        """A word to be counted, with the kinds: `drifted: no_payment_method`."""
        if not self.drifts:
            return EQUAL if self.asked else NOT_LIVE
        left = self.open
        kinds = ", ".join(sorted({one.kind for one in left or self.drifts}))
        return f"{DRIFTED if left else REPAIRED}: {kinds}"


def visit(world: World, account_id: str, *, apply: bool, always: bool = False) -> Seen:
    """Compares one account with Stripe. Raises what keeps it from that."""
    try:
        account = must_load(world, account_id).account
    except UnknownAccount:
        return Seen(account_id, asked=False)
    customer = account.stripe_customer_id
    lives, disputed = always or _may_drift(account), open_of(account, DISPUTE)
    if not (customer and lives) and not disputed:
        return Seen(account_id, asked=False)
    drifts = _drifts(world, account, customer) if customer and lives else []
    drifts += _unheard_of(world, account_id, disputed)
    repaired = _repaired(world, account_id, drifts) if apply else ((), ())
    done, settled = repaired
    return Seen(account_id, tuple(one for one in drifts if one not in settled), done)


def _may_drift(account: Account) -> bool:
    """An end is the end. A customer who came back is found in Stripe's own list."""
    return any(one.ended_at is None for one in account.subscriptions.values())


def _drifts(world: World, account: Account, customer: str) -> list[Drift]:
    owner = accounts.account_of_customer(world.table, customer)
    found = [] if owner == account.id else [Drift(drift.CUSTOMER_ELSEWHERE, customer)]
    policy = world.policies.get(account.policy)
    try:
        there = world.stripe.everything_of(customer)
    except StripeRefused as refused:
        if refused.code != "resource_missing":
            raise
        return [*found, Drift(drift.CUSTOMER_UNKNOWN_AT_STRIPE, customer)]
    for one in drift.of_account(account, there, policy):
        elsewhere = one.kind == drift.UNKNOWN_AT_STRIPE and _is_there(world, one.subject)
        found.append(Drift(drift.SUBSCRIPTION_ELSEWHERE, one.subject) if elsewhere else one)
    return found


def _is_there(world: World, subscription_id: str) -> bool:
    try:
        world.stripe.subscription(subscription_id)
    except StripeRefused as refused:
        if refused.code != "resource_missing":
            raise
        return False
    return True


def _unheard_of(world: World, account_id: str, disputes: Sequence[str]) -> Iterator[Drift]:
    """M1-12: an open dispute holds a purge, and more, until the bank has spoken. Stripe's list of disputes is read back
    only so far; by its id one is asked for however old it is (decision 0026)."""
    for id in disputes:
        try:
            said = world.stripe.dispute(id)
        except Unreadable:
            yield Drift(drift.UNREADABLE, id)
            continue
        except StripeRefused as refused:
            if refused.code != "resource_missing":
                raise
            yield Drift(drift.DISPUTE_UNKNOWN_AT_STRIPE, id)
            continue
        case = cases.load(world.table, account_id, id)
        if case is None or case.dispute != said:
            yield Drift(drift.DISPUTE_UNHEARD, id, repairable=True)


def _repaired(
    world: World, account_id: str, drifts: Sequence[Drift]
) -> tuple[tuple[Drift, ...], tuple[Drift, ...]]:
    """Those that were put right, and those that had gone by themselves when Stripe was asked once more."""
    done: list[Drift] = []
    settled: list[Drift] = []
    for one in drifts:
        if one.repairable:
            changed = TELLS.get(one.kind, tell_subscription)(world, account_id, one.subject)
            if changed is None:
                # It waits among the parked events, and is a finding until it is heard.
                continue
            (done if changed else settled).append(one)
            if changed:
                log.event("drift_repaired", account=account_id, kind=one.kind, subject=one.subject)
    return tuple(done), tuple(settled)


def note(world: World, seen: Seen) -> None:
    """Keeps what is left for a person; what was found before and is mended goes."""
    for one in seen.open:
        log.event("drift_found", account=seen.account_id, kind=one.kind, subject=one.subject)
    found = [finding(world, seen.account_id, one) for one in seen.open]
    findings.save(world.table, JOB, seen.account_id, found)


def finding(world: World, account_id: str, one: Drift) -> Finding:
    says = drift.WHAT_TO_DO.get(
        one.kind, "It differs from Stripe: `lapse reconcile --apply` tells it Stripe's word."
    )
    return Finding(
        kind=one.kind,
        subject=one.subject,
        says=says,
        found_at=world.clock.now(),
        account_id=account_id,
    )
