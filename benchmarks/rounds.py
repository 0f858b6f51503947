"""A round over ten million accounts: what one function makes of it, and what the takers of its queue do.

    python benchmarks/rounds.py

Each job walks over some accounts on the in-memory table, which counts its requests and units. The schedule, the queue and
the takers are then played second by second, by the rules of chalicelib/walking.py and infra/aws/functions.py. What is only
assumed stands in benchmarks/assumed.py.
"""

from __future__ import annotations

import logging
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.assumed import (
    ACCOUNTS,
    OWN_SECONDS_A_REQUEST,
    SHARDS,
    STRIPE_A_SECOND,
    STRIPE_SECONDS,
    TABLE_SECONDS,
    dollars,
)
from benchmarks.request_units import Units
from benchmarks.tables import goal, show
from chalicelib import checking, maintaining, publishing, reconciling_accounts
from chalicelib.handlers.jobs import JOBS, SPARE_MILLISECONDS
from chalicelib.maintaining import Asked
from chalicelib.reconciling_lists import EVERY
from chalicelib.sharing import TURN
from chalicelib.store import keys
from infra.aws.functions import FUNCTIONS, Function
from tests.support.life import Life
from tests.support.maintenance import CHANNEL
from tests.support.units import MeteredTable

TURN_SECONDS = int(TURN.total_seconds())
KEPT_SECONDS = 3600
"""How long the queue keeps a message (infra/packaging/template.py)."""


@dataclass(frozen=True, slots=True)
class Round:
    job: str
    says: str
    makes: Callable[[Life], object]
    """Makes one round over everybody."""
    asks_stripe: bool = False
    """Once for each account: the list of its subscriptions."""
    few: int = 10
    more: int = 30
    """What the difference between so many accounts costs is what those are worth that are further."""
    with_plans: bool = True
    every: timedelta | None = None
    """How soon the next round is to begin."""


def _scheduled(job: str) -> Callable[[Life], object]:
    return lambda life: JOBS[job].run(life.world)


def _told(life: Life) -> None:
    """Work is announced, and all are told by the job: nobody is told while an operator waits for the answer."""
    day = life.now + timedelta(days=10)
    asked = Asked(starts_at=day, ends_at=day + timedelta(hours=2), kind="scheduled", reason="disks")
    maintaining.save(life.world, maintaining.announced(life.world, asked, "ops"))
    JOBS[maintaining.JOB].run(life.world)


ROUNDS = (
    Round(checking.JOB, "books, rows and steps agree", _scheduled(checking.JOB), every=checking.EVERY),
    Round(reconciling_accounts.JOB, "with Stripe, all of them live", _scheduled(reconciling_accounts.JOB), asks_stripe=True, every=EVERY),
    Round(maintaining.JOB, "each is told of work", _told),
    # Its accounts are looked at by fifties, so it takes some.
    Round(publishing.CATCH_UP, "nothing was missed", _scheduled(publishing.CATCH_UP), few=200, more=600, with_plans=False, every=publishing.CATCH_UP_EVERY),
)  # fmt: skip


def units(one: Round) -> Units:
    """Of each further account."""
    few, more = (_made(one, many) for many in (one.few, one.more))
    by = one.more - one.few
    return Units(
        (more.written - few.written) / by,
        (more.read - few.read) / by,
        (more.requests - few.requests) / by,
    )


def _made(one: Round, many: int) -> Units:
    table = MeteredTable()
    life = Life(table=table)
    for n in range(many):
        life.account(f"acme-{n}", "1msg")
        if one.with_plans:
            life.subscribe(f"acme-{n}", CHANNEL)
    table.start()
    one.makes(life)
    return Units(table.written, table.read, float(table.requests))


@dataclass(slots=True)
class Played:
    seconds: int = 0
    busy: int = 0
    invocations: int = 0
    messages: int = 0


