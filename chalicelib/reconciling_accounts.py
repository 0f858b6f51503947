"""Compares our accounts with Stripe, one at a time, and puts right what Stripe's word puts right.

Stripe is asked for all that the account's customer has. What differs is asked for once more and told to `decide`, as
any event is. What only a person can mend is a finding, with a sentence that says what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib import hearing, log
from chalicelib.domain import drift
from chalicelib.domain.account import Account
from chalicelib.domain.drift import Drift
from chalicelib.domain.facts import StripeSaysInvoice, StripeSaysSubscription
from chalicelib.gateways.stripe import StripeRefused
from chalicelib.lifecycle import UnknownAccount, must_load, tell
from chalicelib.store import accounts, findings
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
    if customer is None or not (always or _may_drift(account)):
        return Seen(account_id, asked=False)
    drifts = _drifts(world, account, customer)
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


def _repaired(
    world: World, account_id: str, drifts: Sequence[Drift]
) -> tuple[tuple[Drift, ...], tuple[Drift, ...]]:
    """Those that were put right, and those that had gone by themselves when Stripe was asked once more."""
    done: list[Drift] = []
    settled: list[Drift] = []
    for one in drifts:
        if one.repairable:
            changed = _REPAIRS.get(one.kind, tell_subscription)(world, account_id, one.subject)
            (done if changed else settled).append(one)
            if changed:
                log.event("drift_repaired", account=account_id, kind=one.kind, subject=one.subject)
    return tuple(done), tuple(settled)


def tell_subscription(world: World, account_id: str, subscription_id: str) -> bool:
    def asked(account: Account) -> StripeSaysSubscription:
        said = world.stripe.subscription(subscription_id)
        if said.subscription.customer_id != account.stripe_customer_id:
            raise hearing.Unusable("other_customer")
        return said

    told = tell(world, account_id, asked, id=f"reconciled:{world.new_id()}", by="stripe")
    return told.outcome == "applied"


def _tell_payment(world: World, account_id: str, subscription_id: str) -> bool:
    """The payment that carries it furthest: its own event was lost, and a later invoice has taken its place."""
    paid = world.stripe.newest_paid_invoice(subscription_id)
    if paid is None:
        return False
    fact = StripeSaysInvoice(invoice=paid)
    told = tell(world, account_id, fact, id=f"reconciled:{world.new_id()}", by="stripe")
    return told.outcome == "applied"


_REPAIRS = {drift.PAYMENT_UNHEARD: _tell_payment}


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
