"""SC-1, GT-4: what a cancellation will lead to, dated and priced, before anybody consents to it.

Made of the very timeline that the jobs follow: the one of the account as it would be with renewal off. So what is
shown is what is carried out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from chalicelib.domain import contracts, crediting, holding, steps
from chalicelib.domain.account import Account, Subscription
from chalicelib.domain.billing_periods import renewals_before
from chalicelib.domain.consequence import Consequence
from chalicelib.domain.ending import (
    contract_end,
    end_before_extension,
    end_of,
    extended_days,
)
from chalicelib.domain.messages import ScheduledMessage
from chalicelib.domain.money import Money
from chalicelib.domain.needs import numbers_needed_at, numbers_needed_until
from chalicelib.domain.number_fees import Number, cycle_of, fees_until, next_fee_after
from chalicelib.domain.policy import Policy
from chalicelib.domain.steps import Step
from chalicelib.domain.timeline import as_shown, timeline
from chalicelib.domain.words import ACCESS_EXTENDED, CONTRACT_INSTALMENTS, title


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """What the account holds, as far as dates and amounts depend on it."""

    numbers: Sequence[Number] = ()
    messages: Sequence[ScheduledMessage] = field(default_factory=tuple)


def with_renewal_off(account: Account, subscription_id: str) -> Account:
    """The account as it would be after the cancellation."""
    subscription = account.subscriptions[subscription_id]
    if subscription.renewal_is_off:
        return account
    off = (
        replace(subscription, leaves_with_contract=True)
        if contracts.outlasts_the_period(account, subscription)
        else replace(subscription, cancel_at_period_end=True)
    )
    return replace(account, subscriptions=account.with_subscription(off))


def of_cancelling(
    account: Account, subscription_id: str, policy: Policy, holdings: Holdings, now: datetime
) -> tuple[Consequence, ...]:
    """What follows from cancelling this subscription, and number fees until its end."""
    after = with_renewal_off(account, subscription_id)
    before = (
        {step.id: step.due for step in as_shown(account, policy)} if after is not account else {}
    )
    end = end_of(after, after.subscriptions[subscription_id])
    found = list(_instalments(after, after.subscriptions[subscription_id], policy))
    found += _extension(after, after.subscriptions[subscription_id], policy, now)
    for step in as_shown(after, policy):
        if step.kind == steps.NUMBER_FEE:
            found += _fees(after, policy, holdings, now, end)
        elif before.get(step.id) != step.due and step.kind not in steps.INTERNAL:
            found.append(_described(after, step, policy, holdings))
    return tuple(sorted(found, key=_order))


def upcoming(
    account: Account, policy: Policy, holdings: Holdings, now: datetime
) -> tuple[Consequence, ...]:
    """What lies ahead of the account as things stand."""
    found = [
        instalment
        for subscription in account.subscriptions.values()
        for instalment in _instalments(account, subscription, policy)
    ]
    for subscription in account.subscriptions.values():
        found += _extension(account, subscription, policy, now)
    for step in as_shown(account, policy):
        if step.kind == steps.NUMBER_FEE:
            found += _fees(account, policy, holdings, now, None)
        elif step.kind not in steps.INTERNAL:
            found.append(_described(account, step, policy, holdings))
    return tuple(sorted(found, key=_order))


def _instalments(
    account: Account, subscription: Subscription, policy: Policy
) -> Iterator[Consequence]:
    """GT-11: what is still billed until the contract of somebody who leaves ends, counted and added up."""
    end = contract_end(account, subscription)
    if end is None or not subscription.renewal_is_off or subscription.ended_at is not None:
        return
    renewals = renewals_before(subscription, end)
    if renewals:
        yield Consequence(
            kind=CONTRACT_INSTALMENTS,
            at=renewals[0],
            title=title(CONTRACT_INSTALMENTS, policy, account.locale),
            reversible=True,
            subject=subscription.id,
            amount=Money(subscription.each_period_minor * len(renewals), account.currency),
            count=len(renewals),
        )


def _extension(
    account: Account, subscription: Subscription, policy: Policy, now: datetime
) -> Iterator[Consequence]:
    """M1-13: from the end that is paid for, access goes on for the days of work on the systems."""
    end = end_before_extension(account, subscription)
    days = extended_days(account, subscription)
    if end is None or not days or now >= end + timedelta(days=days):
        return
    yield Consequence(
        kind=ACCESS_EXTENDED,
        at=end,
        title=title(ACCESS_EXTENDED, policy, account.locale),
        reversible=True,
        subject=subscription.id,
        count=days,
    )


def next_fee_of(account: Account, policy: Policy, number: Number) -> datetime | None:
    """The number's next fee, or None when none falls due any more."""
    due = any(step.kind == steps.NUMBER_FEE for step in timeline(account, policy))
    if not due or number.state != "active":
        return None
    until, date = numbers_needed_until(account, policy), _next_charged(account, policy, number)
    return date if until is None or date < until else None


def _order(one: Consequence) -> tuple[datetime, int, str]:
    rank = steps.KINDS.index(one.kind) if one.kind in steps.KINDS else -1
    return one.at, rank, one.subject or ""


def _fees(
    account: Account, policy: Policy, holdings: Holdings, now: datetime, end: datetime | None
) -> Iterator[Consequence]:
    """Every fee until the numbers are needed no more; while a plan renews, each number's next one."""
    until = numbers_needed_until(account, policy)
    for number in holdings.numbers:
        if number.state != "active":
            continue
        horizon = until or end
        cycle = cycle_of(account, policy, number.bought_at)
        first = _next_charged(account, policy, number)
        ahead = replace(number, next_fee_at=first)
        dates = [first] if horizon is None else list(fees_until(ahead, horizon, cycle))
        for date in dates:
            yield Consequence(
                kind=steps.NUMBER_FEE,
                at=max(date, now),
                title=title(steps.NUMBER_FEE, policy, account.locale),
                reversible=False,
                subject=number.e164,
                amount=number.fee_on(date),
            )


def _next_charged(account: Account, policy: Policy, number: Number) -> datetime:
    """The next date of its cycle that will be charged: those between an end and a return are passed over."""
    date = number.next_fee_at
    until = numbers_needed_until(account, policy)
    cycle = cycle_of(account, policy, number.bought_at)
    while (
        not numbers_needed_at(account, policy, date) or holding.is_fee_waived(account, date)
    ) and (until is None or date < until):
        date = next_fee_after(number, date, cycle)
    return date


def _described(account: Account, step: Step, policy: Policy, holdings: Holdings) -> Consequence:
    count, amount = _size(account, step, policy, holdings)
    return Consequence(
        kind=step.kind,
        at=step.due,
        title=title(step.kind, policy, account.locale),
        reversible=step.reversible,
        subject=step.subject,
        amount=amount,
        count=count,
    )


def _size(
    account: Account, step: Step, policy: Policy, holdings: Holdings
) -> tuple[int | None, Money | None]:
    match step.kind:
        case steps.MESSAGES_CREDITED:
            channels = crediting.channels_lost(account, policy, step.subject or "", step.due)
            unsent = [
                m
                for m in holdings.messages
                if m.state == "scheduled" and m.channel in channels and m.send_at >= step.due
            ]
            return len(unsent), sum((m.price for m in unsent), Money(0, account.currency))
        case steps.NUMBERS_RELEASED:
            return account.numbers, None
        case steps.REGISTRATIONS_LAPSE:
            return account.registrations, None
        case steps.SEATS_UNASSIGNED:
            return account.seats.get(step.subject or "", 0), None
        case _:
            return None, None
