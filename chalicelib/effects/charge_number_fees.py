"""SC-6: each number's monthly fee, from the wallet, once per date, at the date it fell due.

A number's own row says which date is next, and changes in the transaction that books the fee. A date on which no
plan needed the number is passed over, not charged.
"""

from dataclasses import replace
from datetime import datetime

from chalicelib.domain.ledger import Posting, from_wallet
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.needs import numbers_needed_at
from chalicelib.domain.number_fees import Number, next_fee_after
from chalicelib.effects.effect import Done, MoreToDo, Task
from chalicelib.store import holdings, keys, wallet
from chalicelib.store.records import to_doc
from chalicelib.store.table import If, Refused, Update


def charge_number_fees(task: Task) -> Done:
    dates: list[datetime] = []
    charged = 0
    for number in list(holdings.numbers(task.world.table, task.account_id)):
        if number.state == "active":
            current, fees = _catch_up(task, number)
            charged += fees
            dates.append(current.next_fee_at)
        if task.out_of_time():
            raise MoreToDo
    return Done({"charged": charged}, next_fee_at=min(dates, default=None))


def _catch_up(task: Task, number: Number) -> tuple[Number, int]:
    """Deals with every date of this number up to now. Answers the number as it is then, and fees charged."""
    policy = task.world.policies.get(task.loaded.account.policy)
    charged = 0
    while number.next_fee_at <= task.world.clock.now():
        date = number.next_fee_at
        after = replace(number, next_fee_at=next_fee_after(number, date))
        if numbers_needed_at(task.loaded.account, policy, date) and number.monthly_fee.amount:
            charged += _charge(task, number, date, after)
        else:
            _pass_over(task, number, after)
        current = holdings.number(task.world.table, task.account_id, number.e164)
        if current is None or current.state != "active":
            return number, charged
        number = current
    return number, charged


def _charge(task: Task, number: Number, date: datetime, after: Number) -> int:
    posting = Posting(
        cause=f"number_fee:{number.e164}:{rfc3339(date)}",
        kind="number_fee",
        at=date,
        lines=from_wallet(number.monthly_fee, "number_fees"),
        note={"number": number.e164},
    )
    try:
        wallet.post(task.world.table, task.account_id, posting, [_row(task, after)])
    except wallet.Overtaken:
        return 0
    except wallet.AlreadyBooked:
        # Charged for this date before, under an earlier row of the same number: never twice.
        _pass_over(task, number, after)
        return 0
    return 1


def _pass_over(task: Task, number: Number, after: Number) -> None:
    try:
        task.world.table.write(_row(task, after))
    except Refused:
        return


def _row(task: Task, number: Number) -> Update:
    key = keys.number(task.account_id, number.e164)
    return Update(key, {"doc": to_doc(number)}, If(equals={"state": "active"}))
