"""Compares everything live with Stripe, and puts right what Stripe's word puts right.

Two walks, each resumable and bounded: over our accounts, asking Stripe for all that each customer has; and over
Stripe's own lists, for what nobody here has heard of. What differs is asked for once more and told to `decide`, as any
event is. What only a person can mend is a finding, with a sentence that says what to do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from chalicelib import catching_up, hearing, log, walking
from chalicelib.domain import drift, top_ups
from chalicelib.domain.account import Account
from chalicelib.domain.drift import Drift, SubscriptionLookedAt
from chalicelib.domain.facts import StripeSaysInvoice, StripeSaysSubscription
from chalicelib.domain.from_stripe import SeveralPlans, UnknownPrice
from chalicelib.domain.moments import rfc3339
from chalicelib.effects.effect import OutOfTime
from chalicelib.gateways.stripe import StripeRefused, StripeUnavailable
from chalicelib.lifecycle import UnknownAccount, must_load, tell
from chalicelib.store import accounts, findings, job_notes, keys, parked, wallet
from chalicelib.store.findings import Finding
from chalicelib.store.parked import ParkedEvent
from chalicelib.store.records import to_doc
from chalicelib.store.table import StoreError
from chalicelib.wiring import World

JOB = "reconcile"
EVERY = timedelta(days=1)
AT_STRIPE = "at_stripe"
CHECKOUTS_SINCE = timedelta(days=45)
"""A payment by bank may arrive weeks after its session was made; events are remembered for thirty days."""

EQUAL, NOT_LIVE = "equal", "nothing live"
REPAIRED, DRIFTED = "repaired", "drifted"
UNHEARD = "subscription_unknown_here"


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


# -- over our accounts


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
            changed = _REPAIRS.get(one.kind, _tell_subscription)(world, account_id, one.subject)
            (done if changed else settled).append(one)
            if changed:
                log.event("drift_repaired", account=account_id, kind=one.kind, subject=one.subject)
    return tuple(done), tuple(settled)


def _tell_subscription(world: World, account_id: str, subscription_id: str) -> bool:
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


# -- over Stripe's lists


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How far Stripe's lists were read in this walk."""

    began_at: datetime
    list: str = "subscriptions"
    after: str | None = None
    ended_at: datetime | None = None
    counts: dict[str, int] = field(default_factory=dict)


def place(world: World) -> Place | None:
    kept = job_notes.read(world.table, JOB, AT_STRIPE)
    return kept.as_(Place) if kept.version else None


def place_shown(world: World) -> dict[str, Any] | None:
    at = place(world)
    return to_doc(at) if at is not None else None


def read_lists(world: World, out_of_time: OutOfTime, *, again: bool = False) -> str:
    """Goes on with the walk over Stripe's lists; begins a new one when it is time (or `again`)."""
    try:
        return _read_lists(world, out_of_time, again=again)
    except (StripeUnavailable, StripeRefused, StoreError, job_notes.Overtaken) as error:
        # The place is kept; the next run goes on from there.
        log.problem("lists_not_read", error)
        return f"stopped: {error}"


def _read_lists(world: World, out_of_time: OutOfTime, *, again: bool) -> str:
    kept = job_notes.read(world.table, JOB, AT_STRIPE)
    now = world.clock.now()
    at = kept.as_(Place) if kept.version else None
    if at is None or (at.ended_at is not None and (again or at.began_at + EVERY <= now)):
        at = Place(began_at=now)
    elif at.ended_at is not None:
        return ""
    while at.ended_at is None and not out_of_time():
        following = _next(world, at, apply=True)
        kept = job_notes.write(world.table, JOB, kept, following, AT_STRIPE)
        at = following
    _forget_strangers(world)
    told = ", ".join(f"{n} {what}" for what, n in sorted(at.counts.items()) if what != EQUAL)
    if at.ended_at is None:
        return f"{told or 'nothing new'} at Stripe, not finished"
    log.event("lists_read", began_at=rfc3339(at.began_at), counts=at.counts)
    return f"{told} at Stripe" if told else ""


def _forget_strangers(world: World) -> None:
    """Customers that nobody knew, and who have an account by now."""
    for one in findings.all_of(world.table, JOB, findings.NOBODYS):
        if accounts.account_of_customer(world.table, one.subject) is not None:
            findings.drop(world.table, JOB, one)


def survey_lists(world: World) -> Place:
    """All of Stripe's lists at once, changing nothing here."""
    at = Place(began_at=world.clock.now())
    while at.ended_at is None:
        at = _next(world, at, apply=False)
    return at


def _next(world: World, at: Place, *, apply: bool) -> Place:
    counts, following = LISTS[at.list](world, at, apply=apply)
    following = replace(following, counts=dict(Counter(at.counts) + counts))
    if following.list in LISTS:
        return following
    return replace(following, list="subscriptions", ended_at=world.clock.now())


