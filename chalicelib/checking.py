"""Looks at every account once a day: do its rows, its books and its steps agree, and does every invariant hold?

It reads and repairs nothing: whatever does not hold is a bug or somebody's hand, and a person has to see it first. Each
violation is logged and kept as a finding until it holds again.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import msgspec

from chalicelib import log, walking
from chalicelib.domain.invariants import PURGES, Booking, Rows, Violation, violations
from chalicelib.domain.number_fees import Number
from chalicelib.domain.registrations import Registration
from chalicelib.effects.effect import OutOfTime
from chalicelib.sharing import Reach
from chalicelib.store import accounts, findings, holdings, keys, wallet
from chalicelib.store.accounts import Loaded
from chalicelib.store.findings import Finding
from chalicelib.store.records import from_doc
from chalicelib.store.table import Row
from chalicelib.wiring import World

JOB = "check_invariants"
EVERY = timedelta(days=1)
HOLDS, BROKEN = "holds", "broken"
LOOKS = 3


def check(world: World, account_id: str) -> list[Violation]:
    """What does not hold of this account, seen while it stood still."""
    found: list[Violation] = []
    for _ in range(LOOKS):
        loaded = accounts.load(world.table, account_id)
        if loaded is None:
            return []
        policy = world.policies.get(loaded.account.policy)
        found = list(violations(_rows(world, loaded), policy, world.clock.now()))
        if loaded.account.purge_began_at is not None:
            # Between the first and the last page of a purge the rows do not agree, and need not.
            found = [one for one in found if one.rule == PURGES]
        if not found:
            return found
        again = accounts.load(world.table, account_id)
        # Read in pieces while somebody wrote, it may look broken and not be.
        if again is not None and again.version == loaded.version:
            return found
    return found


def _rows(world: World, loaded: Loaded) -> Rows:
    """All of the account is read in one go, as large as the table gives it, and looked at row by row."""
    table, account = world.table, loaded.account
    every = list(holdings.rows(table, account.id, limit=holdings.MANY))

    def of(prefix: str) -> list[Row]:
        return [row for row in every if row["sk"].startswith(prefix)]

    numbers = [from_doc(Number, row["doc"]) for row in of(keys.NUMBER)]
    steps = of(keys.STEP)
    customer = keys.customer(account.stripe_customer_id) if account.stripe_customer_id else None
    subscriptions = {id: keys.subscription(id) for id in account.subscriptions}
    live_numbers = {one.e164: keys.live_number(one.e164) for one in numbers}
    wanted = [*subscriptions.values(), *live_numbers.values(), *([customer] if customer else [])]
    lead = table.get_many(wanted)
    own_wallet = next((row for row in every if row["sk"] == keys.wallet(account.id).sk), None)
    broken = wallet.verify_rows(own_wallet, of(keys.ENTRY), of(keys.CAUSE))
    from_outside = (keys.HISTORY, keys.NOTICE, keys.PREVIEW, keys.STEP)
    return Rows(
        account=account,
        numbers=numbers,
        registrations=[from_doc(Registration, row["doc"]) for row in of(keys.REGISTRATION)],
        seats=Counter(row["doc"]["subscription_id"] for row in of(keys.SEAT)),
        messages={row["sk"].removeprefix(keys.MESSAGE): row["state"] for row in of(keys.MESSAGE)},
        bookings=[_booking(row["doc"]) for row in of(keys.ENTRY)],
        ledger=f"entry {broken.seq}: {broken.what}" if broken else None,
        indexed={
            row["sk"].removeprefix(keys.STEP): row["doc"]["due"]
            for row in steps
            if "due_kind" in row and row.get("state") == "pending"
        },
        customer_owner=lead[customer]["doc"]["account_id"] if customer in lead else None,
        number_owners={
            e164: lead[key]["state"] for e164, key in live_numbers.items() if key in lead
        },
        subscription_owners={
            id: lead[key]["doc"]["account_id"] for id, key in subscriptions.items() if key in lead
        },
        texts={
            row["sk"]: msgspec.json.encode(row["doc"]).decode()
            for row in every
            if row["sk"].startswith(from_outside)
        },
    )


def _booking(doc: dict[str, object]) -> Booking:
    return from_doc(Booking, {name: doc.get(name) or {} for name in ("kind", "at", "note")})


def note(world: World, account_id: str, found: list[Violation]) -> None:
    now = world.clock.now()
    for one in found:
        log.event("invariant_violated", account=account_id, rule=one.rule, subject=one.subject)
    kept = [
        Finding(
            kind=one.rule, subject=one.subject, says=one.says, found_at=now, account_id=account_id
        )
        for one in found
    ]
    findings.save(world.table, JOB, account_id, kept)


def check_all(
    world: World, out_of_time: OutOfTime = lambda: False, reach: Reach | None = None
) -> str:
    """Once a day, in as many runs as it takes."""

    def one(account_id: str) -> str:
        found = check(world, account_id)
        note(world, account_id, found)
        return BROKEN if found else HOLDS

    walked = walking.periodically(world, JOB, EVERY, one, out_of_time, reach)
    if walked is None or not ((+walked.counts).keys() - {HOLDS} or walked.walk.status == "running"):
        return ""
    return str(walked)
