"""SC-7, SC-8: an operator gets a released number back, while its carrier still allows it.

Only for an account with a live plan that needs it: for any other, SC-8 would have it released again in the next sweep.
The wish is saved before the carrier is called, and stays ahead until the carrier has answered: a number that is rented
is never forgotten. When it is back it is the account's again at once: claimed, counted, and charged from the next date
of its cycle on; nothing is charged for the time between.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from chalicelib.domain.account import Account
from chalicelib.domain.decision import Decision, NumberClaimed, unchanged
from chalicelib.domain.facts import NumberNotRecovered, NumberRecovered, NumberRecoveryAsked
from chalicelib.domain.needs import numbers_needed_at
from chalicelib.domain.number_fees import cycle_of, first_fee_at
from chalicelib.domain.policy import Policy
from chalicelib.domain.steps import NUMBERS_RELEASED

NOT_RECOVERABLE = "not_recoverable"
NO_LIVE_PLAN = "no_live_plan"
TAKEN = "taken"


class CannotRecover(Exception):
    """It cannot be had back. `code` is one of those above, the message a sentence for the operator."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def ask(account: Account, fact: NumberRecoveryAsked, policy: Policy, now: datetime) -> Decision:
    """Raises CannotRecover."""
    number = fact.number
    if number.state != "released" or number.e164 in account.recoveries:
        return unchanged(account)
    must_be_needed(account, policy, now)
    after = replace(account, recoveries={**account.recoveries, number.e164: now})
    return Decision(after, "number.recovery_asked", {"number": number.e164, "reason": fact.reason})


def must_be_needed(account: Account, policy: Policy, now: datetime) -> None:
    """Raises CannotRecover."""
    if not numbers_needed_at(account, policy, now):
        raise CannotRecover(
            NO_LIVE_PLAN,
            "No live plan of this account needs a number: it would be released again at once. "
            "The customer has to subscribe first.",
        )


def recovered(account: Account, fact: NumberRecovered, policy: Policy, now: datetime) -> Decision:
    number = fact.number
    recoveries = {e164: at for e164, at in account.recoveries.items() if e164 != number.e164}
    if number.state != "released":
        # The SaaS put it again in the meantime: then it is the account's already.
        if recoveries == account.recoveries:
            return unchanged(account)
        return Decision(
            replace(account, recoveries=recoveries),
            "number.recovery_settled",
            {"number": number.e164},
        )
    cycle = cycle_of(account, policy, number.bought_at)
    back = replace(
        number,
        state="active",
        released_at=None,
        given_up=False,
        provider_id=fact.provider_id,
        known_since=now,
        next_fee_at=first_fee_at(number.bought_at, now, cycle),
        earlier_fee=None,
        earlier_fee_until=None,
    )
    after = replace(
        account,
        recoveries=recoveries,
        numbers=account.numbers + 1,
        next_fee_at=min(account.next_fee_at or back.next_fee_at, back.next_fee_at),
        done={id: due for id, due in account.done.items() if id != NUMBERS_RELEASED},
    )
    data = {"number": back.e164, "next_fee_at": back.next_fee_at}
    return Decision(after, "number.recovered", data, (back, NumberClaimed(back.e164)))


def not_recovered(account: Account, fact: NumberNotRecovered) -> Decision:
    if fact.e164 not in account.recoveries:
        return unchanged(account)
    recoveries = {e164: at for e164, at in account.recoveries.items() if e164 != fact.e164}
    data = {"number": fact.e164, "reason": fact.why}
    return Decision(replace(account, recoveries=recoveries), "number.not_recovered", data)
