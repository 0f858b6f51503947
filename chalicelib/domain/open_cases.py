"""M1-10: reminders before each deadline of a case and an alarm once when it has passed; and what an account remembers of
its open cases, so that its timeline knows when their clocks speak next and what is still to be paid."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from chalicelib.domain.account import Account, OpenCase
from chalicelib.domain.cases import Case, waiting_for
from chalicelib.domain.policy import Policy
from chalicelib.domain.steps import APPEAL_CREDITED, CASE_CLOCK, REFUND_PAID, Step


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something a clock says at a moment: that a deadline is near, or that it has passed."""

    at: datetime
    what: Literal["reminder", "overdue"]
    about: str
    due: datetime

    @property
    def id(self) -> str:
        return f"{self.about}.{self.what}.{int(self.due.timestamp())}"


def alarms(case: Case, policy: Policy) -> Iterator[Alarm]:
    """What its clocks have not said yet."""
    hours = policy.appeals.remind_before_hours if policy.appeals else 0
    for about, due in waiting_for(case):
        both = [Alarm(due, "overdue", about, due)]
        if hours:
            both.insert(0, Alarm(due - timedelta(hours=hours), "reminder", about, due))
        yield from (one for one in both if one.id not in case.said)


def due_alarms(case: Case, policy: Policy, now: datetime) -> tuple[Alarm, ...]:
    """What is to be said now. Of a deadline that has passed nobody is reminded."""
    found = [one for one in alarms(case, policy) if one.at <= now]
    passed = {one.about for one in found if one.what == "overdue"}
    return tuple(one for one in found if one.what == "overdue" or one.about not in passed)


def after_alarms(case: Case, policy: Policy, now: datetime) -> Case:
    heard = [one.id for one in alarms(case, policy) if one.at <= now]
    return replace(case, said=(*case.said, *heard))


def steps(account: Account) -> Iterator[Step]:
    for id, case in account.cases.items():
        if case.clock_at is not None:
            yield Step(CASE_CLOCK, case.clock_at, id)
        if case.pays_at is not None:
            yield Step(
                REFUND_PAID if case.pays_by == "stripe" else APPEAL_CREDITED, case.pays_at, id
            )


def remembered(account: Account, case: Case, policy: Policy) -> Account:
    """The account with this case among its open ones, or without it once nothing is left to do."""
    others = {id: one for id, one in account.cases.items() if id != case.id}
    if case.closed_at is not None:
        return replace(account, cases=others)
    clock = min((one.at for one in alarms(case, policy)), default=None)
    paying = case.payout if case.is_paying else None
    mine = OpenCase(
        kind=case.kind,
        about=case.subscription_id or case.entry,
        clock_at=clock,
        pays_at=case.verdict.at if paying and case.verdict else None,
        pays_by=paying.way if paying else None,
        holds_purge=case.complete_at is not None,
    )
    return replace(account, cases={**others, case.id: mine})


def open_about(account: Account, kind: str, about: str) -> str | None:
    """The open case of this kind on this subscription or entry."""
    for id, case in account.cases.items():
        if (case.kind, case.about) == (kind, about):
            return id
    return None


def open_of(account: Account, kind: str) -> tuple[str, ...]:
    """The open cases of this kind."""
    return tuple(id for id, case in account.cases.items() if case.kind == kind)


def holding_purge(account: Account) -> tuple[str, ...]:
    """Cases whose evidence is still needed: a purge waits for them."""
    return tuple(id for id, case in account.cases.items() if case.holds_purge)
