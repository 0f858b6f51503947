"""What must hold at every moment, whatever happened before: the invariants of design.md, by their numbers.

`check_all` looks at the rows themselves and at the carrier's own record, not at what the app says of them. It knows
nothing of the story that was told. Call it after every step; one `Witness` per world remembers what may never change.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, TypeVar

import msgspec

from chalicelib.domain.access import has_access
from chalicelib.domain.account import Account
from chalicelib.domain.ending import extension_of
from chalicelib.domain.lapsing import lapse_at
from chalicelib.domain.ledger import GENESIS, WALLET, Entry, Posting, Wallet, book
from chalicelib.domain.moments import from_rfc3339, rfc3339
from chalicelib.domain.needs import numbers_needed_at
from chalicelib.domain.number_fees import Number
from chalicelib.domain.registrations import Registration
from chalicelib.domain.releasing import release_at
from chalicelib.domain.timeline import timeline
from chalicelib.store import keys
from chalicelib.store.accounts import loaded_from
from chalicelib.store.memory import MemoryTable
from chalicelib.store.records import from_doc
from chalicelib.store.rows import loaded
from chalicelib.store.table import Key, Row, Table
from chalicelib.wiring import World

T = TypeVar("T")

SECRETS = (
    "whsec_",
    "sk_test",
    "billing.stripe.com",
    "invoice.stripe.com",
    "/p/session/",
    "Bearer ",
)


@dataclass
class Witness:
    """What was seen before and may not change: the end of each subscription, who owns each customer."""

    ended: dict[str, datetime] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    fees: set[str] = field(default_factory=set)
    """Causes of fees that a plan was seen to need."""
    books: dict[str, "Books"] = field(default_factory=dict)
    """Account → its ledger as far as it was seen to hold."""


@dataclass(frozen=True)
class Books:
    """The first entries of a ledger, and what they make."""

    entries: list[Entry] = field(default_factory=list)
    wallet: Wallet = field(default_factory=Wallet)
    balances: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Seen:
    """One account's rows, sorted out."""

    account: Account
    rows: list[Row]
    """In the order of their keys."""
    read: dict[str, tuple[Row, Any]] = field(default_factory=dict, repr=False, compare=False)
    """Sort key → the row that was read, and as what: whoever sees the very row again need not read it again."""

    def of(self, prefix: str) -> list[Row]:
        start = bisect_left(self._sks, prefix)
        stop = bisect_right(self._sks, prefix, lo=start, key=lambda sk: sk[: len(prefix)])
        return self.rows[start:stop]

    @cached_property
    def _sks(self) -> list[str]:
        return [row["sk"] for row in self.rows]

    @cached_property
    def numbers(self) -> list[Number]:
        return self._each(Number, keys.NUMBER)

    @cached_property
    def registrations(self) -> list[Registration]:
        return self._each(Registration, keys.REGISTRATION)

    @cached_property
    def entries(self) -> list[Entry]:
        return self._each(Entry, keys.ENTRY)

    def _each(self, kind: type[T], prefix: str) -> list[T]:
        return [self._as(kind, row) for row in self.of(prefix)]

    def _as(self, kind: type[T], row: Row) -> T:
        seen, thing = self.read.get(row["sk"], (None, None))
        if seen is not row:
            thing = from_doc(kind, row["doc"])
            self.read[row["sk"]] = row, thing
        return thing  # type: ignore[return-value] # a prefix stands for one kind


@dataclass(frozen=True)
class Around:
    """What an account's own rows are compared with."""

    owners: Mapping[str, str]
    """Customer at Stripe → the account that says so."""
    claims: Mapping[str, Collection[str]]
    """Account → the live numbers that are claimed for it."""
    carrier: Mapping[str, Any]
    """The carrier's own record."""


