"""Ten million accounts, 300,000 steps due in one hour: how long it takes, what it asks, what it costs, what gives way next.

    python benchmarks/scale.py

The queue, the schedule and the takers are played second by second by the rules of chalicelib/sharing.py and
infra/aws/functions.py; accounts fall to shards and parts by the very functions that place them. Request units come from
benchmarks/request_units.py, walks over all accounts from benchmarks/rounds.py. What is only assumed (how long Stripe
takes, prices) is printed as such.
"""

from __future__ import annotations

import logging
import sys
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.assumed import (
    ACCOUNTS,
    OWN_SECONDS,
    SHARDS,
    STRIPE_A_SECOND,
    STRIPE_SECONDS,
    TABLE_SECONDS,
    dollars,
)
from benchmarks.request_units import FIRED, fired
from benchmarks.rounds import show_rounds
from benchmarks.tables import goal, show
from chalicelib.domain import steps
from chalicelib.handlers.jobs import JOBS, SPARE_MILLISECONDS
from chalicelib.sharing import PARTS, TURN
from chalicelib.store import keys
from chalicelib.store.table import Key
from chalicelib.sweeping import PAGE
from infra.aws.functions import FUNCTIONS

DUE = 300_000
PARTITION_WRITES = 1000
"""Write units a second of one partition of the table or of an index."""


@dataclass(slots=True)
class Taken:
    """What one run of a taker is at."""

    group: tuple[int, int]
    seconds_left: int
    owed: float = 0.0


@dataclass(slots=True)
class Played:
    seconds: int = 0
    invocations: int = 0
    busy: int = 0
    messages: int = 0
    asked_stripe: int = 0
    most_at_once: int = 0
    fastest: float = 0.0
    done_by: dict[int, int] = field(default_factory=dict)


def backlog() -> Counter[tuple[int, int]]:
    """How many of the due steps fall to each part of each shard."""
    found: Counter[tuple[int, int]] = Counter()
    for n in range(DUE):
        account = f"acct_{n:07}"
        part = keys.part(Key(keys.partition(account), "step"), PARTS)
        found[keys.shard(account, SHARDS), part] += 1
    return found


def play(due: Counter[tuple[int, int]], job: str, *, asks: bool, requests: float) -> Played:
    row = FUNCTIONS[job]
    most = row.seconds - SPARE_MILLISECONDS // 1000
    alone = (STRIPE_SECONDS if asks else 0) + requests * TABLE_SECONDS + OWN_SECONDS
    left, went = Counter(due), Played()
    waiting: dict[tuple[int, int], int] = Counter()
    order: deque[tuple[int, int]] = deque()
    taken: list[Taken] = []
    while sum(left.values()) > 0:
        if went.seconds % int(TURN.total_seconds()) == 0:
            went.invocations += 1
            for shard in range(SHARDS):
                if sum(left[shard, part] for part in range(PARTS)) >= PAGE:
                    for part in range(PARTS):
                        waiting[shard, part] += 1
                        order.append((shard, part))
                        went.messages += 1
                else:
                    for part in range(PARTS):
                        left[shard, part] = 0
        at_work = {one.group for one in taken}
        for _ in range(len(order)):
            if len(taken) == row.takers:
                break
            group = order.popleft()
            if group in at_work:
                # A group is one run's at a time: its next message waits.
                order.append(group)
                continue
            taken.append(Taken(group, most))
            at_work.add(group)
            went.invocations += 1
        went.most_at_once = max(went.most_at_once, len(taken))
        rate = min(1 / alone, STRIPE_A_SECOND / len(taken)) if asks and taken else 1 / alone
        done = 0
        for one in taken:
            one.owed += rate
            now = min(int(one.owed), left[one.group])
            one.owed -= int(one.owed)
            left[one.group] -= now
            done += now
            one.seconds_left -= 1
            went.busy += 1
        went.fastest = max(went.fastest, done)
        went.asked_stripe += done if asks else 0
        taken = [one for one in taken if one.seconds_left > 0 and left[one.group] > 0]
        went.seconds += 1
        if went.seconds > 86_400:
            raise SystemExit(f"{job} is not done in a day")
    return went


def main() -> None:
    logging.disable(logging.CRITICAL)
    due = backlog()
    rows = []
    for kind, job in KINDS:
        units = fired(next(one for one in FIRED if one.kind == kind), 100)
        asks = kind != steps.NUMBER_FEE
        went = play(due, job, asks=asks, requests=units.requests)
        writes, reads = units.written * DUE, units.read * DUE + _index_reads(due)
        used = {
            "write units": writes, "read units": reads, "invocations": went.invocations,
            "GB-seconds": went.busy * FUNCTIONS[job].memory / 1024, "queue requests": went.messages * 3,
        }  # fmt: skip
        rows.append((
            kind, f"{FUNCTIONS[job].takers}", f"{went.seconds / 60:.0f}", f"{went.fastest:.0f}",
            f"{went.invocations:,}", f"{went.messages:,}", f"{writes:,.0f}", f"{reads:,.0f}",
            f"{dollars(used):.2f}", goal(went.seconds / 60, WITHIN_MINUTES, " min"),
        ))  # fmt: skip
    show(
        f"{DUE:,} steps due at one instant, of {ACCOUNTS:,} accounts: minutes, request units, dollars",
        ("kind", ">takers", ">minutes", ">steps/s", ">runs", ">messages", ">write units",
         ">read units", ">dollars", "goal"),
        rows,
        [
            f"Played in {SHARDS} shards of {PARTS} parts, of {min(due.values()):,} to {max(due.values()):,} steps.",
            f"Assumed: Stripe answers in {STRIPE_SECONDS} s and takes {STRIPE_A_SECOND} requests a second.",
            f"Assumed: DynamoDB answers a request in {TABLE_SECONDS} s.",
        ],
    )  # fmt: skip
    show_rounds()
    _limits()


WITHIN_MINUTES = 60

KINDS = (
    (steps.ACCESS_ENDS, "expire_subscriptions"),
    (steps.NUMBER_FEE, "charge_number_fees"),
    (steps.NUMBERS_RELEASED, "release_numbers"),
)


def _index_reads(due: Counter[tuple[int, int]]) -> float:
    """Every part reads its whole shard: 200 bytes a key, half a unit for 4 KB."""
    return sum(due.values()) * PARTS * 200 / 4096 * 0.5


def _limits() -> None:
    alone = 1 / (STRIPE_SECONDS + 2 * TABLE_SECONDS + OWN_SECONDS)
    row = FUNCTIONS["expire_subscriptions"]
    one_run = (row.seconds - SPARE_MILLISECONDS // 1000) * alone
    show(
        "What gives way, and when",
        ("", ">at most", ""),
        [
            ("one function alone", f"{one_run * 12:,.0f}", "steps an hour"),
            ("takers", f"{row.takers * alone:,.0f}", "steps a second of a kind that asks Stripe"),
            ("Stripe", f"{STRIPE_A_SECOND:,}",
             "steps a second of all kinds together: the next limit, and not ours"),
            ("the due index", f"{SHARDS * PARTITION_WRITES:,}",
             f"index writes a second of one kind, {PARTITION_WRITES:,} in each shard"),
        ],
    )  # fmt: skip


if __name__ == "__main__":
    assert JOBS["expire_subscriptions"].shares_out
    main()
