"""What a story expects, written as the companies' documents say it; what is about money only is in `payments.py`.

A new kind of consequence is one function.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from infra.local.demo.books import CARD, CARRIER, HISTORY, MAIL, RENEWAL, WALLET, Snapshot, Trace
from infra.local.demo.promise import SECOND, Plan, Promise, Shown, gives, gives_nothing

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


def access_extended(at: datetime, plan: Plan, count: int) -> Promise:
    """ "The period of access to the Service is extended by the same number of calendar days." """
    return Promise(
        at=at,
        words=f"{plan.title}: access goes on for {count} more days, one for each day of work",
        state=lambda seen: gives(plan, seen) and seen.status(plan.id) == "pending_cancellation",
        shown=Shown(kind="access_extended", at=at, subject=plan.id, count=count),
        changes=False,
    )


def told_of_work(at: datetime) -> Promise:
    """ "The Client is notified" of scheduled and of emergency work, once."""
    return Promise(
        at=at,
        words="One mail tells of the work, and of the days it gives back",
        traces=(Trace(book=MAIL, what="work", at=at),),
        announced=False,
    )


def renewal_off(at: datetime, plan: Plan) -> Promise:
    """ "Cancelling turns off automatic renewal at the end of your contract": in its last period, not before."""
    return Promise(
        at=at,
        words=f"{plan.title}: renewal is turned off at Stripe, in the last period",
        traces=(Trace(book=RENEWAL, what="renewal_off", at=at, subject=plan.id),),
        shown=Shown(kind="renewal_off", at=at, subject=plan.id),
    )


def seats_unassigned(at: datetime, plan: Plan, users: Sequence[str]) -> Promise:
    """ "… so that nobody in your company uses the product when your subscription ends." """
    return Promise(
        at=at,
        words=f"{plan.title}: the seats of {named(users)} are unassigned",
        state=lambda seen: not seen.seats(plan.id),
        not_yet=lambda seen: seen.seats(plan.id) == set(users),
        traces=(Trace(book=HISTORY, what="seats_unassigned", at=at, subject=plan.id),),
        shown=Shown(kind="seats_unassigned", at=at, subject=plan.id, count=len(users)),
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


# -- the mail


def confirmed(at: datetime, plan: Plan, end: datetime) -> Promise:
    """ "Look for a confirmation email … to ensure … your subscription will not auto-renew." It names the last day."""
    last = f"{end - SECOND:%Y-%m-%d} {end:%H:%M}"
    return Promise(
        at=at,
        words=f"{plan.title}: one mail confirms it, last day {end - SECOND:%-d %b %Y}",
        traces=(Trace(book=MAIL, what="confirmation", at=at, subject=last),),
        announced=False,
    )


# -- messages


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


# -- at the carrier


def numbers_released(at: datetime, numbers: Sequence[str]) -> Promise:
    """ "All purchased phone numbers will be released 14 days after the cancellation takes effect." """
    return Promise(
        at=at,
        words=f"{named(numbers)}: released",
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
        words=f"{named(numbers)}: still there",
        state=lambda seen: all(seen.carrier[one] == "active" for one in numbers),
        changes=False,
    )


def registrations_lapse(at: datetime, registrations: Sequence[str]) -> Promise:
    """ "Your 10DLC registration remains active for 30 days after cancellation." """
    return Promise(
        at=at,
        words=f"{named(registrations)}: 10DLC registration lapses",
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


def named(things: Sequence[str]) -> str:
    return " and ".join(", ".join(things).rsplit(", ", 1))
