"""M1-8: "Meta Conversation Fees … strictly non-refundable". Usage charges, and every other sign that a customer used
what they paid for (M1-7).

A charge is booked once under its own id. It is used up the moment it is made, so nothing here ever gives it back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.domain.activity import Activity
from chalicelib.domain.ledger import Entry, Posting, from_wallet
from chalicelib.domain.money import Money
from chalicelib.store import activity, wallet
from chalicelib.wiring import World

REPORTS_KEPT = timedelta(days=35)
"""So long a second report under the same id is told from the first; the use itself is remembered until the purge."""


class AlreadyTold(Exception):
    """This id was used before, for something else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageCharge:
    id: str
    kind: str
    amount: Money
    at: datetime


def charge(world: World, account_id: str, usage: UsageCharge) -> bool:
    """Debits the wallet, once. False when it had been booked before.

    Raises AlreadyTold when another charge has this id, and ledger.Unbookable.
    """
    posting = Posting(
        cause=f"usage:{usage.id}",
        kind="usage",
        at=usage.at,
        lines=from_wallet(usage.amount, "usage"),
        note={"usage": usage.id, "kind": usage.kind},
    )
    is_new = True
    try:
        wallet.post(world.table, account_id, posting)
    except wallet.AlreadyBooked:
        if not _is(posting, wallet.booked(world.table, account_id, posting.cause)):
            raise AlreadyTold(usage.id) from None
        is_new = False
    note(world, account_id, usage.at)
    return is_new


def _is(posting: Posting, entry: Entry | None) -> bool:
    return entry is None or entry.posting == posting


def report(world: World, account_id: str, told: Activity) -> None:
    """Any kind of activity counts as use. Raises AlreadyTold when another activity has this id."""
    keep_until = world.clock.now() + REPORTS_KEPT
    if activity.report(world.table, account_id, told, keep_until) != told:
        raise AlreadyTold(told.id)
    note(world, account_id, told.at)


def note(world: World, account_id: str, at: datetime) -> None:
    """What was reported has happened by now, whatever the reporter's clock says."""
    activity.note(world.table, account_id, min(at, world.clock.now()))