def play(row: Function, a_visit: float, shards: list[int]) -> Played:
    """Until everybody was visited. Without takers one function walks by itself, turn by turn."""
    most = row.seconds - SPARE_MILLISECONDS // 1000
    a_second, left, went = 1 / a_visit, [float(many) for many in shards], Played()
    divided = False
    waiting: deque[tuple[int, int]] = deque()
    at_work: dict[int, int] = {}
    while any(left):
        if went.seconds % TURN_SECONDS == 0:
            went.invocations += 1
            if not divided:
                _alone(left, most * a_second)
                went.busy += most
                divided = row.takers > 0
                if divided:
                    went.seconds += most
                    _give(left, at_work, waiting, went)
                    # The next turn comes when it would have come.
                    continue
            else:
                _give(left, at_work, waiting, went)
        _take(row, left, at_work, waiting, went, most)
        for shard in list(at_work):
            left[shard] = max(0.0, left[shard] - a_second)
            at_work[shard] -= 1
            went.busy += 1
            if at_work[shard] == 0 or not left[shard]:
                del at_work[shard]
        went.seconds += 1
    return went


def _alone(left: list[float], many: float) -> None:
    for shard, there in enumerate(left):
        done = min(there, many)
        left[shard], many = there - done, many - done


def _give(
    left: list[float], at_work: dict[int, int], waiting: deque[tuple[int, int]], went: Played
) -> None:
    for shard, there in enumerate(left):
        if there and shard not in at_work:
            waiting.append((shard, went.seconds))
            went.messages += 1


def _take(
    row: Function,
    left: list[float],
    at_work: dict[int, int],
    waiting: deque[tuple[int, int]],
    went: Played,
    most: int,
) -> None:
    """A group is one run's at a time: its next message waits."""
    for _ in range(len(waiting)):
        if len(at_work) == row.takers:
            return
        shard, put = waiting.popleft()
        if went.seconds - put > KEPT_SECONDS:
            continue
        if shard in at_work:
            waiting.append((shard, put))
            continue
        went.invocations += 1
        if left[shard]:
            at_work[shard] = most


def everybody() -> list[int]:
    """How many accounts lie in each shard: as the first of a million fall, all of them do."""
    found, tried = [0] * SHARDS, ACCOUNTS // 10
    for n in range(tried):
        found[keys.shard(f"acct_{n:07}", SHARDS)] += ACCOUNTS // tried
    return found


def show_rounds() -> None:
    shards, rows = everybody(), []
    for one in ROUNDS:
        row, each = FUNCTIONS[one.job], units(one)
        a_visit = each.requests * (TABLE_SECONDS + OWN_SECONDS_A_REQUEST)
        a_visit += STRIPE_SECONDS if one.asks_stripe else 0
        went = play(row, a_visit, shards)
        run, turn = row.seconds - SPARE_MILLISECONDS // 1000, TURN_SECONDS
        alone = ACCOUNTS * a_visit / (run / turn)
        used = {
            "write units": each.written * ACCOUNTS, "read units": each.read * ACCOUNTS,
            "invocations": float(went.invocations),
            "GB-seconds": went.busy * row.memory / 1024, "queue requests": went.messages * 3.0,
        }  # fmt: skip
        rows.append((
            one.job, one.says, f"{each.requests:.2f}", f"{each.written:.2f}", f"{each.read:.2f}",
            f"{alone / 86_400:.1f}", str(row.takers), f"{went.seconds / 3600:.1f}",
            f"{ACCOUNTS / went.seconds:,.0f}", f"{went.invocations:,}", f"{went.messages:,}",
            f"{dollars(used):.2f}",
            goal(went.seconds / 3600, one.every.total_seconds() / 3600, " h") if one.every else "",
        ))  # fmt: skip
    show(
        f"One round over {ACCOUNTS:,} accounts: of one function alone, and of it and its takers",
        ("job", "", ">requests", ">written", ">read", ">days alone", ">takers", ">hours",
         ">accounts/s", ">runs", ">messages", ">dollars", "goal"),
        rows,
        [
            "Requests and units of each account are counted: what more accounts ask, less what few of them do.",
            f"Assumed: DynamoDB answers a request in {TABLE_SECONDS} s, we take {OWN_SECONDS_A_REQUEST} s for each.",
            f"Assumed: Stripe answers in {STRIPE_SECONDS} s, once for each account that is live there.",
            f"Its limit of {STRIPE_A_SECOND} requests a second alone takes {ACCOUNTS / STRIPE_A_SECOND / 3600:.0f} hours of the second.",
        ],
    )  # fmt: skip


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    show_rounds()
