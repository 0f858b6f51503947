"""SC-6: "you may still incur phone number fees, which will be deducted from your balance/wallet according to your
billing cycle and the number of phone numbers … Consider removing the phone numbers".

Each number has its own monthly cycle, anchored to its purchase day (`fee_cycle = number`), or they all follow the
plan's billing day (`billing`). The purchase is never charged here; the first fee falls due a month after it, or on the
first billing day from then on. No date before we knew the number is charged, none at which no plan needed it, none
twice. A removed number costs nothing more.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from chalicelib.domain.account import Account, Subscription
from chalicelib.domain.ending import end_of
from chalicelib.domain.moments import FOREVER, months_after, rfc3339
from chalicelib.domain.money import Money
from chalicelib.domain.needs import numbers_needed_until
from chalicelib.domain.policy import Policy
from chalicelib.domain.steps import NUMBER_FEE, Step

E164 = re.compile(r"\+[1-9][0-9]{6,14}")
"""How a phone number is written."""


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
    given_up: bool = False
    """It went with the end of the plan that needed it; nobody had removed it."""
    earlier_fee: Money | None = None
    """What it cost until `earlier_fee_until`: a new fee counts from the next cycle, even if we are late."""
    earlier_fee_until: datetime | None = None

    def fee_on(self, date: datetime) -> Money:
        until = self.earlier_fee_until
        if self.earlier_fee is not None and until is not None and date <= until:
            return self.earlier_fee
        return self.monthly_fee

    def with_fee(self, fee: Money, now: datetime) -> "Number":
        """The number with a new fee. Dates that have come by now are still charged the old one."""
        if fee == self.monthly_fee or self.next_fee_at > now:
            return replace(self, monthly_fee=fee)
        return replace(self, monthly_fee=fee, earlier_fee=self.monthly_fee, earlier_fee_until=now)


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


def cycle_of(account: Account, policy: Policy, bought_at: datetime) -> datetime:
    """The moment from which a number's months are counted: its purchase, or the billing day of the plan that needs
    it longest. Without such a plan it keeps its own day."""
    if policy.numbers is None or policy.numbers.fee_cycle != "billing":
        return bought_at
    needing = [
        s
        for s in account.subscriptions.values()
        if s.has_started and s.plan in policy.plans and policy.plans[s.plan].needs_numbers
    ]
    if not needing:
        return bought_at
    # Of two that renew, the one that came first: its day does not move when another plan is added.
    longest = min(needing, key=lambda s: (-_end(account, s).timestamp(), s.started_at, s.id))
    return _billing_day(longest)


def _end(account: Account, subscription: Subscription) -> datetime:
    return end_of(account, subscription) or FOREVER


def _billing_day(subscription: Subscription) -> datetime:
    """Where its months are counted from: the 31st stays the 31st, though February's bill came on the 28th."""
    began = subscription.trial_ends_at or subscription.started_at
    fits = _first_from(began, subscription.period_end) == subscription.period_end
    return began if fits else subscription.period_end


def first_fee_at(
    bought_at: datetime, known_since: datetime, cycle: datetime | None = None
) -> datetime:
    """The first date that may be charged: at or after we learnt of the number, and a month after its purchase."""
    return _first_from(cycle or bought_at, max(months_after(bought_at, 1), known_since))


def next_fee_after(number: Number, date: datetime, cycle: datetime | None = None) -> datetime:
    """A month after `date`, on the day of the cycle. Should the cycle have changed, no month is charged twice."""
    return _first_from(cycle or number.bought_at, months_after(date, 1))


def cause_of(e164: str, date: datetime) -> str:
    """What a number's fee of this date is booked under, once."""
    return f"number_fee:{e164}:{rfc3339(date)}"


def _first_from(anchor: datetime, moment: datetime) -> datetime:
    """The first month's return of the anchor at or after this moment."""
    months = (moment.year - anchor.year) * 12 + moment.month - anchor.month
    date = months_after(anchor, months)
    return date if date >= moment else months_after(anchor, months + 1)


def fees_until(
    number: Number, until: datetime, cycle: datetime | None = None
) -> Iterator[datetime]:
    """The fee dates still to come before `until` (none at or after the end)."""
    date = number.next_fee_at
    while date < until and number.state == "active":
        yield date
        date = next_fee_after(number, date, cycle)


def paid_beyond(account: Account) -> datetime | None:
    """Up to here every plan that has not ended is live for certain, whatever Stripe says now: it is paid."""
    living = [s for s in account.subscriptions.values() if s.has_started and s.ended_at is None]
    paid = [s.paid_until for s in living if s.paid_until is not None]
    return min(paid) if paid and len(paid) == len(living) else None
