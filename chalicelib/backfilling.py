"""Adopts an existing Stripe account: every customer with a subscription becomes an account here, or is named with the
reason why not.

One customer after the other, each with everything Stripe has of it in one decision. How far it came is saved after each
page, and whatever it does may be done twice: killed anywhere, it goes on. It is complete when every customer was looked
at and none is left over, and never says so before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from chalicelib import sweeping
from chalicelib.domain.account import Account
from chalicelib.domain.decision import CustomerBound
from chalicelib.domain.drift import SubscriptionLookedAt
from chalicelib.domain.facts import AccountPut, Adopted, InvoiceAtStripe
from chalicelib.domain.from_stripe import SeveralPlans, UnknownPrice, plan_of
from chalicelib.domain.policy import Policy
from chalicelib.effects.effect import OutOfTime
from chalicelib.gateways.stripe import StripeRefused
from chalicelib.gateways.stripe_reader import CustomerAtStripe
from chalicelib.lifecycle import tell
from chalicelib.store import accounts, findings, job_notes, parked
from chalicelib.store.accounts import AlreadyTold, Loaded, Taken, Told
from chalicelib.store.findings import Finding
from chalicelib.store.job_notes import Note
from chalicelib.wiring import World

JOB = "backfill"
BY = "backfill"
LONGEST_ID = 200
OVER = ("canceled", "incomplete_expired")

ADOPTED, ALREADY_HERE = "adopted", "already here"
NO_SUBSCRIPTIONS, LEFT_OUT = "without subscriptions", "left out"
Status = Literal["running", "complete", "incomplete"]
Progress = Callable[[int], None]

UNMAPPED = "unmapped"
NO_POLICY = "no_policy"
UNKNOWN_PRICE = "unknown_price"
CONFLICTS: Mapping[str, str] = {
    UNMAPPED: "Nobody says which account this customer is: put the id into its metadata at Stripe, or a line into the"
    " accounts' CSV.",
    "bad_account_id": "An account's id has 1 to 200 printable characters.",
    NO_POLICY: "Nobody says which policy this customer was promised: --policy, or a column in the accounts' CSV.",
    "unknown_policy": "There is no policy of this name.",
    UNKNOWN_PRICE: "It pays for something that no plan of its policy has. Fill in the map of prices.",
    "several_plans": "One subscription bills for several plans. Split it at Stripe.",
    "unreadable": "What Stripe says of a subscription cannot be read for certain.",
    "customer_of_another_account": "The customer belongs to another account here already.",
    "account_has_another_customer": "The account has another Stripe customer here already.",
    "another_policy": "The account exists here under another policy.",
}
"""Why a customer is left over, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """What a line of the accounts' CSV says. Empty: as Stripe or the options have it."""

    account_id: str
    policy: str | None = None
    email: str | None = None
    currency: str | None = None
    time_zone: str | None = None
    locale: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    policy: str | None = None
    metadata_key: str = "account_id"
    mapped: Mapping[str, Mapped] = field(default_factory=dict)
    """Stripe customer → account; before what its metadata says."""
    ignored_prices: frozenset[str] = frozenset()
    """Prices that are no plan of ours: subscriptions to nothing else are left alone."""
    makes_up_for_the_past: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A backfill, how far it is, and what came of it."""

    began_at: datetime
    status: Status = "running"
    after: str | None = None
    customers: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    left_over: int = 0
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What is to become of a customer. `why`: it is left over, for this reason."""

    customer: CustomerAtStripe
    mapped: Mapped | None = None
    policy: Policy | None = None
    subscriptions: tuple[SubscriptionLookedAt, ...] = ()
    why: str | None = None
    about: str = ""
    unknown_prices: tuple[tuple[str, str | None], ...] = ()


@dataclass(slots=True)
class Plan:
    """What a backfill would do."""

    customers: int = 0
    subscriptions: Counter[str] = field(default_factory=Counter)
    """Stripe's status → how many."""
    outcomes: Counter[str] = field(default_factory=Counter)
    left_over: list[Finding] = field(default_factory=list)
    prices: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    """Unknown price and its lookup key → how many subscriptions."""


def plan(world: World, options: Options, progress: Progress = lambda _: None) -> Plan:
    """Looks at every customer and changes nothing."""
    made, taken = Plan(), dict[str, str]()
    for customer in every_customer(world):
        judged = judge(world, options, customer)
        if judged.mapped is not None and judged.why is None:
            first = taken.setdefault(judged.mapped.account_id, customer.id)
            if first != customer.id:
                judged = replace(judged, why="account_has_another_customer", about=first)
        made.customers += 1
        made.outcomes[_outlook(world, judged)] += 1
        made.subscriptions.update(
            one.said.subscription.status if one.said else "unreadable"
            for one in judged.subscriptions
        )
        made.prices.update(judged.unknown_prices)
        made.left_over += [_finding(world, judged)] if judged.why else []
        progress(made.customers)
    return made


