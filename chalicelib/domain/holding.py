"""What was taken out of the clock's hands: steps that an operator holds or waives, an account on legal hold, and a purge
while a case is open.

A hold is on the step, whatever its date: it stands until it is released, also when the date moves, or the step is
called off and comes back. A waiver is for one date: should the step move to a later one, it is due then. The timeline
asks here, and so nobody can carry out what is on hold.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from chalicelib.domain.account import Account
from chalicelib.domain.open_cases import holding_purge
from chalicelib.domain.steps import (
    ACCESS_ENDS,
    APPEAL_CREDITED,
    CALL_SETTLED,
    DATA_PURGED,
    EXPORT_EXPIRES,
    EXPORT_MADE,
    NUMBER_FEE,
    NUMBER_RECOVERED,
    REFUND_PAID,
    Step,
)

NEVER_WAIVED = {
    ACCESS_ENDS: "Access ends by the clock: what was not paid for cannot be given by waiving its end.",
    CALL_SETTLED: "Until the carrier was asked, nobody knows whether it still holds this.",
    NUMBER_RECOVERED: "Until the carrier has answered, nobody knows whether it is rented again.",
    REFUND_PAID: "A refund that was decided is owed. Hold it, or try it again.",
    EXPORT_MADE: "The customer asked for their data. Hold it, or try it again.",
    EXPORT_EXPIRES: "A file with all of a customer's data does not stay longer than it was said to.",
    APPEAL_CREDITED: "A credit that was decided is owed. Hold it, or try it again.",
}
"""Kinds that no operator may take as done, each with the sentence that says why."""

NEVER_HELD = {
    CALL_SETTLED: "It calls for nothing, it asks the carrier what became of a call that was made. Hold the release itself.",
}
"""Kinds that no operator may hold: until such a step is carried out, we say of something what may not be so."""


def is_held(account: Account, step: Step) -> bool:
    if step.kind == DATA_PURGED and account.legal_hold is not None:
        # A legal hold is refused once the purge has begun, so there is none to be finished under it.
        return True
    return step.id in account.held or bool(held_by_cases(account, step))


def held_by_cases(account: Account, step: Step) -> tuple[str, ...]:
    """Cases that are not decided, if the step would delete what they rest on (M1-12). What has begun is finished."""
    if step.kind != DATA_PURGED or account.purge_began_at is not None:
        return ()
    return holding_purge(account)


def is_waived(account: Account, step: Step) -> bool:
    """Off the timeline. Number fees stay on it: their date is passed over when it comes, and the next one follows."""
    return step.kind != NUMBER_FEE and is_waived_until(account, step.id, step.due)


def is_called_off(account: Account, step: Step) -> bool:
    """By an operator, until they say otherwise, or for this date: nobody carries it out."""
    return is_held(account, step) or is_waived(account, step)


def is_waived_until(account: Account, step_id: str, due: datetime) -> bool:
    waived: datetime | None = account.waived.get(step_id)
    return waived is not None and waived >= due


def is_fee_waived(account: Account, date: datetime) -> bool:
    return is_waived_until(account, NUMBER_FEE, date)


def without_holds(account: Account) -> Account:
    """The account as if nothing were on hold: what would lie ahead of it."""
    return without_cases(replace(account, held={}, legal_hold=None))


def without_cases(account: Account) -> Account:
    """The account as if every case were decided. That is what a customer is shown: a case is, in the end."""
    if not holding_purge(account):
        return account
    decided = {id: replace(case, holds_purge=False) for id, case in account.cases.items()}
    return replace(account, cases=decided)
