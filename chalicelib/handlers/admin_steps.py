"""What an operator does to one step: holds it, tries it again or releases it, takes it as done; and the legal hold on
an account. Each says why. Saying it again changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chalicelib import lifecycle, recounting
from chalicelib.already import already
from chalicelib.domain.account import Account, Hold
from chalicelib.domain.facts import (
    Fact,
    LegalHoldReleased,
    LegalHoldSet,
    StepHeld,
    StepRetried,
    StepWaived,
)
from chalicelib.domain.moments import from_rfc3339
from chalicelib.domain.number_fees import Number
from chalicelib.domain.overruling import Barred, NotAhead
from chalicelib.domain.registrations import Registration
from chalicelib.domain.step_keys import named_by
from chalicelib.domain.steps import NUMBER_REMOVED, REGISTRATION_WITHDRAWN, step_of
from chalicelib.handlers import shapes
from chalicelib.handlers.asking import reason
from chalicelib.handlers.call import Answer, Call
from chalicelib.handlers.calls import is_id
from chalicelib.handlers.problems import Problem, not_found
from chalicelib.lifecycle import tell
from chalicelib.store import holdings

Reasoned = Call[shapes.Reasoned]


def find_step(call: Call[Any]) -> None:
    """The account that the key names. Whether the step lies ahead is judged when it is acted on."""
    account_id, _ = _named(call)
    found = None
    if is_id(account_id) and call.caller.may_see(account_id):
        found = lifecycle.load(call.world, account_id)
    if found is None:
        raise not_found("step")
    call.loaded = found


def _named(call: Call[Any]) -> tuple[str, str]:
    try:
        return named_by(call.params["key"])
    except ValueError as error:
        raise not_found("step") from error


def hold(call: Reasoned) -> Answer:
    """It leaves the due index, and stays out until it is released, wherever its date moves."""
    return _overruled(call, lambda step_id, _: StepHeld(step_id=step_id, hold=_hold(call)))


def retry(call: Reasoned) -> Answer:
    """Due again at once, as if it had never failed; one on hold is released, for its own date."""
    return _done(call, lambda step_id, _: StepRetried(step_id=step_id, reason=reason(call)))


def waive(call: Reasoned) -> Answer:
    """Taken as done, without being carried out, also when it could not be undone."""

    def waived(step_id: str, account: Account) -> Fact:
        thing = _wished_away(call, account, step_id)
        return StepWaived(step_id=step_id, reason=reason(call), thing=thing)

    return _overruled(call, waived)


def set_legal_hold(call: Reasoned) -> Answer:
    _tell(call, LegalHoldSet(hold=_hold(call)))
    return _legal_hold(call)


def release_legal_hold(call: Reasoned) -> Answer:
    _tell(call, LegalHoldReleased(reason=reason(call)))
    return _legal_hold(call)


def _legal_hold(call: Call[Any]) -> Answer:
    hold = call.account.legal_hold
    shown = hold and recounting.hold_shown(hold)
    return Answer(200, {"account_id": call.account.id, "legal_hold": shown})


def _done(call: Reasoned, fact: Callable[[str, Account], Fact]) -> Answer:
    _, step_id = _named(call)
    _tell(call, lambda account: fact(step_id, account))
    return Answer(200, recounting.step_now(call.world, call.account, step_id))


def _overruled(call: Reasoned, fact: Callable[[str, Account], Fact]) -> Answer:
    """With what of it was carried out before: that stays, and whoever called it off is to know."""
    answer = _done(call, fact)
    _, step_id = _named(call)
    shown = answer.body["due_at"]
    due = from_rfc3339(shown) if shown else call.account.waived.get(step_id)
    done = already(call.world, call.account.id, step_of(step_id, due)) if due else None
    return Answer(200, {**answer.body, "already": done}) if done else answer


def _tell(call: Reasoned, fact: Fact | Callable[[Account], Fact]) -> None:
    try:
        told = tell(
            call.world, call.account.id, fact, id=f"request:{call.request_id}", by=call.caller.sub
        )
    except NotAhead as error:
        raise not_found("step") from error
    except Barred as error:
        raise Problem(409, "blocked", str(error), blockers=[]) from error
    call.loaded = told.loaded


def _hold(call: Reasoned) -> Hold:
    return Hold(at=call.now, by=call.caller.sub, reason=reason(call))


def _wished_away(call: Call[Any], account: Account, step_id: str) -> Number | Registration | None:
    """What somebody wished to be rid of, read after the account, whose version guards it."""
    kind, _, subject = step_id.partition(":")
    if kind == NUMBER_REMOVED:
        return holdings.number(call.world.table, account.id, subject)
    if kind == REGISTRATION_WITHDRAWN:
        return holdings.registration(call.world.table, account.id, subject)
    return None
