"""SC-6: "you may still incur phone number fees, which will be deducted from your balance/wallet according to your
billing cycle and the number of phone numbers … Consider removing the phone numbers".

Each number has its own monthly cycle, anchored to its purchase day: the purchase is never charged here, the first
fee falls due a month after it. No date before we knew the number is charged, none at which no plan needed it, none
twice. A removed number costs nothing more.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import count

from chalicelib.domain.account import Account
from chalicelib.domain.moments import months_after
from chalicelib.domain.money import Money
from chalicelib.domain.needs import numbers_needed_until
from chalicelib.domain.policy import Policy
from chalicelib.domain.steps import NUMBER_FEE, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A phone number we look after. `next_fee_at` is the next date of its cycle that was not yet dealt with."""

    e164: str
    provider: str
    provider_id: str
    monthly_fee: Money
    bought_at: datetime
    known_since: datetime
    next_fee_at: datetime
    state: str = "active"
    """`active`, `removing`, `releasing` (at the carrier now) or `released`."""
    released_at: datetime | None = None


def steps(account: Account, policy: Policy) -> Iterator[Step]:
    if account.next_fee_at is None or not _needed_at_all(account, policy):
        return
    until = numbers_needed_until(account, policy)
    if until is None or account.next_fee_at < until:
        yield Step(NUMBER_FEE, account.next_fee_at)


def _needed_at_all(account: Account, policy: Policy) -> bool:
    return policy.numbers is not None and any(
        s.has_started and s.plan in policy.plans and policy.plans[s.plan].needs_numbers
        for s in account.subscriptions.values()
    )


def fee_dates(number: Number, after: datetime) -> Iterator[datetime]:
    """The number's fee dates later than `after`, without end: a month after the purchase, and so on."""
    months = max(
        0, (after.year - number.bought_at.year) * 12 + after.month - number.bought_at.month
    )
    for n in count(max(1, months - 1)):
        date = months_after(number.bought_at, n)
        if date > after:
            yield date


def first_fee_at(bought_at: datetime, known_since: datetime) -> datetime:
    """The first date that may be charged: at or after we learnt of the number, and a month after its purchase."""
    for n in count(1):
        date = months_after(bought_at, n)
        if date >= known_since:
            return date
    raise AssertionError("count() never ends")


def next_fee_after(number: Number, date: datetime) -> datetime:
    return next(fee_dates(number, date))


def fees_until(number: Number, until: datetime) -> Iterator[datetime]:
    """The fee dates still to come before `until` (none at or after the end)."""
    date = number.next_fee_at
    while date < until and number.state == "active":
        yield date
        date = next_fee_after(number, date)
