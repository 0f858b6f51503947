"""OS-6: "look for a confirmation email or an in-platform notification to ensure … your subscription will not
auto-renew". What a customer is told, worked out in the moment it becomes true and saved with the change itself.

So a confirmation says what was so when it happened, however late the mail goes out, and there is one for each change:
two that raced are one change, by the account's version. Nothing here is written for anybody's eyes yet; the words are
in `chalicelib.texts`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from chalicelib.domain import crediting, maintenance, releasing, steps
from chalicelib.domain.access import access_until
from chalicelib.domain.account import Account, Subscription
from chalicelib.domain.decision import Decision
from chalicelib.domain.ending import end_of, is_live, last_end
from chalicelib.domain.money import Money
from chalicelib.domain.open_cases import holding_purge
from chalicelib.domain.policy import Policy
from chalicelib.domain.steps import Step
from chalicelib.domain.timeline import as_shown

CANCELLATION_CONFIRMED = "cancellation_confirmed"
RESUMED = "resumed"
PAYMENT_FAILED = "payment_failed"
ENDED = "ended"
CAME_BACK = "came_back"
NUMBERS_RELEASED = "numbers_released"
REGISTRATIONS_LAPSED = "registrations_lapsed"
DATA_PURGED = "data_purged"
NUMBER_LOST = "number_lost"
REGISTRATION_LOST = "registration_lost"
NUMBER_RECOVERED = "number_recovered"
REMINDER = "reminder"
MAINTENANCE = "maintenance_announced"
MAINTENANCE_RECORDED = "maintenance_recorded"
MAINTENANCE_MOVED = "maintenance_moved"
MAINTENANCE_WITHDRAWN = "maintenance_withdrawn"

KINDS = (
    *(CANCELLATION_CONFIRMED, RESUMED, PAYMENT_FAILED, ENDED, CAME_BACK, NUMBERS_RELEASED),
    *(REGISTRATIONS_LAPSED, NUMBER_LOST, REGISTRATION_LOST, NUMBER_RECOVERED),
    *(DATA_PURGED, REMINDER),
    *(MAINTENANCE, MAINTENANCE_RECORDED, MAINTENANCE_MOVED, MAINTENANCE_WITHDRAWN),
)

NUMBERS, REGISTRATIONS, DATA = "numbers", "registrations", "data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """One dated consequence, as it stood when this was written."""

    kind: str
    at: datetime
    count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    kind: str
    at: datetime
    """The moment it is about: the end, the release, the renewal; not when it was written."""
    subscription_id: str | None = None
    plan: str | None = None
    evidence_id: str | None = None
    """The consent it confirms, if it was given here."""
    before: str | None = None
    """A reminder's: the kind of what lies ahead at `at`."""
    until: datetime | None = None
    """From then on there is nothing left to say: it is not sent any more."""
    count: int | None = None
    amount: Money | None = None
    ahead: tuple[Ahead, ...] = ()
    pays_number_fees: bool = False
    is_paused: bool = False
    """There is no access until something is paid."""
    ends_at: datetime | None = None
    reason: str | None = None
    """An operator's own words, made inert before anybody reads them."""
    restored: bool = False
    """Access that had ended goes on."""
    kept: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    kept_counts: Mapping[str, int] = field(default_factory=dict)
    gone_counts: Mapping[str, int] = field(default_factory=dict)
    """Of numbers and registrations, how many: a release may be half done when its customer returns."""
    unsure: int = 0
    """How many are at their carrier in this moment: what becomes of them is told when it is known."""
    thing: str | None = None
    """The one number or registration it is about."""


@dataclass(frozen=True, slots=True)
class _Change:
    """The account before and after a decision, and what lies ahead of it: then, by its date, and now."""

    before: Account
    after: Account
    what: str
    data: Mapping[str, Any]
    known: Mapping[str, datetime]
    ahead: Sequence[Step]
    policy: Policy
    now: datetime


def with_news(
    before: Account, decision: Decision, ahead: Sequence[Step], policy: Policy, now: datetime
) -> Decision:
    """The decision with what the outside needs of it: when each subscription ends, and what to tell the customer."""
    after = decision.account
    data: dict[str, Any] = dict(decision.data)
    known: Mapping[str, datetime] = before.steps
    if holding_purge(before) or holding_purge(after):
        # As the preview shows it, so that nobody is told another date than they agreed to.
        known = {step.id: step.due for step in as_shown(before, policy)}
        ahead = as_shown(after, policy)
    change = _Change(before, after, decision.what or "", data, known, ahead, policy, now)
    found = tuple(_notices(change))
    if "changes" in data:
        data["changes"] = [_with_end(after, one) for one in data["changes"]]
    data = _with_end(after, data)
    if found:
        data["notices"] = found
    return replace(decision, data=data)


def _with_end(after: Account, data: Mapping[str, Any]) -> dict[str, Any]:
    subscription = after.subscriptions.get(str(data.get("subscription_id")))
    end = end_of(after, subscription) if subscription is not None else None
    return {**data, "access_ends_at": end} if end is not None else dict(data)


