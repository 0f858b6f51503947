"""Numbers and registrations come and go. The account only counts them; each has a row of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from chalicelib.domain import lapsing, releasing
from chalicelib.domain.account import Account, Tally
from chalicelib.domain.decision import Decision, NumberClaimed, NumberFreed, unchanged
from chalicelib.domain.facts import (
    CarrierCalled,
    CarrierDone,
    CarrierKept,
    NumberPut,
    NumberRemovalAsked,
    RegistrationPut,
    RegistrationWithdrawalAsked,
)
from chalicelib.domain.number_fees import Number
from chalicelib.domain.registrations import Registration
from chalicelib.domain.steps import NUMBERS_RELEASED, REGISTRATIONS_LAPSE, Step


def put_number(account: Account, fact: NumberPut) -> Decision:
    """A number we now look after. Putting it again updates it: a new fee counts from the next cycle, and
    `bought_at` stays."""
    number, existing = fact.number, fact.existing
    if existing is not None and existing.state != "released":
        # `known_since` of what is put is now.
        updated = replace(
            existing.with_fee(number.monthly_fee, number.known_since),
            provider=number.provider,
            provider_id=number.provider_id,
        )
        if updated == existing:
            return unchanged(account)
        return Decision(account, "number.updated", {"number": number.e164}, (updated,))
    after = replace(
        account,
        numbers=account.numbers + 1,
        next_fee_at=min(account.next_fee_at or number.next_fee_at, number.next_fee_at),
        done=_without(account.done, NUMBERS_RELEASED),
        # Had again by itself: nobody needs to get it back any more.
        recoveries=_without(account.recoveries, number.e164),
    )
    return Decision(
        after, "number.added", {"number": number.e164}, (number, NumberClaimed(number.e164))
    )


def ask_number_removal(account: Account, fact: NumberRemovalAsked, now: datetime) -> Decision:
    number = fact.number
    if number.state == "released" or number.e164 in account.removals:
        return unchanged(account)
    after = replace(account, removals={**account.removals, number.e164: now})
    return Decision(
        after, "number.removal_asked", {"number": number.e164}, (replace(number, state="removing"),)
    )


def put_registration(account: Account, fact: RegistrationPut) -> Decision:
    registration, existing = fact.registration, fact.existing
    was_open = existing is not None and existing.lapses
    if existing is not None and existing.is_open:
        registration = replace(registration, known_since=existing.known_since)
    if registration == existing:
        return unchanged(account)
    after = replace(account, registrations=account.registrations + registration.lapses - was_open)
    if registration.lapses and not was_open:
        after = replace(after, done=_without(account.done, REGISTRATIONS_LAPSE))
    what = "registration.updated" if existing else "registration.added"
    return Decision(after, what, {"registration": registration.id}, (registration,))


def ask_withdrawal(account: Account, fact: RegistrationWithdrawalAsked, now: datetime) -> Decision:
    registration = fact.registration
    if not registration.is_open or registration.id in account.withdrawals:
        return unchanged(account)
    after = replace(account, withdrawals={**account.withdrawals, registration.id: now})
    return Decision(after, "registration.withdrawal_asked", {"registration": registration.id})


def call_carrier(account: Account, fact: CarrierCalled, now: datetime) -> Decision:
    # Said anew before every try, also of one in flight already: saving it on the account's version is what makes
    # sure that the customer has not come back.
    after = replace(
        account,
        in_flight={**account.in_flight, call_of(fact.thing): now},
        begun={**account.begun, fact.step.id: fact.step.due},
    )
    if isinstance(fact.thing, Number):
        return Decision(
            after,
            "number.release_begun",
            {"number": fact.thing.e164},
            (replace(fact.thing, state="releasing"),),
        )
    return Decision(after, "registration.lapse_begun", {"registration": fact.thing.id})


def carrier_done(account: Account, fact: CarrierDone, now: datetime) -> Decision:
    thing = fact.thing
    if isinstance(thing, Number):
        if thing.state == "released":
            return unchanged(account)
        after = replace(
            account,
            numbers=max(0, account.numbers - 1),
            removals=_without(account.removals, thing.e164),
            in_flight=_without(account.in_flight, call_of(thing)),
            given_up=_counted(account, fact.step),
        )
        given_up = thing.e164 not in account.removals
        gone = replace(thing, state="released", released_at=now, given_up=given_up)
        return Decision(
            after, "number.released", {"number": thing.e164}, (gone, NumberFreed(thing.e164))
        )
    if not thing.is_open:
        return _no_longer_asked_for(account, thing)
    withdrawn = thing.id in account.withdrawals
    state = "lapsed" if not withdrawn else "withdrawn" if thing.state == "active" else "declined"
    after = replace(
        account,
        registrations=max(0, account.registrations - thing.lapses),
        withdrawals=_without(account.withdrawals, thing.id),
        in_flight=_without(account.in_flight, call_of(thing)),
        given_up=_counted(account, fact.step),
    )
    ended = replace(thing, state=state, ended_at=now)
    return Decision(after, f"registration.{state}", {"registration": thing.id}, (ended,))


def _counted(account: Account, step: Step | None) -> Mapping[str, Tally]:
    """One more that this step gave up; for another due moment it counts anew."""
    if step is None:
        return account.given_up
    known = account.given_up.get(step.id)
    count = known.count if known is not None and known.due == step.due else 0
    return {**account.given_up, step.id: Tally(due=step.due, count=count + 1)}


def _no_longer_asked_for(account: Account, thing: Registration) -> Decision:
    """It was closed another way (put as declined, say) while its withdrawal waited for the carrier."""
    after = replace(
        account,
        withdrawals=_without(account.withdrawals, thing.id),
        in_flight=_without(account.in_flight, call_of(thing)),
    )
    if after == account:
        return unchanged(account)
    return Decision(after, f"registration.{thing.state}", {"registration": thing.id})


def carrier_kept(account: Account, fact: CarrierKept) -> Decision:
    thing = fact.thing
    after = replace(account, in_flight=_without(account.in_flight, call_of(thing)))
    if isinstance(thing, Number):
        kept = replace(thing, state="active")
        after = replace(
            after, next_fee_at=min(after.next_fee_at or kept.next_fee_at, kept.next_fee_at)
        )
        return Decision(after, "number.kept", {"number": thing.e164}, (kept,))
    return Decision(after, "registration.kept", {"registration": thing.id}, (thing,))


def call_of(thing: Number | Registration) -> str:
    """What stands in `in_flight` while the thing is at the carrier."""
    if isinstance(thing, Number):
        return releasing.IN_FLIGHT + thing.e164
    return lapsing.IN_FLIGHT + thing.id


def _without(dates: Mapping[str, datetime], key: str) -> dict[str, datetime]:
    return {name: date for name, date in dates.items() if name != key}
