"""Every function in one table: its size, its time, and the least that it may do.

A function without a row here cannot be packaged: whoever adds one says what it may touch. Each gets a role, a log group
and its alarms from its row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Secret = Literal["stripe", "stripe-refunds", "webhook", "roles", "carriers", "purgers", "endpoints"]
Files = Literal["read", "write", "delete"]
Queue = Literal["failed-runs"]

ACCOUNTS, PARKED, NUMBERS, JOBS, FINDINGS = "A#*", "P#*", "N#*", "W#*", "J#*"
CLAIMS = "B#*"
"""Claims of requests that are about no account yet."""
ADDRESSES, SUBSCRIPTIONS = "E#*", "S#*"
"""The rows that lead from an e-mail address or a subscription to an account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    memory: int = 512
    seconds: int = 280
    """A sweep ends before the next begins: they come every five minutes, and only one runs at a time."""
    disk: int = 512
    """Megabytes of room for files that are put together before they are stored."""
    at_once: int | None = 1
    """Reserved concurrency: as many may run, and no other function may take their place."""
    takers: int = 0
    """Runs beside the scheduled one that take shares of its work, while more is due than one does. As many as Stripe and
    the outsiders that it calls bear together; none without a queue."""
    writes: bool = True
    deletes: tuple[str, ...] = ()
    """Partitions, by the beginning of their key, of which it deletes rows. DynamoDB checks no finer than that."""
    directory: bool = False
    """Whether it walks over accounts, or lists what operators look for."""
    secrets: frozenset[Secret] = frozenset()
    files: frozenset[Files] = frozenset()
    tells: bool = False
    """Whether it publishes events and sends mail."""
    scheduled: bool = True


CALLS_CARRIERS: Final[frozenset[Secret]] = frozenset({"stripe", "carriers"})
ASKS_STRIPE: Final[frozenset[Secret]] = frozenset({"stripe"})
SENDS: Final[frozenset[Secret]] = frozenset({"endpoints"})

FUNCTIONS: Final[Mapping[str, Function]] = {
    # -- HTTP. The webhook has a function of its own: whatever customers do, Stripe's events find room.
    "api_handler": Function(
        memory=1024,
        seconds=29,
        at_once=None,
        # Seats, a repeat's claim, a parked event that was replayed, a number given back, a former address.
        deletes=(ACCOUNTS, CLAIMS, PARKED, NUMBERS, ADDRESSES),
        directory=True,
        secrets=frozenset({"stripe", "roles", "carriers"}),
        files=frozenset({"read"}),
        scheduled=False,
    ),
    "webhook": Function(
        memory=1024,
        seconds=29,
        at_once=50,
        secrets=frozenset({"stripe", "webhook"}),
        scheduled=False,
    ),
    # The same events by way of EventBridge, where a company has Stripe send them there.
    "hear_stripe_eventbridge": Function(
        memory=1024, seconds=60, at_once=20, secrets=ASKS_STRIPE, scheduled=False
    ),
    # -- what is due
    "tell_of_maintenance": Function(takers=16, directory=True, deletes=(JOBS,)),
    # The only one that is handed the key that pays back.
    "pay_decided_cases": Function(secrets=frozenset({"stripe", "stripe-refunds"})),
    "remind_cases": Function(),
    "settle_at_stripe": Function(secrets=ASKS_STRIPE),
    "expire_subscriptions": Function(takers=25, secrets=ASKS_STRIPE, deletes=(ACCOUNTS,)),
    "credit_unsent_messages": Function(takers=20, secrets=ASKS_STRIPE),
    "charge_number_fees": Function(takers=10, secrets=ASKS_STRIPE),
    "release_numbers": Function(takers=30, secrets=CALLS_CARRIERS, deletes=(NUMBERS,)),
    "lapse_registrations": Function(takers=5, secrets=CALLS_CARRIERS),
    # Deletes the files of the exports it made, when their week is over.
    "make_exports": Function(
        memory=1024,
        # As large as S3 takes a file in one piece: nothing half done ever lies there.
        disk=5 * 1024,
        secrets=ASKS_STRIPE,
        files=frozenset({"read", "write", "delete"}),
    ),
    # The only one that deletes what customers own.
    "purge_data": Function(
        takers=5,
        secrets=frozenset({"stripe", "purgers"}),
        deletes=(ACCOUNTS, PARKED, NUMBERS, ADDRESSES, SUBSCRIPTIONS, "K#*"),
        # It writes the tombstone of each purge.
        files=frozenset({"write", "delete"}),
    ),
    "send_reminders": Function(takers=6, secrets=ASKS_STRIPE),
    # -- the history goes out
    "publish_history": Function(at_once=None, seconds=60, tells=True, deletes=(ACCOUNTS,), scheduled=False),
    "publish_again": Function(takers=3, tells=True, deletes=(ACCOUNTS,)),
    # The two that speak to HTTP endpoints, and can sign for it.
    "send_history": Function(at_once=None, seconds=60, secrets=SENDS, scheduled=False),
    "send_again": Function(takers=2, secrets=SENDS),
    "catch_up_publishing": Function(takers=2, tells=True, deletes=(ACCOUNTS, JOBS), directory=True),
    # -- what Stripe says
    "hear_missed_events": Function(secrets=ASKS_STRIPE),
    "listen_for_silence": Function(directory=True),
    # Its takers together ask Stripe for less than half of what it bears: customers' own requests find room.
    "reconcile": Function(takers=10, secrets=ASKS_STRIPE, directory=True, deletes=(JOBS, FINDINGS)),
    # Looks at everything, and touches nothing but its own findings.
    "check_invariants": Function(takers=8, directory=True, deletes=(JOBS, FINDINGS)),
    "retry_parked_events": Function(takers=10, secrets=ASKS_STRIPE, deletes=(PARKED,)),
}  # fmt: skip