def _notices(change: _Change) -> Iterator[Notice]:
    rule = _OF_WHAT.get(change.what)
    if rule is not None:
        yield from rule(change)
        return
    for subscription in change.after.subscriptions.values():
        yield from _of_subscription(change, subscription)


def _of_subscription(change: _Change, now_is: Subscription) -> Iterator[Notice]:
    was = change.before.subscriptions.get(now_is.id)
    if was is None or not was.has_started:
        if now_is.has_started and is_live(change.after, now_is, change.now):
            yield from _came_back(change, now_is)
        return
    end = end_of(change.after, now_is)
    if now_is.renewal_is_off and not was.renewal_is_off and end is not None and end > change.now:
        yield _cancelled(change, now_is, end)
    elif was.renewal_is_off and not now_is.renewal_is_off:
        yield Notice(
            kind=RESUMED, at=now_is.period_end, subscription_id=now_is.id, plan=now_is.plan
        )
    if _is_behind(now_is) and not _is_behind(was):
        yield _payment_failed(change, now_is)


def _cancelled(change: _Change, subscription: Subscription, end: datetime) -> Notice:
    """What follows from it is what was not on the timeline before: the same as the preview shows."""
    new = [step for step in change.ahead if change.known.get(step.id) != step.due]
    return Notice(
        kind=CANCELLATION_CONFIRMED,
        at=end,
        subscription_id=subscription.id,
        plan=subscription.plan,
        evidence_id=subscription.evidence_id,
        ahead=_told(change.after, new),
        pays_number_fees=any(
            step.kind == steps.NUMBER_FEE and step.due < end for step in change.ahead
        ),
    )


_NOT_LISTED = steps.INTERNAL | {steps.NUMBER_FEE, steps.ACCESS_ENDS, steps.RENEWAL_OFF}
"""Our own housekeeping, and what the sentences of a mail already say."""


def _told(
    account: Account, ahead: Sequence[Step], without: frozenset[str] = _NOT_LISTED
) -> tuple[Ahead, ...]:
    return tuple(
        Ahead(kind=step.kind, at=step.due, count=_count(account, step))
        for step in ahead
        if step.kind not in without
    )


def _count(account: Account, step: Step) -> int | None:
    match step.kind:
        case steps.NUMBERS_RELEASED:
            return account.numbers
        case steps.REGISTRATIONS_LAPSE:
            return account.registrations
        case steps.SEATS_UNASSIGNED:
            return account.seats.get(step.subject or "")
        case _:
            return None


def _is_behind(subscription: Subscription) -> bool:
    """A charge failed and nothing has made up for it yet. Stripe says so twice, in any order: this is true once."""
    if subscription.ended_at is not None:
        return False
    unpaid = subscription.unpaid
    return subscription.past_due_since is not None or (
        unpaid is not None and unpaid.failed_at is not None
    )


def _payment_failed(change: _Change, subscription: Subscription) -> Notice:
    unpaid = subscription.unpaid
    owed = Money(unpaid.amount_due, change.after.currency) if unpaid else None
    until = access_until(change.after, subscription, change.policy)
    return Notice(
        kind=PAYMENT_FAILED,
        at=until or change.now,
        subscription_id=subscription.id,
        plan=subscription.plan,
        amount=owed,
        is_paused=until is None or until <= change.now,
    )


def _came_back(change: _Change, subscription: Subscription) -> Iterator[Notice]:
    """SC-7, SC-9: what is kept, and what is gone. Nothing for somebody who comes for the first time, or who still
    has another plan."""
    before, after = change.before, change.after
    earlier = [s for s in before.subscriptions.values() if s.has_started]
    if any(is_live(before, s, change.now) for s in earlier):
        return
    if not earlier and before.purged_at is None:
        return
    end = last_end(before, earlier)
    gone_counts = {
        thing: tally.count
        for thing, kind in _GONE_BY
        if end is not None and (tally := before.given_up.get(kind)) is not None and tally.due >= end
    }
    unsure = len(after.in_flight)
    flying = sum(call.startswith(releasing.IN_FLIGHT) for call in after.in_flight)
    held = {
        NUMBERS: after.numbers - flying,
        REGISTRATIONS: after.registrations - (unsure - flying),
    }
    kept_counts = {thing: count for thing, count in held.items() if count > 0}
    gone = [*gone_counts, *(() if earlier else (DATA,))]
    kept = [*kept_counts, *((DATA,) if earlier and change.policy.data is not None else ())]
    yield Notice(
        kind=CAME_BACK,
        at=subscription.started_at,
        subscription_id=subscription.id,
        plan=subscription.plan,
        kept=tuple(kept),
        gone=tuple(gone),
        kept_counts=kept_counts,
        gone_counts=gone_counts,
        unsure=unsure,
    )


_GONE_BY = ((NUMBERS, steps.NUMBERS_RELEASED), (REGISTRATIONS, steps.REGISTRATIONS_LAPSE))


def _number_gone(change: _Change) -> Iterator[Notice]:
    """SC-7: it was at its carrier when the customer came back, and the carrier had let go of it already. What somebody
    removed, or what is released with all the others, is told another way."""
    number = str(change.data["number"])
    if number not in change.before.removals and _needed(change, "needs_numbers"):
        yield Notice(kind=NUMBER_LOST, at=change.now, thing=number)