def _subscriptions(world: World, at: Place, *, apply: bool) -> tuple[Counter[str], Place]:
    page = world.stripe.subscriptions_page(at.after)
    owners = _owners(world, [one.customer_id for one in page.things if one.customer_id])
    known = world.table.get_many([keys.subscription(one.id) for one in page.things])
    counts: Counter[str] = Counter()
    for one in page.things:
        is_known = keys.subscription(one.id) in known
        counts[_place_of(world, one, owners, is_known, apply=apply)] += 1
    if page.more and page.things:
        return counts, replace(at, after=page.things[-1].id)
    return counts, replace(at, list="checkouts", after=None)


def _owners(world: World, customers: Sequence[str]) -> dict[str, str]:
    rows = world.table.get_many([keys.customer(id) for id in dict.fromkeys(customers)])
    return {key.pk.removeprefix("C#"): row["doc"]["account_id"] for key, row in rows.items()}


def _place_of(
    world: World,
    one: SubscriptionLookedAt,
    owners: dict[str, str],
    is_known: bool,
    *,
    apply: bool,
) -> str:
    customer = one.customer_id or "-"
    owner = owners.get(customer)
    if owner is None:
        if one.said and one.said.subscription.status in ("canceled", "incomplete_expired"):
            # What has ended before anybody here knew it is a matter for a backfill, if for anybody.
            return EQUAL
        stranger = Drift(drift.CUSTOMER_UNKNOWN_HERE, customer)
        if apply:
            findings.add(world.table, JOB, finding(world, findings.NOBODYS, stranger))
            log.event("drift_found", account=None, kind=stranger.kind, subject=customer)
        return f"{DRIFTED}: {stranger.kind}"
    if is_known or one.said is None:
        return EQUAL
    if not apply:
        account = must_load(world, owner).account
        policy = world.policies.get(account.policy)
        unheard = any(d.repairable for d in drift.of_subscription(account, one, policy))
        return f"{DRIFTED}: {UNHEARD}" if unheard else EQUAL
    try:
        changed = _tell_subscription(world, owner, one.id)
    except (hearing.Unusable, UnknownPrice, SeveralPlans):
        # The walk over the accounts finds it too, and says what to do.
        return EQUAL
    if not changed:
        return EQUAL
    log.event("drift_repaired", account=owner, kind=UNHEARD, subject=one.id)
    return f"{REPAIRED}: {UNHEARD}"


def _checkouts(world: World, at: Place, *, apply: bool) -> tuple[Counter[str], Place]:
    """M1-5: money that was paid for a wallet is in it, also when nobody told us of it."""
    page = world.stripe.paid_checkouts_page(at.after, at.began_at - CHECKOUTS_SINCE)
    counts: Counter[str] = Counter()
    for one in page.things:
        if one.paid is None or one.paid.customer_id is None:
            continue
        owner = accounts.account_of_customer(world.table, one.paid.customer_id)
        if owner is None or wallet.booked(world.table, owner, top_ups.cause_of(one.id)):
            continue
        if not apply:
            counts[f"{DRIFTED}: {drift.TOP_UP_UNHEARD}"] += 1
            continue
        counts[_credited(world, one.id, one.paid.customer_id, at)] += 1
    if page.more and page.things:
        return counts, replace(at, after=page.things[-1].id)
    return counts, replace(at, list="", after=None)


def _credited(world: World, session_id: str, customer_id: str, at: Place) -> str:
    event = ParkedEvent(
        event_id=f"reconciled:{session_id}",
        type="checkout.session.completed",
        created=world.clock.now(),
        object_id=session_id,
        customer_id=customer_id,
        reason=drift.TOP_UP_UNHEARD,
        parked_at=at.began_at,
    )
    try:
        outcome = hearing.retry_parked(world, event)
    except hearing.Unusable as unusable:
        if isinstance(unusable.__cause__, StripeUnavailable):
            raise unusable.__cause__ from unusable
        # The schedule tries it again, and operators see it among what waits.
        again = world.clock.now() + hearing.FIRST_RETRY
        waits = replace(event, reason=unusable.reason)
        parked.park(world.table, waits, again, world.settings.due_shards)
        return f"{DRIFTED}: {drift.TOP_UP_UNHEARD}"
    return f"{REPAIRED}: {drift.TOP_UP_UNHEARD}" if outcome == "applied" else EQUAL


LISTS = {"subscriptions": _subscriptions, "checkouts": _checkouts}
"""In the order in which they are read."""


# -- what the schedule calls


def reconcile(world: World, out_of_time: OutOfTime = lambda: False) -> str:
    """Once a day, in as many runs as it takes."""

    def one(account_id: str) -> str:
        seen = visit(world, account_id, apply=True)
        note(world, seen)
        return seen.outcome

    # What nobody here knew is adopted first, so that the accounts are compared with it in their walk.
    lists = read_lists(world, out_of_time)
    walked = walking.periodically(world, JOB, EVERY, one, out_of_time)
    if walked is not None and walked.walk.status == "complete":
        catching_up.close_gap(world, walked.walk.began_at)
    parts = [lists, str(walked) if walked and _is_news(walked) else ""]
    return "; ".join(part for part in parts if part)


def _is_news(walked: walking.Walked) -> bool:
    said = (+walked.counts).keys() - {EQUAL, NOT_LIVE}
    return bool(said) or walked.walk.status == "running"
