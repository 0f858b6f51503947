"""What of a step was carried out before an operator held or waived it: money that moved is not moved back by that.

Asked once the operator's word is saved. What a sweep books is booked on the account's version, so nothing follows it any
more; a call to Stripe that was made before may still come through. It reads, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from chalicelib.domain import appeals, crediting, number_fees
from chalicelib.domain.ledger import WALLET, Entry
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.money import Money, total
from chalicelib.domain.steps import (
    APPEAL_CREDITED,
    MESSAGES_CREDITED,
    NUMBER_FEE,
    REFUND_PAID,
    Step,
)
from chalicelib.store import cases, holdings, wallet
from chalicelib.wiring import World

Shown = dict[str, Any]


def already(world: World, account_id: str, step: Step) -> Shown | None:
    """None where nothing was, or where only the carrier knows: there a step of its own asks."""
    ask = ALREADY.get(step.kind)
    return ask(world, account_id, step) if ask else None


def _fees_charged(world: World, account_id: str, step: Step) -> Shown | None:
    numbers = holdings.numbers(world.table, account_id)
    causes = [number_fees.cause_of(one.e164, step.due) for one in numbers]
    entries = wallet.booked_of(world.table, account_id, causes)
    return _said(entries, "Fees of this date that were charged before, and stay so")


def _messages_credited(world: World, account_id: str, step: Step) -> Shown | None:
    entries = wallet.booked_under(world.table, account_id, crediting.cause_of(step, ""))
    count = sum(len(cast("list[str]", one.note["messages"])) for one in entries)
    return _said(entries, "Messages that were credited before, and stay so", count)


def _refund_begun(world: World, account_id: str, step: Step) -> Shown | None:
    case = cases.load(world.table, account_id, step.subject or "")
    payout = case.payout if case is not None and case.is_paying else None
    if payout is None or payout.begun_at is None:
        return None
    begun = rfc3339(payout.begun_at)
    says = f"Stripe was asked for it at {begun}, and may make it, or have made it: its word is heard all the same."
    return {"count": 1, "amount": _money(payout.amount), "detail": says}


def _appeal_credited(world: World, account_id: str, step: Step) -> Shown | None:
    entries = wallet.booked_of(world.table, account_id, [appeals.cause_of(step.subject or "")])
    return _said(entries, "Credits that were booked before, and stay so")


ALREADY: Mapping[str, Callable[[World, str, Step], Shown | None]] = {
    NUMBER_FEE: _fees_charged,
    MESSAGES_CREDITED: _messages_credited,
    REFUND_PAID: _refund_begun,
    APPEAL_CREDITED: _appeal_credited,
}
"""The kinds that move money, each with how to tell what was moved."""


def _said(entries: Sequence[Entry], words: str, count: int | None = None) -> Shown | None:
    if not entries:
        return None
    moved = [one.money for entry in entries for one in entry.lines if one.account == WALLET]
    # An account whose currency was changed before its first entry may hold messages of another.
    amount = total([one for one in moved if one.currency == moved[0].currency], moved[0].currency)
    many = len(entries) if count is None else count
    return {
        "count": many,
        "amount": _money(amount if amount.amount >= 0 else -amount),
        "detail": f"{words}: {many}.",
    }


def _money(money: Money) -> Shown:
    return {"amount": money.amount, "currency": money.currency}
