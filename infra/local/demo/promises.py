"""What a story expects, written as the companies' documents say it.

A promise knows its instant, how it shows on the day (`state`), the traces it leaves in the books, each of them
exactly once, and how the customer was told of it (`shown`). A new kind of consequence is one function here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chalicelib.domain.moments import from_rfc3339, months_after
from infra.local.demo.books import CARD, CARRIER, HISTORY, WALLET, Snapshot, Trace

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

STRIPE_FINALIZES = HOUR
"""Stripe charges for a renewal an hour after the period began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A consequence as a preview or the membership page spells it."""

    kind: str
    at: datetime
    subject: str | None = None
    amount: int | None = None
    count: int | None = None

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Shown:
        return cls(
            kind=told["kind"],
            at=from_rfc3339(told["at"]),
            subject=told.get("subject"),
            amount=told["amount"]["amount"] if told.get("amount") else None,
            count=told.get("count"),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Promise:
    at: datetime
    words: str
    state: Callable[[Snapshot], bool] | None = None
    not_yet: Callable[[Snapshot], bool] | None = None
    """What has to be so one second before, where that is more than "not `state`"."""
    traces: tuple[Trace, ...] = ()
    shown: Shown | None = None
    amount: int | None = None
    """For the eye only; the traces hold what is compared."""
    announced: bool = True
    """False for what a customer does: nobody can look one second before it."""
    changes: bool = True
    """False for what must go on being so: it is looked at on the day only."""
    then: Callable[[], Promise] | None = None
    """What is promised next, once this was kept: the renewal after this one."""

    def is_untouched(self, seen: Snapshot) -> bool:
        """Nothing of it is there yet."""
        if any(trace in seen.traces for trace in self.traces):
            return False
        if self.not_yet is not None:
            return self.not_yet(seen)
        return self.state is None or not self.state(seen)

    def is_kept(self, seen: Snapshot) -> bool:
        return (self.state is None or self.state(seen)) and all(
            trace in seen.traces for trace in self.traces
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A subscription as its customer knows it."""

    id: str
    title: str
    began: datetime
    months: int
    price: int
    features: tuple[str, ...]

    def period_end(self, after: datetime) -> datetime:
        """The first end of a period later than this moment."""
        n = 1
        while (end := months_after(self.began, n * self.months)) <= after:
            n += 1
        return end


def gives(plan: Plan, seen: Snapshot) -> bool:
    return all(seen.features[name] for name in plan.features)


def gives_nothing(plan: Plan, seen: Snapshot) -> bool:
    return not any(seen.features[name] for name in plan.features)


# -- money from the card


def paid(at: datetime, plan: Plan) -> Promise:
    return Promise(
        at=at,
        words=f"{plan.title}: paid by card",
        traces=(Trace(book=CARD, what="charged", at=at, amount=plan.price),),
        amount=plan.price,
        announced=False,
    )


def renewal(plan: Plan, period_end: datetime) -> Promise:
    """It goes on, and the card pays; then the next one is promised."""
    at = period_end + STRIPE_FINALIZES
    return Promise(
        at=at,
        words=f"{plan.title}: renewed, paid by card",
        traces=(Trace(book=CARD, what="charged", at=at, amount=plan.price),),
        amount=plan.price,
        then=lambda: renewal(plan, plan.period_end(period_end)),
    )


def declined(at: datetime, plan: Plan) -> Promise:
    return Promise(
        at=at,
        words=f"{plan.title}: tried again, the card is declined",
        traces=(Trace(book=CARD, what="declined", at=at, amount=plan.price),),
    )


def collected(at: datetime, plan: Plan) -> Promise:
    return Promise(
        at=at,
        words=f"{plan.title}: tried again and paid, access is back",
        state=lambda seen: gives(plan, seen) and seen.status(plan.id) == "active",
        not_yet=lambda seen: gives_nothing(plan, seen),
        traces=(Trace(book=CARD, what="charged", at=at, amount=plan.price),),
        amount=plan.price,
    )


# -- access


def access_ends(at: datetime, plan: Plan) -> Promise:
    """ "You can continue using … until your current billing period ends." """
    return Promise(
        at=at,
        words=f"{plan.title}: access ends",
        state=lambda seen: gives_nothing(plan, seen) and seen.status(plan.id) == "canceled",
        not_yet=lambda seen: gives(plan, seen) and seen.status(plan.id) == "pending_cancellation",
        traces=(Trace(book=HISTORY, what="access_ends", at=at, subject=plan.id),),
        shown=Shown(kind="access_ends", at=at, subject=plan.id),
    )


def access_stops_unpaid(at: datetime, plan: Plan) -> Promise:
    return Promise(
        at=at,
        words=f"{plan.title}: the card is declined, no access until it is paid",
        state=lambda seen: gives_nothing(plan, seen) and seen.status(plan.id) == "past_due",
        not_yet=lambda seen: gives(plan, seen),
        traces=(Trace(book=CARD, what="declined", at=at, amount=plan.price),),
    )


