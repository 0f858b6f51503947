"""Reads Stripe's own lists, for what nobody here has heard of: subscriptions, payments, refunds and disputes.

Page by page, with a place that is kept after each, so that the next run goes on from there. What is news is asked for
and told to `decide` as its event would be: whatever became of the event, and however long ago it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from chalicelib import hearing, log, refunding
from chalicelib.domain import drift, top_ups
from chalicelib.domain.disputes import DisputeAtStripe
from chalicelib.domain.drift import Drift, SubscriptionLookedAt
from chalicelib.domain.from_stripe import SeveralPlans, UnknownPrice
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.refunds import RefundAtStripe
from chalicelib.domain.top_ups import PaidCheckout
from chalicelib.effects.effect import OutOfTime
from chalicelib.gateways.stripe import StripeRefused, StripeUnavailable
from chalicelib.gateways.stripe_lists import Listed, OfCustomer
from chalicelib.lifecycle import must_load
from chalicelib.reconciling_accounts import (
    DRIFTED,
    EQUAL,
    JOB,
    REPAIRED,
    finding,
)
from chalicelib.retelling import tell_money, tell_subscription
from chalicelib.store import accounts, cases, findings, job_notes, keys, wallet
from chalicelib.store.records import to_doc
from chalicelib.store.table import StoreError
from chalicelib.wiring import World

T = TypeVar("T")

EVERY = timedelta(days=1)
AT_STRIPE = "at_stripe"
PAID_SINCE = timedelta(days=90)
"""A voucher may be paid sixty days after its session was made. A refund whose customer names no bank account is given up
by Stripe after forty-five."""
DISPUTED_SINCE = timedelta(days=180)
"""One that was closed may be taken up again months after it was opened. Whichever is open here is asked for by its id
(`reconciling_accounts`), however old it is."""

UNHEARD = "subscription_unknown_here"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How far Stripe's lists were read in this walk."""

    began_at: datetime
    read_before: datetime | None = None
    """When the last walk that came to the end began: of what was made since, nobody has read anything yet."""
    list: str = "subscriptions"
    after: str | None = None
    ended_at: datetime | None = None
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def unread_since(self) -> datetime:
        """Not always a day ago: nothing is passed over because nobody read for months, or a backup was restored."""
        return self.read_before or self.began_at


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
        at = Place(began_at=now, read_before=_read_before(at))
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


def _read_before(last: Place | None) -> datetime | None:
    if last is None:
        return None
    return last.began_at if last.ended_at is not None else last.read_before


def _forget_strangers(world: World) -> None:
    """Customers that nobody knew, and who have an account by now."""
    for one in findings.all_of(world.table, JOB, findings.NOBODYS):
        if accounts.account_of_customer(world.table, one.subject) is not None:
            findings.drop(world.table, JOB, one)


def survey_lists(world: World) -> Place:
    """All of Stripe's lists at once, changing nothing here."""
    at = Place(began_at=world.clock.now(), read_before=_read_before(place(world)))
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
    return counts, _behind(at, page, "checkouts")


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
        changed = tell_subscription(world, owner, one.id)
    except (hearing.Unusable, UnknownPrice, SeveralPlans):
        # The walk over the accounts finds it too, and says what to do.
        return EQUAL
    if not changed:
        return EQUAL
    log.event("drift_repaired", account=owner, kind=UNHEARD, subject=one.id)
    return f"{REPAIRED}: {UNHEARD}"


def _checkouts(world: World, at: Place, *, apply: bool) -> tuple[Counter[str], Place]:
    """M1-5: money that was paid for a wallet is in it, also when nobody told us of it."""

    def heard(account_id: str, one: PaidCheckout) -> bool:
        return wallet.booked(world.table, account_id, top_ups.cause_of(one.id)) is not None

    page = world.stripe.paid_checkouts_page(at.after, at.unread_since - PAID_SINCE)
    ask = _Unheard(drift.TOP_UP_UNHEARD, heard)
    return _all_heard(world, at, page, ask, apply=apply), _behind(at, page, "refunds")


def _refunds(world: World, at: Place, *, apply: bool) -> tuple[Counter[str], Place]:
    """M1-7, M1-15, M1-16: money that went back is booked, or stands in its case, as it stands at Stripe."""

    def heard(account_id: str, one: RefundAtStripe) -> bool:
        return refunding.is_heard(world, account_id, one)

    page = world.stripe.refunds_page(at.after, at.unread_since - PAID_SINCE)
    ask = _Unheard(drift.REFUND_UNHEARD, heard)
    return _all_heard(world, at, page, ask, apply=apply), _behind(at, page, "disputes")


def _disputes(world: World, at: Place, *, apply: bool) -> tuple[Counter[str], Place]:
    """M1-12: a dispute is a case, which says what Stripe says."""

    def heard(account_id: str, one: DisputeAtStripe) -> bool:
        case = cases.load(world.table, account_id, one.id)
        return case is not None and case.dispute == one

    page = world.stripe.disputes_page(at.after, at.unread_since - DISPUTED_SINCE)
    ask = _Unheard(drift.DISPUTE_UNHEARD, heard)
    return _all_heard(world, at, page, ask, apply=apply), _behind(at, page, "")


@dataclass(frozen=True, slots=True)
class _Unheard(Generic[T]):
    """How to tell that nobody told us of something."""

    kind: str
    heard: Callable[[str, T], bool]


def _all_heard(
    world: World, at: Place, page: Listed[OfCustomer[T]], ask: _Unheard[T], *, apply: bool
) -> Counter[str]:
    owners = _owners(world, [one.customer_id for one in page.things if one.customer_id])
    counts: Counter[str] = Counter()
    for one in page.things:
        owner = owners.get(one.customer_id or "-")
        if owner is None or one.thing is None or ask.heard(owner, one.thing):
            continue
        changed = tell_money(world, ask.kind, one.id, one.customer_id) if apply else None
        if changed is None:
            counts[f"{DRIFTED}: {ask.kind}"] += 1
        else:
            counts[f"{REPAIRED}: {ask.kind}" if changed else EQUAL] += 1
    return counts


def _behind(at: Place, page: Listed[Any], following: str) -> Place:
    """Where to go on: in this list, or at the beginning of the next."""
    if page.more and page.things:
        return replace(at, after=page.things[-1].id)
    return replace(at, list=following, after=None)


LISTS = {
    "subscriptions": _subscriptions,
    "checkouts": _checkouts,
    "refunds": _refunds,
    "disputes": _disputes,
}
"""In the order in which they are read."""