def _registration_gone(change: _Change) -> Iterator[Notice]:
    """SC-9: "you must reapply"."""
    if _needed(change, "needs_registrations"):
        yield Notice(kind=REGISTRATION_LOST, at=change.now, thing=str(change.data["registration"]))


def _needed(change: _Change, need: str) -> bool:
    """Whether a plan that needs such things is live: then nobody expected them to go."""
    plans = change.policy.plans
    return any(
        s.plan in plans and getattr(plans[s.plan], need) and is_live(change.after, s, change.now)
        for s in change.after.subscriptions.values()
    )


def _number_recovered(change: _Change) -> Iterator[Notice]:
    yield Notice(
        kind=NUMBER_RECOVERED,
        at=change.data["next_fee_at"],
        thing=str(change.data["number"]),
    )


def _access_ended(change: _Change) -> Iterator[Notice]:
    """Said with the credit, where there is one to come for this plan: one mail for one end."""
    subscription_id = str(change.data["subscription_id"])
    credits = crediting.steps(change.before, change.policy)
    if not any(step.subject == subscription_id for step in credits):
        yield from _ended(change)


def _ended(change: _Change) -> Iterator[Notice]:
    subscription = change.after.subscriptions[str(change.data["subscription_id"])]
    amount = change.data.get("amount")
    left = change.data.get("switched_from")
    if left is not None and not change.data.get("count"):
        # They switched plans themselves, and nothing came of it.
        return
    later = [step for step in change.ahead if step.due > change.data["due"]]
    yield Notice(
        kind=ENDED,
        at=change.data["due"],
        subscription_id=subscription.id,
        plan=str(left or subscription.plan),
        count=change.data.get("count"),
        amount=amount if isinstance(amount, Money) else None,
        ahead=_told(change.after, [step for step in later if step.subject is None]),
    )


def _counted(kind: str) -> Any:
    def of(change: _Change) -> Iterator[Notice]:
        if change.data.get("count"):
            yield Notice(kind=kind, at=change.now, count=change.data["count"])

    return of


def _purged(change: _Change) -> Iterator[Notice]:
    yield Notice(kind=DATA_PURGED, at=change.now)


def _maintenance(change: _Change) -> Iterator[Notice]:
    """M1-13: the client is notified by e-mail. `count` is by how many calendar days access is extended; whatever date
    of theirs it moves is listed, so that nobody is left with one they were told before."""
    restored = [s for s in change.after.subscriptions.values() if _is_restored(change, s)]
    yield Notice(
        kind=_kind_of_work(change),
        at=change.data["starts_at"],
        ends_at=change.data["ends_at"],
        count=change.data.get("days"),
        reason=change.data.get("reason"),
        ahead=_told(change.after, _moved_steps(change), _NOT_LISTED - {steps.ACCESS_ENDS}),
        restored=bool(restored),
        gone=tuple(thing for thing, kind in _GONE_BY if restored and kind in change.before.done),
    )


def _kind_of_work(change: _Change) -> str:
    if change.what == maintenance.WITHDRAWN:
        return MAINTENANCE_WITHDRAWN
    if change.what == maintenance.MOVED:
        return MAINTENANCE_MOVED
    return MAINTENANCE if change.data["starts_at"] > change.now else MAINTENANCE_RECORDED


def _moved_steps(change: _Change) -> list[Step]:
    known = change.known
    return [s for s in change.ahead if known.get(s.id) != s.due and s.due > change.now]


def _is_restored(change: _Change, subscription: Subscription) -> bool:
    """Its access had ended, and goes on."""
    was = change.before.subscriptions[subscription.id]
    return (
        was.has_started
        and not is_live(change.before, was, change.now)
        and is_live(change.after, subscription, change.now)
    )


def _reminder(change: _Change) -> Iterator[Notice]:
    at = change.data.get("event_at")
    if at is not None:
        yield Notice(
            kind=REMINDER,
            before=change.data["before"],
            at=at,
            until=at,
            count=change.data.get("count"),
        )


def _nothing(_change: _Change) -> Iterator[Notice]:
    """Whatever was so before the account came here was told by whoever had it."""
    return iter(())


_OF_WHAT = {
    "account.adopted": _nothing,
    "maintenance.announced": _maintenance,
    "maintenance.moved": _maintenance,
    "maintenance.withdrawn": _maintenance,
    "number.released": _number_gone,
    "registration.lapsed": _registration_gone,
    "number.recovered": _number_recovered,
    f"step.{steps.ACCESS_ENDS}": _access_ended,
    f"step.{steps.MESSAGES_CREDITED}": _ended,
    f"step.{steps.NUMBERS_RELEASED}": _counted(NUMBERS_RELEASED),
    f"step.{steps.REGISTRATIONS_LAPSE}": _counted(REGISTRATIONS_LAPSED),
    f"step.{steps.DATA_PURGED}": _purged,
    f"step.{steps.REMINDER}": _reminder,
}
"""What the customer is told when this is what happened. Any other change is seen by comparing before and after."""
