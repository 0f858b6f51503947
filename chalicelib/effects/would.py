"""What each step would do, worked out on what is true now and without doing it: counts and amounts, for the shadow.

A table with a row for every kind of step; a test holds the two tables together. Where an effect counts or adds up, the
same function does so here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib import erasing
from chalicelib.domain import steps
from chalicelib.domain.erasure import Erasure, erasure_id
from chalicelib.effects.charge_number_fees import would_charge
from chalicelib.effects.credit_messages import would_credit
from chalicelib.effects.effect import NotYet, Task
from chalicelib.effects.end_access import end_access
from chalicelib.effects.refund import would_pay
from chalicelib.effects.remind import remind
from chalicelib.gateways.purgers import PurgerUnavailable
from chalicelib.store import holdings

MOST_PLANNED = 10_000
"""So many are counted; it is a shadow, not a certificate."""


@dataclass(frozen=True, slots=True)
class Would:
    result: Mapping[str, object] = field(default_factory=dict)
    again_at: datetime | None = None
    """From then on it would do more than this."""


def _subject(name: str) -> Callable[[Task], Would]:
    return lambda task: Would({name: task.step.subject})


def _release(task: Task) -> Would:
    held = holdings.numbers(task.world.table, task.account_id)
    return Would({"count": sum(one.state in ("active", "releasing") for one in held)})


def _lapse(task: Task) -> Would:
    known = holdings.registrations(task.world.table, task.account_id)
    return Would({"count": sum(one.lapses for one in known)})


def _empty_seats(task: Task) -> Would:
    subscription_id = task.step.subject or ""
    count = task.loaded.account.seats.get(subscription_id, 0)
    return Would({"subscription_id": subscription_id, "count": count})


def _purge(task: Task) -> Would:
    """What each of those who keep something would delete. Numbers still held would have to go first."""
    account = task.loaded.account
    began = account.purges_before or task.world.clock.now()
    wanted = Erasure(id=erasure_id(account.id, task.step.due), account_id=account.id, before=began)
    counts: Counter[str] = Counter()
    try:
        for purger in erasing.purgers_of(task.world, account):
            counts.update(purger.plan(wanted, MOST_PLANNED).counts)
    except PurgerUnavailable as error:
        raise NotYet(str(error)) from error
    return Would({**counts, "numbers_held": account.numbers})


def _charge(task: Task) -> Would:
    count, amount, next_at = would_charge(task)
    return Would({"count": count, "amount": amount}, next_at)


WOULD: Mapping[str, Callable[[Task], Would]] = {
    steps.REFUND_PAID: lambda task: Would(would_pay(task)),
    steps.APPEAL_CREDITED: lambda task: Would(would_pay(task)),
    steps.PLAN_ENDED: _subject("subscription_id"),
    steps.RENEWAL_RESTORED: _subject("subscription_id"),
    steps.RENEWAL_OFF: _subject("subscription_id"),
    steps.COLLECTION_STOPPED: _subject("subscription_id"),
    steps.COLLECTION_RESUMED: _subject("subscription_id"),
    # These two say what happened and do nothing else.
    steps.ACCESS_ENDS: lambda task: Would(end_access(task).result),
    steps.REMINDER: lambda task: Would(remind(task).result),
    steps.SEATS_UNASSIGNED: _empty_seats,
    steps.MESSAGES_CREDITED: lambda task: Would(would_credit(task)),
    steps.NUMBER_FEE: _charge,
    steps.NUMBER_REMOVED: _subject("number"),
    steps.NUMBER_RECOVERED: _subject("number"),
    steps.NUMBERS_RELEASED: _release,
    steps.REGISTRATION_WITHDRAWN: _subject("registration"),
    steps.REGISTRATIONS_LAPSE: _lapse,
    steps.EXPORT_EXPIRES: _subject("export_id"),
    steps.DATA_PURGED: _purge,
}