def every_customer(world: World) -> Iterator[CustomerAtStripe]:
    after: str | None = None
    while True:
        page = world.stripe.customers_page(after)
        yield from page.things
        if not page.more or not page.things:
            return
        after = page.things[-1].id


def _outlook(world: World, judged: Judged) -> str:
    if judged.why is not None:
        return f"left over: {judged.why}"
    if judged.mapped is None:
        return NO_SUBSCRIPTIONS if not judged.subscriptions else LEFT_OUT
    known = accounts.account_of_customer(world.table, judged.customer.id)
    return ALREADY_HERE if known else ADOPTED


def judge(world: World, options: Options, customer: CustomerAtStripe) -> Judged:
    found = world.stripe.everything_of(customer.id)
    judged = Judged(customer=customer, subscriptions=found)
    mapped = _mapped(options, customer)
    if mapped is None:
        only_ignored = all(_is_ignored(options, one) for one in found)
        return judged if not found or only_ignored else replace(judged, why=UNMAPPED)
    name = mapped.policy or options.policy
    if not (0 < len(mapped.account_id) <= LONGEST_ID and mapped.account_id.isprintable()):
        return replace(judged, why="bad_account_id")
    if name is None:
        return replace(judged, why=NO_POLICY)
    if name not in world.policies.names():
        return replace(judged, why="unknown_policy", about=name)
    policy = world.policies.get(name)
    judged = replace(judged, mapped=mapped, policy=policy)
    return _conflict(world, judged) or _unadoptable(options, judged, policy) or judged


def _mapped(options: Options, customer: CustomerAtStripe) -> Mapped | None:
    if customer.id in options.mapped:
        return options.mapped[customer.id]
    named = customer.metadata.get(options.metadata_key)
    return Mapped(account_id=named) if named else None


def _is_ignored(options: Options, one: SubscriptionLookedAt) -> bool:
    if one.said is None:
        return False
    said = one.said.subscription
    prices = [{said.price_id, said.lookup_key}]
    prices += [{item.price_id, item.lookup_key} for item in said.other_items]
    return all(names & options.ignored_prices for names in prices)


def _conflict(world: World, judged: Judged) -> Judged | None:
    assert judged.mapped is not None
    customer, account_id = judged.customer.id, judged.mapped.account_id
    owner = accounts.account_of_customer(world.table, customer)
    if owner not in (None, account_id):
        return replace(judged, why="customer_of_another_account", about=owner or "")
    loaded = accounts.load(world.table, account_id)
    if loaded is None:
        return None
    if loaded.account.stripe_customer_id not in (None, customer):
        return replace(judged, why="account_has_another_customer")
    assert judged.policy is not None
    if loaded.account.policy != judged.policy.name:
        return replace(judged, why="another_policy", about=loaded.account.policy)
    return None


def _unadoptable(options: Options, judged: Judged, policy: Policy) -> Judged | None:
    unknown: list[tuple[str, str | None]] = []
    for one in judged.subscriptions:
        if one.said is None:
            return replace(judged, why="unreadable", about=one.id)
        said = one.said.subscription
        if said.status in OVER or _is_ignored(options, one):
            continue
        try:
            plan_of(said, policy)
        except UnknownPrice:
            unknown.append((said.price_id, said.lookup_key))
        except SeveralPlans:
            return replace(judged, why="several_plans", about=one.id)
    if not unknown:
        return None
    about = ", ".join(price for price, _ in unknown)
    return replace(judged, why=UNKNOWN_PRICE, about=about, unknown_prices=tuple(unknown))


# -- doing it


def last_run(world: World) -> Run | None:
    note = job_notes.read(world.table, JOB)
    return note.as_(Run) if note.version else None


def left_over(world: World) -> Iterator[Finding]:
    return findings.all_of(world.table, JOB)