def check_all(world: World, table: Table, carrier: Any, witness: Witness | None = None) -> None:
    """Raises AssertionError for the first thing that does not hold."""
    everything = list(rows_of(table))
    around = Around(customers(everything), claims(everything), carrier.view())
    if witness is not None:
        customers_never_move(around.owners, witness)
    nothing_secret(everything)
    for seen in accounts_in(everything):
        policy, now = world.policies.get(seen.account.policy), world.clock.now()
        holds_as_stored(seen, policy, now, around, witness)
        paid_access_is_whole(seen, policy, now)
        if witness is not None:
            ended_stays_ended(seen, witness)


def holds_as_stored(
    seen: Seen, policy: Any, now: datetime, around: Around, witness: Witness | None
) -> None:
    """Whatever can only come to be wrong when a row is written, or when the carrier is called."""
    ledger_balances(seen, witness)
    messages_end_once(seen)
    fees_are_due_and_single(seen, policy, now, witness or Witness())
    numbers_and_registrations_agree(seen, around.claims)
    releases_were_due_and_intended(seen, around.carrier)
    the_steps_are_the_timeline(seen, policy)
    bound_customer_is_its_own(seen, around.owners)


# -- reading the table whole, as nothing in the app ever does


def rows_of(table: Table) -> Iterator[Row]:
    assert isinstance(table, MemoryTable), "invariants read a table in memory"
    for partition in list(table._partitions.values()):
        for values in list(partition.rows.values()):
            yield loaded(values)


def accounts_in(everything: list[Row]) -> Iterator[Seen]:
    partitions: dict[str, list[Row]] = {}
    for row in everything:
        if row["pk"].startswith("A#"):
            partitions.setdefault(row["pk"], []).append(row)
    for rows in partitions.values():
        found = [row for row in rows if row["sk"] == "account"]
        if found:
            yield Seen(loaded_from(found[0]).account, sorted(rows, key=lambda row: row["sk"]))


def customers(everything: Iterable[Row]) -> dict[str, str]:
    return {
        row["pk"].removeprefix("C#"): row["doc"]["account_id"]
        for row in everything
        if row["sk"] == "customer"
    }