def ended_by_stripe(at: datetime, plan: Plan) -> Promise:
    """After the last try to collect. Access was over before; now the plan is, and what follows is counted from here."""
    return Promise(
        at=at,
        words=f"{plan.title}: the last try is declined, Stripe ends the plan",
        state=lambda seen: seen.status(plan.id) == "canceled",
        not_yet=lambda seen: seen.status(plan.id) == "past_due",
        traces=(
            Trace(book=CARD, what="declined", at=at, amount=plan.price),
            Trace(book=HISTORY, what="access_ends", at=at, subject=plan.id),
            Trace(book=HISTORY, what="messages_credited", at=at, subject=plan.id),
        ),
    )


def goes_on(at: datetime, plan: Plan) -> Promise:
    return Promise(
        at=at,
        words=f"{plan.title}: goes on as before",
        state=lambda seen: gives(plan, seen),
        changes=False,
    )


# -- the wallet


def number_fee(at: datetime, number: str, fee: int) -> Promise:
    """ "Phone number fees … will be deducted from your balance/wallet." """
    return Promise(
        at=at,
        words=f"{number}: monthly fee",
        traces=(Trace(book=WALLET, what="number_fee", at=at, subject=number, amount=-fee),),
        shown=Shown(kind="number_fee", at=at, subject=number, amount=fee),
        amount=-fee,
    )


def messages_credited(at: datetime, plan: Plan, count: int, amount: int) -> Promise:
    """ "We'll credit your account for: Unsent scheduled SMS messages, Unsent scheduled Ringless Voicemails." """
    step = Trace(book=HISTORY, what="messages_credited", at=at, subject=plan.id)
    booked = Trace(book=WALLET, what="messages_credited", at=at, amount=amount)
    return Promise(
        at=at,
        words=f"{plan.title}: {_messages(count)}",
        traces=(step, booked) if count else (step,),
        shown=Shown(kind="messages_credited", at=at, subject=plan.id, amount=amount, count=count),
        amount=amount or None,
    )


def messages_debited(at: datetime, words: str, amount: int) -> Promise:
    return _booked(at, "messages_scheduled", words, -amount)


def message_given_back(at: datetime, message: str, amount: int) -> Promise:
    return _booked(at, "message_deleted", f"{message}: price given back", amount)


def _booked(at: datetime, what: str, words: str, amount: int) -> Promise:
    trace = Trace(book=WALLET, what=what, at=at, amount=amount)
    return Promise(at=at, words=words, traces=(trace,), amount=amount, announced=False)


# -- at the carrier


def numbers_released(at: datetime, numbers: Sequence[str]) -> Promise:
    """ "All purchased phone numbers will be released 14 days after the cancellation takes effect." """
    return Promise(
        at=at,
        words=f"{_named(numbers)}: released",
        state=lambda seen: all(seen.carrier[one] == "released" for one in numbers),
        not_yet=lambda seen: all(seen.carrier[one] == "active" for one in numbers),
        traces=tuple(Trace(book=CARRIER, what="release", at=at, subject=one) for one in numbers),
        shown=Shown(kind="numbers_released", at=at, count=len(numbers)),
    )


def number_removed(at: datetime, number: str) -> Promise:
    return Promise(
        at=at,
        words=f"{number}: released at the carrier",
        traces=(Trace(book=CARRIER, what="release", at=at, subject=number),),
        announced=False,
    )


def numbers_kept(at: datetime, numbers: Sequence[str]) -> Promise:
    return Promise(
        at=at,
        words=f"{_named(numbers)}: still there",
        state=lambda seen: all(seen.carrier[one] == "active" for one in numbers),
        changes=False,
    )


def registrations_lapse(at: datetime, registrations: Sequence[str]) -> Promise:
    """ "Your 10DLC registration remains active for 30 days after cancellation." """
    return Promise(
        at=at,
        words=f"{_named(registrations)}: 10DLC registration lapses",
        state=lambda seen: all(seen.carrier[one] == "lapsed" for one in registrations),
        not_yet=lambda seen: all(seen.carrier[one] == "active" for one in registrations),
        traces=tuple(
            Trace(book=CARRIER, what="lapse", at=at, subject=one) for one in registrations
        ),
        shown=Shown(kind="registrations_lapse", at=at, count=len(registrations)),
    )


# -- the data


def data_purged(at: datetime) -> Promise:
    """ "… will be retained for one year. After that, all data will be permanently deleted." One can still log in."""
    return Promise(
        at=at,
        words="All data is deleted; the account is empty, and one can still log in",
        state=_is_empty,
        not_yet=lambda seen: bool(seen.membership["subscriptions"]),
        traces=(Trace(book=HISTORY, what="data_purged", at=at),),
        shown=Shown(kind="data_purged", at=at),
    )


def data_kept(at: datetime) -> Promise:
    return Promise(
        at=at,
        words="The data is still there",
        state=lambda seen: not _is_empty(seen),
        changes=False,
    )


def _is_empty(seen: Snapshot) -> bool:
    lists = ("subscriptions", "numbers", "registrations", "upcoming")
    granted = {name for name, given in seen.features.items() if given}
    return granted == {"log_in"} and not any(seen.membership[name] for name in lists)


def _messages(count: int) -> str:
    if not count:
        return "no unsent message to credit"
    return f"{count} unsent message{'' if count == 1 else 's'} credited"


def _named(things: Sequence[str]) -> str:
    return " and ".join(", ".join(things).rsplit(", ", 1))
