"""M1-13: work on the systems is announced, and "the period of access to the Service is extended by the same number of
calendar days on which the Service was unavailable". What a window is, and what an account that is told of it becomes.

What was announced once never shortens what it promised: a window that is moved or withdrawn leaves as many of its days
behind as it takes for no subscription to have fewer of them than before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from chalicelib.domain.account import Account, Subscription, Work, WorkedDay
from chalicelib.domain.business_days import is_business_day
from chalicelib.domain.decision import Decision, unchanged
from chalicelib.domain.ending import covered_until, extended_days, extension_of
from chalicelib.domain.policy import Policy
from chalicelib.domain.worked_days import days_between, reaches

SCHEDULED, EMERGENCY = "scheduled", "emergency"
KINDS = (SCHEDULED, EMERGENCY)
LONGEST = timedelta(days=31)
"""Longer is a slip of the pen, or to be recorded as several. Nothing takes back what a window has once promised."""
EARLIEST = timedelta(days=366)
"""So long after its end a window may still be recorded or changed."""

SETTLED_AFTER = EARLIEST + timedelta(days=35)
"""So long after its end nobody tells anybody anything new of a window."""

ANNOUNCED, MOVED, WITHDRAWN = (
    "maintenance.announced",
    "maintenance.moved",
    "maintenance.withdrawn",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Work on the systems from one instant to another, half-open, and whose customers it keeps out."""

    id: str
    revision: int = 1
    starts_at: datetime
    ends_at: datetime
    kind: str
    reason: str
    policies: tuple[str, ...]
    withdrawn: bool = False
    announced_at: datetime
    announced_by: str
    changed_at: datetime
    changed_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkSaid:
    """A fact: what the accounts of one policy are told of a window, as it stands now."""

    window_id: str
    revision: int
    starts_at: datetime
    ends_at: datetime
    kind: str
    reason: str
    withdrawn: bool = False
    days: tuple[WorkedDay, ...] = ()
    extends: bool = False
    changed_at: datetime


def extends_access(policy: Policy) -> bool:
    return policy.maintenance is not None and policy.maintenance.extends_access


def said_to(policy: Policy, window: Window) -> WorkSaid:
    """A window that does not concern the policy any more is withdrawn for it."""
    return WorkSaid(
        window_id=window.id,
        revision=window.revision,
        starts_at=window.starts_at,
        ends_at=window.ends_at,
        kind=window.kind,
        reason=window.reason,
        withdrawn=window.withdrawn or policy.name not in window.policies,
        days=days_between(window.starts_at, window.ends_at, policy.time_zone),
        extends=extends_access(policy),
        changed_at=window.changed_at,
    )


def business_days_of(days: Iterable[WorkedDay], days_off: Collection[date]) -> int:
    """How many business days the work touches, of which the policy promises to take no more than some."""
    touched = {date.fromordinal(worked.day) for worked in days}
    return sum(is_business_day(day, days_off) for day in touched)


def is_news(account: Account, said: WorkSaid) -> bool:
    """Whether the account has not heard of it as it stands now."""
    known = account.work.get(said.window_id)
    return known is None or known.revision < said.revision


def hear(account: Account, said: WorkSaid, now: datetime) -> Decision:
    """The account is told of a window, as it stands now. Whoever has no access while it lasts is not concerned."""
    decision = _heard(account, said)
    return replace(decision, account=settled(decision.account, now)) if decision.what else decision


def settled(account: Account, now: datetime) -> Account:
    """The account without the windows that can be changed no more: each subscription keeps how many days they gave it."""
    over = (now - SETTLED_AFTER).timestamp()
    stays = {
        id: work
        for id, work in account.work.items()
        if any(day.ends > over for day in (*work.days, *work.kept))
    }
    if len(stays) == len(account.work):
        return account
    lean = replace(account, work=stays)
    return replace(
        lean,
        subscriptions={
            id: replace(s, settled_days=s.settled_days + _days_lost(account, lean, s))
            for id, s in account.subscriptions.items()
        },
    )


def _days_lost(before: Account, after: Account, subscription: Subscription) -> int:
    return extended_days(before, subscription) - extended_days(after, subscription)


def _heard(account: Account, said: WorkSaid) -> Decision:
    known = account.work.get(said.window_id)
    if not is_news(account, said) or account.purge_began_at is not None:
        return unchanged(account)
    now_is = Work(
        revision=said.revision,
        days=() if said.withdrawn else said.days,
        extends=said.extends or (known is not None and known.extends),
    )
    after = _with_work(account, said.window_id, now_is)
    if known is None:
        if not _concerns(after, now_is):
            return unchanged(account)
        return Decision(after, ANNOUNCED, _data(account, after, said))
    after = _keeping_the_promise(account, after, said.window_id)
    if now_is.days == known.days or not (_concerns(account, known) or _concerns(after, now_is)):
        # Another reason, or nobody's business by now: nothing that they would have to be told.
        return unchanged(after)
    return Decision(after, _what(known, now_is), _data(account, after, said))


def _what(known: Work, now_is: Work) -> str:
    if not now_is.days:
        return WITHDRAWN
    return MOVED if known.days else ANNOUNCED


def _with_work(account: Account, window_id: str, work: Work) -> Account:
    return replace(account, work={**account.work, window_id: work})


def _concerns(account: Account, work: Work) -> bool:
    return any(
        reaches(work, s, covered_until(account, s), extension_of(account, s))
        for s in account.subscriptions.values()
    )


def _keeping_the_promise(before: Account, after: Account, window_id: str) -> Account:
    """Of the days that are worked no more, the first ones without which somebody would have fewer than before."""
    known, now_is = before.work[window_id], after.work[window_id]
    lost = sorted({*known.days, *known.kept} - {*now_is.days}, key=lambda day: day.starts)
    for n in range(len(lost) + 1):
        after = _with_work(after, window_id, replace(now_is, kept=tuple(lost[:n])))
        if not _shortens(before, after):
            break
    return after


def _shortens(before: Account, after: Account) -> bool:
    return any(
        extended_days(after, s) < extended_days(before, s) for s in after.subscriptions.values()
    )


def _data(before: Account, after: Account, said: WorkSaid) -> dict[str, object]:
    gained = [
        extended_days(after, s) - extended_days(before, s) for s in after.subscriptions.values()
    ]
    data: dict[str, object] = {
        "window_id": said.window_id,
        "starts_at": said.starts_at,
        "ends_at": said.ends_at,
        "kind": said.kind,
        "reason": said.reason,
    }
    # Where nothing is promised, nothing is said of it either.
    return {**data, "days": max(gained, default=0)} if said.extends else data