def adopt_all(
    world: World,
    options: Options,
    out_of_time: OutOfTime = lambda: False,
    progress: Progress = lambda _: None,
) -> Run:
    """Goes on with the backfill that was interrupted, or begins one. Raises what Stripe and the table raise, and
    job_notes.Overtaken when another one runs; what was done so far is kept."""
    note, run = _begin(world)
    while run.status == "running" and not out_of_time():
        try:
            page = world.stripe.customers_page(run.after)
        except StripeRefused as refused:
            if run.after is None or refused.code != "resource_missing":
                raise
            # The customer it stopped at was deleted since: all are looked at again, which changes nothing for those
            # who are here.
            run = Run(began_at=run.began_at)
            continue
        counts: Counter[str] = Counter()
        for n, customer in enumerate(page.things):
            counts[_adopt(world, options, customer, run)] += 1
            progress(run.customers + n + 1)
        run = replace(
            run,
            after=page.things[-1].id if page.things else run.after,
            customers=run.customers + len(page.things),
            counts=dict(Counter(run.counts) + counts),
        )
        if not page.more or not page.things:
            run = _ended(world, run)
        note = job_notes.write(world.table, JOB, note, run)
    return run


def _begin(world: World) -> tuple[Note, Run]:
    note = job_notes.read(world.table, JOB)
    if note.version and (run := note.as_(Run)).status == "running":
        return note, run
    run = Run(began_at=world.clock.now())
    return job_notes.write(world.table, JOB, note, run), run


def _ended(world: World, run: Run) -> Run:
    """Complete only when nobody is left over."""
    many = sum(1 for _ in left_over(world))
    status: Status = "incomplete" if many else "complete"
    return replace(run, status=status, left_over=many, ended_at=world.clock.now())


def _adopt(world: World, options: Options, customer: CustomerAtStripe, run: Run) -> str:
    judged = judge(world, options, customer)
    outcome = LEFT_OUT if judged.subscriptions else NO_SUBSCRIPTIONS
    if judged.why is None and judged.mapped is not None:
        try:
            outcome = _told(world, options, judged, run)
        except Taken:
            # Somebody bound it, or the account, since it was judged.
            judged = _conflict(world, judged) or replace(judged, why="customer_of_another_account")
    found = [_finding(world, judged)] if judged.why is not None else []
    findings.save(world.table, JOB, customer.id, found)
    return f"left over: {judged.why}" if judged.why is not None else outcome


def _told(world: World, options: Options, judged: Judged, run: Run) -> str:
    loaded = _account(world, options, judged, run)
    fact = Adopted(
        said=tuple(
            one.said
            for one in judged.subscriptions
            if one.said is not None and not _is_ignored(options, one)
        ),
        paid=tuple(_earlier_payments(world, judged)),
        makes_up_for_the_past=options.makes_up_for_the_past,
    )
    account = loaded.account
    tell(world, account.id, fact, id=f"backfill:{world.new_id()}", by=BY)
    # What came by webhook before its account was here.
    for key, _ in list(parked.of_customer(world.table, judged.customer.id)):
        sweeping.retry_one_parked(world, key)
    return ADOPTED if account.created_at == run.began_at else ALREADY_HERE


def _account(world: World, options: Options, judged: Judged, run: Run) -> Loaded:
    mapped, policy = judged.mapped, judged.policy
    assert mapped is not None
    assert policy is not None
    customer = judged.customer
    loaded = accounts.load(world.table, mapped.account_id)
    if loaded is None:
        new = Account(
            id=mapped.account_id,
            policy=policy.name,
            currency=mapped.currency or customer.currency or policy.currency,
            created_at=run.began_at,
            time_zone=mapped.time_zone or policy.time_zone,
            locale=mapped.locale or policy.locale,
            email=mapped.email or customer.email,
            stripe_customer_id=customer.id,
            adopted_at=None if options.makes_up_for_the_past else run.began_at,
        )
        told = Told(id=f"backfill:{customer.id}", by=BY, at=world.clock.now())
        bound = [CustomerBound(customer.id)]
        try:
            return accounts.create(world.table, new, told, bound, world.settings.due_shards)
        except AlreadyTold:
            loaded = accounts.load(world.table, mapped.account_id)
    assert loaded is not None
    if loaded.account.stripe_customer_id is None:
        put = AccountPut(stripe_customer_id=customer.id)
        return tell(world, loaded.account.id, put, id=f"backfill:{customer.id}:bound", by=BY).loaded
    return loaded


def _earlier_payments(world: World, judged: Judged) -> Iterator[InvoiceAtStripe]:
    """Where the newest invoice is not paid, what was paid last says how far access reaches."""
    for one in judged.subscriptions:
        said = one.said
        if said is None or (said.invoice is not None and said.invoice.status == "paid"):
            continue
        paid = world.stripe.newest_paid_invoice(one.id)
        if paid is not None:
            yield paid


def _finding(world: World, judged: Judged) -> Finding:
    assert judged.why is not None
    about = f" ({judged.about})" if judged.about else ""
    return Finding(
        kind=judged.why,
        subject=judged.customer.id,
        says=CONFLICTS[judged.why] + about,
        found_at=world.clock.now(),
        account_id=judged.customer.id,
    )
