"""M1-13, looked at from outside: the days of access that work on the systems has given a subscription stay given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.domain.account import Account, Subscription, WorkedDay
from chalicelib.domain.ending import covered_until, extended_days
from chalicelib.domain.moments import FOREVER


@dataclass(frozen=True)
class Given:
    days: int
    until: datetime
    """How far access goes without them."""
    settled: int
    """Those of long ago, whose work is forgotten."""
    work: tuple[WorkedDay, ...]
    """All that the account was told of."""


class GivenDays:
    def __init__(self) -> None:
        self._given: dict[str, Given] = {}

    def forget(self) -> None:
        self._given.clear()

    def stay(self, account: Account) -> None:
        """None goes, except where access ends sooner than it did, and before the work that a day was given for: whoever
        has left by then is kept from nothing, as decision 0011 says. Every day whose work begins before the end as it
        is told now must be in that end.

        Seed 1288: work was announced for after the paid period, and then they cancelled. Seed 528: the plan had ended at
        Stripe already, and nobody had told us."""
        for id, one in account.subscriptions.items():
            if one.is_forfeited:
                continue  # the bank took the payment back: there is no access to be extended
            days, until = extended_days(account, one), covered_until(account, one) or FOREVER
            before = self._given.get(id, Given(0, until, 0, ()))
            at_least = before.days
            if until < before.until:
                end = (until + timedelta(days=days)).timestamp()
                reached = {work.day for work in before.work if work.starts < end}
                at_least = min(before.days, before.settled + len(reached))
            assert days >= at_least, f"14: {id} had {before.days} days, now {days}"
            self._given[id] = Given(days, until, one.settled_days, _told(account, one))


def _told(account: Account, one: Subscription) -> tuple[WorkedDay, ...]:
    began = one.started_at.timestamp()
    extending = (work for work in account.work.values() if work.extends)
    return tuple(day for work in extending for day in (*work.days, *work.kept) if day.ends > began)
