"""An operator holds, retries or waives a step, or puts an account on legal hold. Each act says why, and stays in the
history with who did it. None of them can make anything happen before its date.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from chalicelib.domain import facts, holdings
from chalicelib.domain.account import Account
from chalicelib.domain.decision import Decision, StepDueAgain, unchanged
from chalicelib.domain.holding import (
    NEVER_HELD,
    NEVER_WAIVED,
    held_by_cases,
    is_waived_until,
    without_holds,
)
from chalicelib.domain.policy import Policy
from chalicelib.domain.steps import DATA_PURGED, Step, step_of
from chalicelib.domain.timeline import timeline

T = TypeVar("T")


class NotAhead(Exception):
    """No such step lies ahead of the account, and none is on hold."""


class Barred(Exception):
    """This cannot be done to this step. The message is a sentence for the operator."""


def hold(account: Account, fact: facts.StepHeld, policy: Policy) -> Decision:
    if fact.step_id in account.held:
        return unchanged(account)
    step = _must_be_ahead(account, fact.step_id, policy)
    if step.kind in NEVER_HELD:
        raise Barred(NEVER_HELD[step.kind])
    _must_not_have_begun(account, step)
    after = replace(account, held={**account.held, step.id: fact.hold})
    return Decision(after, "step.held", _said(step, fact.hold.reason))


def retry(account: Account, fact: facts.StepRetried, policy: Policy, now: datetime) -> Decision:
    """Due now again, as if it had never failed; or released from its hold, for its own date."""
    if fact.step_id in account.held:
        return _released(account, fact, policy)
    step = _must_be_ahead(account, fact.step_id, policy)
    if account.legal_hold is not None and step.kind == DATA_PURGED:
        raise Barred(
            "The account is on legal hold: nothing of it is purged before that is released."
        )
    if cases := held_by_cases(account, step):
        raise Barred(
            f"Nothing is purged while a case is open. Decide it first: {', '.join(cases)}."
        )
    if step.due > now:
        # Not before its date, and it has not failed: there is nothing to try again.
        return unchanged(account)
    return Decision(account, "step.retried", _said(step, fact.reason), (StepDueAgain(step),))


def _released(account: Account, fact: facts.StepRetried, policy: Policy) -> Decision:
    step = _ahead(account, fact.step_id, policy)
    after = replace(account, held=_without(account.held, fact.step_id))
    said = _said(step, fact.reason) if step else {"step": fact.step_id, "reason": fact.reason}
    return Decision(after, "step.released", said)


def waive(account: Account, fact: facts.StepWaived, policy: Policy, now: datetime) -> Decision:
    """Taken as done without being carried out, for this date."""
    if fact.step_id in account.waived and _ahead(account, fact.step_id, policy) is None:
        return unchanged(account)
    step = _must_be_ahead(account, fact.step_id, policy)
    if is_waived_until(account, step.id, step.due):
        return unchanged(account)
    if step.kind in NEVER_WAIVED:
        raise Barred(NEVER_WAIVED[step.kind])
    _must_not_have_begun(account, step)
    gone = Decision(account, None)
    if fact.thing is not None:
        # Somebody's wish to be rid of it: taken as fulfilled, so that it is counted and charged no more.
        gone = holdings.carrier_done(account, facts.CarrierDone(thing=fact.thing), now)
    after = replace(
        gone.account,
        held=_without(account.held, step.id),
        waived={**account.waived, step.id: step.due},
        begun=_without(account.begun, step.id),
    )
    return Decision(after, "step.waived", _said(step, fact.reason), gone.also)


def set_legal_hold(account: Account, fact: facts.LegalHoldSet) -> Decision:
    """No purge while it stands. Not once one has begun: what is deleted cannot be held any more."""
    if account.legal_hold is not None:
        return unchanged(account)
    if account.purge_began_at is not None:
        raise Barred("The purge has begun and is being finished.")
    after = replace(account, legal_hold=fact.hold)
    return Decision(after, "account.legal_hold_set", {"reason": fact.hold.reason})


def release_legal_hold(account: Account, fact: facts.LegalHoldReleased) -> Decision:
    if account.legal_hold is None:
        return unchanged(account)
    after = replace(account, legal_hold=None)
    return Decision(after, "account.legal_hold_released", {"reason": fact.reason})


def _must_be_ahead(account: Account, step_id: str, policy: Policy) -> Step:
    step = _ahead(account, step_id, policy)
    if step is None:
        raise NotAhead(step_id)
    return step


def _ahead(account: Account, step_id: str, policy: Policy) -> Step | None:
    due = account.steps.get(step_id)
    if due is not None:
        return step_of(step_id, due)
    for step in timeline(without_holds(account), policy):
        if step.id == step_id:
            return step
    return None


def _must_not_have_begun(account: Account, step: Step) -> None:
    if step.kind == DATA_PURGED and account.purge_began_at is not None:
        raise Barred("The purge has begun and is being finished.")


def _said(step: Step, reason: str) -> dict[str, object]:
    return {"step": step.id, "due": step.due, "reason": reason}


def _without(known: Mapping[str, T], step_id: str) -> dict[str, T]:
    return {id: one for id, one in known.items() if id != step_id}
