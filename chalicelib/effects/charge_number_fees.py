"""SC-6: each number's monthly fee, from the wallet, once per date, at the date it fell due.

A number's own row says which date is next, and changes in the transaction that books the fee. A date on which no
plan needed the number is passed over, not charged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.domain.account import Account
from chalicelib.domain.holding import is_fee_waived
from chalicelib.domain.ledger import Posting, from_wallet
from chalicelib.domain.money import Money
from chalicelib.domain.needs import numbers_needed_at
from chalicelib.domain.number_fees import (
    Number,
    cause_of,
    cycle_of,
    next_fee_after,
    paid_beyond,
)
from chalicelib.domain.policy import Policy
from chalicelib.effects.effect import Done, MoreToDo, Task
from chalicelib.store import holdings, keys, wallet
from chalicelib.store.accounts import Stale, still
from chalicelib.store.records import to_doc
from chalicelib.store.table import Action, If, Refused, Update


def charge_number_fees(task: Task) -> Done:
    dates: list[datetime] = []
    charged = 0
    for turn, number in enumerate(list(holdings.numbers(task.world.table, task.account_id))):
        if turn and task.out_of_time():
            raise MoreToDo
        if number.state == "active":
            current, fees = _catch_up(task, number)
            charged += fees
            dates.append(current.next_fee_at)
    return Done({"charged": charged}, next_fee_at=min(dates, default=None))


def _catch_up(task: Task, number: Number) -> tuple[Number, int]:
    """Deals with every date of this number up to now. Answers the number as it is then, and fees charged."""
    account = task.loaded.account
    policy = task.world.policies.get(account.policy)
    cycle = cycle_of(account, policy, number.bought_at)
    certain_until = _certain_until(task)
    charged = 0
    while number.next_fee_at <= certain_until:
        date = number.next_fee_at
        after = replace(number, next_fee_at=next_fee_after(number, date, cycle))
        owed = _owed(account, policy, number, date)
        if (_charge if owed else _pass_over)(task, number, date, after):
            charged += bool(owed)
            number = after
            continue
        current = holdings.number(task.world.table, task.account_id, number.e164)
        if current is None or current.state != "active":
            return number, charged
        number = current
    return number, charged


def _owed(account: Account, policy: Policy, number: Number, date: datetime) -> int:
    is_owed = numbers_needed_at(account, policy, date) and not is_fee_waived(account, date)
    return number.fee_on(date).amount if is_owed else 0


def would_charge(task: Task) -> tuple[int, Money, datetime | None]:
    """How many fees, how much together, and when the next one falls due."""
    account = task.loaded.account
    policy = task.world.policies.get(account.policy)
    certain_until = _certain_until(task)
    fees: list[int] = []
    dates: list[datetime] = []
    for number in holdings.numbers(task.world.table, task.account_id):
        if number.state != "active":
            continue
        cycle, date = cycle_of(account, policy, number.bought_at), number.next_fee_at
        while date <= certain_until:
            fees.append(_owed(account, policy, number, date))
            date = next_fee_after(number, date, cycle)
        dates.append(date)
    amount = Money(sum(fees), account.currency)
    return len([fee for fee in fees if fee]), amount, min(dates, default=None)


def _certain_until(task: Task) -> datetime:
    """Now. But a step that Stripe was not asked about goes no further than what is paid: whether a plan still
    lived at a date beyond that, only Stripe knows. The next run asks."""
    now, paid = task.world.clock.now(), paid_beyond(task.loaded.account)
    if paid is None or paid <= task.step.due:
        return now
    return min(now, paid - timedelta(seconds=1))


def _charge(task: Task, number: Number, date: datetime, after: Number) -> bool:
    """Whether it was booked, and the number's row is as in `after` now."""
    posting = Posting(
        cause=cause_of(number.e164, date),
        kind="number_fee",
        at=date,
        lines=from_wallet(number.fee_on(date), "number_fees"),
        note={"number": number.e164},
    )
    try:
        wallet.post(task.world.table, task.account_id, posting, _advanced(task, after))
    except wallet.Overtaken as overtaken:
        _stale_if(overtaken.failed)
        return False
    except wallet.AlreadyBooked:
        # Charged for this date before, under an earlier row of the same number: never twice.
        _pass_over(task, number, date, after)
        return False
    return True


def _pass_over(task: Task, _number: Number, _date: datetime, after: Number) -> bool:
    """Whether the number's row is as in `after` now."""
    try:
        task.world.table.transact(_advanced(task, after))
    except Refused as refused:
        _stale_if(refused.failed)
        return False
    return True


def _advanced(task: Task, number: Number) -> list[Action]:
    """The number with its next date, unless it is being removed. The account must be as it was: a plan that came
    or went, or a new fee, changes it, and is not to be overlooked nor overwritten."""
    key = keys.number(task.account_id, number.e164)
    dated = Update(key, {"doc": to_doc(number)}, If(equals={"state": "active"}))
    return [still(task.loaded), dated]


def _stale_if(failed: Sequence[bool]) -> None:
    if failed[0]:
        raise Stale
