"""The one place where an account's dates come together.

The scheduled jobs, the index they query, the preview a customer consents to and the page all read this function, so
nobody can promise one date and act on another.
"""

from collections.abc import Iterator
from datetime import datetime

from chalicelib.domain import (
    collecting,
    contracts,
    crediting,
    ending_access,
    exports,
    forfeiting,
    lapsing,
    number_fees,
    open_cases,
    purging,
    releasing,
    reminders,
    seats,
)
from chalicelib.domain.account import Account
from chalicelib.domain.from_before import is_from_before
from chalicelib.domain.holding import is_held, is_waived, without_cases
from chalicelib.domain.policy import Policy
from chalicelib.domain.steps import KINDS, Step


def timeline(account: Account, policy: Policy) -> tuple[Step, ...]:
    """Every step that lies ahead (or is overdue), earliest first; what was carried out, waived or is on hold is left
    out."""
    pending = [step for step in _all_steps(account, policy) if _is_pending(account, step)]
    reminding = reminders.steps(policy, pending)
    pending += [step for step in reminding if _is_pending(account, step)]
    return tuple(sorted(pending, key=lambda step: (step.due, KINDS.index(step.kind), step.id)))


def as_shown(account: Account, policy: Policy) -> tuple[Step, ...]:
    """The same for a customer: a case is decided in the end, so a purge that waits for one still lies ahead."""
    return timeline(without_cases(account), policy)


def _all_steps(account: Account, policy: Policy) -> Iterator[Step]:
    yield from open_cases.steps(account)
    yield from forfeiting.steps(account)
    yield from contracts.steps(account)
    yield from collecting.steps(account, policy)
    yield from ending_access.steps(account)
    yield from seats.steps(account)
    yield from crediting.steps(account, policy)
    yield from number_fees.steps(account, policy)
    yield from releasing.steps(account, policy)
    yield from lapsing.steps(account, policy)
    yield from exports.steps(account)
    yield from purging.steps(account, policy)


def _is_pending(account: Account, step: Step) -> bool:
    return not (
        _is_done(account, step)
        or is_from_before(account, step)
        or is_waived(account, step)
        or is_held(account, step)
    )


def _is_done(account: Account, step: Step) -> bool:
    """Carried out for this very date, or for a later one that has since moved back."""
    done: datetime | None = account.done.get(step.id)
    return done is not None and done >= step.due