def claims(everything: Iterable[Row]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in everything:
        if row["sk"] == "number" and row["pk"].startswith("N#"):
            found.setdefault(row["state"], []).append(row["pk"].removeprefix("N#"))
    return found


# -- 1


def ledger_balances(seen: Seen, witness: Witness | None = None) -> None:
    """1. The ledger sums to zero; balances equal the sum of entries; no entry without a cause; the chain holds."""
    known = witness.books if witness is not None else {}
    books = known[seen.account.id] = _booked(seen.entries, known.get(seen.account.id))
    wallet, balances = books.wallet, books.balances
    stored = [row for row in seen.rows if row["sk"] == "wallet"]
    kept = from_doc(Wallet, stored[0]["doc"]) if stored else Wallet()
    assert kept == wallet, (
        f"1: the wallet has {kept.balances} after {kept.seq} entries,"
        f" and the entries make {wallet.balances} of {wallet.seq}"
    )
    assert {k: v for k, v in kept.balances.items() if v} == {k: v for k, v in balances.items() if v}
    assert kept.hash == (seen.entries[-1].hash if seen.entries else GENESIS)
    causes = {row["sk"].removeprefix(keys.CAUSE): row["doc"]["seq"] for row in seen.of(keys.CAUSE)}
    assert causes == {entry.cause: entry.seq for entry in seen.entries}


def _booked(entries: list[Entry], before: Books | None) -> Books:
    """Each entry follows from those before it, so what held of the first of them holds as long as they are the same."""
    if before is None or entries[: len(before.entries)] != before.entries:
        before = Books()
    wallet, balances = before.wallet, Counter(before.balances)
    for entry in entries[len(before.entries) :]:
        posting = Posting(
            cause=entry.cause, kind=entry.kind, at=entry.at, lines=entry.lines, note=entry.note
        )
        # `book` refuses lines that do not sum to zero.
        wallet, again = book(wallet, posting)
        assert again == entry, f"the chain breaks at {entry.seq}"
        for line in entry.lines:
            balances[line.money.currency] += line.money.amount * (line.account == WALLET)
    return Books(entries, wallet, balances)


# -- 2


def messages_end_once(seen: Seen) -> None:
    """2. Credited at most once; credited is never sent, sent never credited; no credit before the end."""
    booked: dict[str, list[str]] = {}
    for entry in seen.entries:
        for id in entry.note.get("messages", ()):  # type: ignore[attr-defined]
            booked.setdefault(id, []).append(entry.kind)
    for id, kinds in booked.items():
        back = [kind for kind in kinds if kind in ("messages_credited", "message_deleted")]
        assert len(back) <= 1, f"2: the price of {id} was given back twice"
        assert kinds.count("messages_scheduled") == 1, f"2: {id} was booked as {kinds}"
    for row in seen.of(keys.MESSAGE):
        id, state = row["sk"].removeprefix(keys.MESSAGE), row["state"]
        want = {"credited": ["messages_credited"], "deleted": ["message_deleted"]}.get(state, [])
        told = " and then as ".join(booked.get(id, ["nothing"]))
        assert booked.get(id, [])[1:] == want, f"2: {id} is {state}, and was booked as {told}"


# -- 3


def fees_are_due_and_single(seen: Seen, policy: Any, now: datetime, witness: Witness) -> None:
    """3. No fee twice for one date, none before it, none at or after the end, none after the release."""
    released = {n.e164: n.released_at for n in seen.numbers if n.released_at}
    charged = Counter[tuple[str, datetime]]()
    for entry in (e for e in seen.entries if e.kind == "number_fee"):
        e164 = str(entry.note["number"])
        charged[e164, entry.at] += 1
        assert entry.at <= now
        assert e164 not in released or entry.at <= released[e164]
        # A purge forgets the plans that were; one still unpaid at Stripe may come back alone.
        forgotten = seen.account.purged_at is not None and entry.at < seen.account.purged_at
        if seen.account.subscriptions and not forgotten:
            _a_plan_needed(entry, seen.account, policy, witness)
    twice = [f"{e164} for {rfc3339(at)}" for (e164, at), times in charged.items() if times > 1]
    assert not twice, f"3: charged more than once was {twice}"


def _a_plan_needed(entry: Entry, account: Account, policy: Any, witness: Witness) -> None:
    if numbers_needed_at(account, policy, entry.at):
        witness.fees.add(entry.cause)
        return
    # Right when it was charged; then Stripe was told to end it all at once, in the very same second, or an operator put
    # another contract in the place of the one that kept the plan.
    ended_on_it = numbers_needed_at(account, policy, entry.at - timedelta(seconds=1))
    assert ended_on_it or account.contracts, f"no plan needed {entry.cause}"
    assert entry.cause in witness.fees, f"no plan needed {entry.cause}"


# -- 4, 5, 12


def releases_were_due_and_intended(seen: Seen, view: Mapping[str, Any]) -> None:
    """4, 5. Nothing is released or lapsed before its day, nor twice. 12. Its intent was recorded first."""
    history = [row["doc"] for row in seen.of(keys.HISTORY)]
    # A purge leaves of the history that something happened, not what.
    purged = seen.account.purge_began_at or seen.account.purged_at
    intents = Counter(
        (doc["what"], *(doc.get("data") or {}).values())
        for doc in history
        if doc["what"].endswith(("_begun", "_asked")) and "number" in doc["what"]
    )
    for kind in ("numbers", "registrations"):
        for name, record in view[kind].items():
            mine = [c for c in record["calls"] if c["key"].startswith(f"{seen.account.id}:")]
            done = [c for c in mine if c["outcome"] == "done"]
            assert len({c["key"] for c in done}) == len(done), f"{name} was given back twice"
            for call in done:
                step = call["key"].split(":")[1]
                due = from_rfc3339(call["key"][-20:])
                assert due <= from_rfc3339(call["at"]), f"{name} was given back before {due}"
                if step == "numbers_released" and not purged:
                    assert intents["number.release_begun", name], f"no intent for {name}"


def numbers_and_registrations_agree(seen: Seen, claims: Mapping[str, Collection[str]]) -> None:
    """The account's counts, the rows and the claims on live numbers say the same."""
    held = [n.e164 for n in seen.numbers if n.state != "released"]
    assert seen.account.numbers == len(held), (seen.account.numbers, held)
    assert seen.account.registrations == sum(r.lapses for r in seen.registrations)
    claimed = claims.get(seen.account.id, ())
    assert sorted(claimed) == sorted(held), (sorted(claimed), sorted(held))
    removing = {n.e164 for n in seen.numbers if n.state == "removing"}
    assert removing == set(seen.account.removals), (removing, seen.account.removals)


# -- 6


def paid_access_is_whole(seen: Seen, policy: Any, now: datetime) -> None:
    """6. Access is never cut before the paid-through date plus extensions."""
    for one in seen.account.subscriptions.values():
        extension = extension_of(seen.account, one)
        paid = one.paid_until is not None and now < one.paid_until + extension
        if paid and one.has_started and not (one.suspended_at or one.forfeited_at):
            assert has_access(seen.account, one, policy, now), f"{one.id} is paid and has no access"


# -- 8, 9


def ended_stays_ended(seen: Seen, witness: Witness) -> None:
    """8. Ended is terminal for a Stripe subscription id."""
    for id, one in seen.account.subscriptions.items():
        before = witness.ended.get(id)
        assert before is None or one.ended_at is not None, f"{id} came back from its end"
        if one.ended_at is not None:
            witness.ended[id] = one.ended_at


def customers_never_move(owners: Mapping[str, str], witness: Witness) -> None:
    """9. Nothing re-binds a customer."""
    for customer, owner in owners.items():
        assert witness.owners.setdefault(customer, owner) == owner


def bound_customer_is_its_own(seen: Seen, owners: Mapping[str, str]) -> None:
    customer = seen.account.stripe_customer_id
    assert customer is None or owners.get(customer) == seen.account.id


# -- 11: what is to be done can be found


def the_steps_are_the_timeline(seen: Seen, policy: Any) -> None:
    """Every step that lies ahead is stored with the account and stands in the due index, and nothing else does.

    A step that is not in the index is never carried out: that is how a promise is lost in silence.
    """
    ahead = {step.id: step.due for step in timeline(seen.account, policy)}
    assert seen.account.steps == ahead, (seen.account.steps, ahead)
    indexed = {
        row["sk"].removeprefix(keys.STEP): row for row in seen.of(keys.STEP) if "due_kind" in row
    }
    assert set(indexed) == set(ahead), (
        f"11: in the due index is {_named(indexed)}, and ahead lies {_named(ahead)}"
    )
    for id, row in indexed.items():
        assert row["state"] == "pending"
        assert row["due_at"]
        assert row["doc"]["due"] == rfc3339(ahead[id])


# -- 13


def nothing_secret(everything: Iterable[Row]) -> None:
    """13. No row holds a secret or a link that lets somebody in; parked events hold ids and reasons only."""
    for row in everything:
        text = msgspec.json.encode(row).decode()
        assert not [word for word in SECRETS if word in text], row["sk"]
        if row["sk"].startswith(keys.PARKED):
            allowed = {"event_id", "type", "created", "object_id", "customer_id", "reason",
                       "parked_at", "attempts"}  # fmt: skip
            assert set(row["doc"]) <= allowed


def _named(steps: Iterable[str]) -> str:
    return " and ".join(sorted(steps)) or "nothing"


def due_for_release(table: Table, world: World, account_id: str) -> bool:
    """Whether, as the account is saved now, its numbers may be released now."""
    return _has_come(table, world, account_id, release_at)


def due_to_lapse(table: Table, world: World, account_id: str) -> bool:
    return _has_come(table, world, account_id, lapse_at)


def _has_come(table: Table, world: World, account_id: str, when: Any) -> bool:
    row = table.get(Key(keys.partition(account_id), "account"))
    assert row is not None
    account = loaded_from(row).account
    at: datetime | None = when(account, world.policies.get(account.policy))
    return at is not None and at <= world.clock.now()
