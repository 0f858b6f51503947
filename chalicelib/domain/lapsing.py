"""SC-9: "Your 10DLC registration remains active for 30 days after cancellation. If you choose to return …
you must reapply for 10DLC registration."

Read as: 30 days after the cancellation takes effect, the later and kinder reading (`counted_from = end`). A company
may count from the request instead; even then none lapses while a live plan needs it.
"""

from collections.abc import Iterator
from datetime import datetime

from chalicelib.domain import settling
from chalicelib.domain.account import Account
from chalicelib.domain.moments import hours_after
from chalicelib.domain.needs import registrations_cancelled_at, registrations_needed_until
from chalicelib.domain.policy import Policy
from chalicelib.domain.steps import (
    REGISTRATION_WITHDRAWN,
    REGISTRATIONS_LAPSE,
    Step,
)

IN_FLIGHT = "registration#"


def lapse_at(account: Account, policy: Policy) -> datetime | None:
    if policy.registrations is None:
        return None
    end = registrations_needed_until(account, policy)
    if end is None:
        return None
    asked = policy.registrations.counted_from == "request"
    since = registrations_cancelled_at(account, policy) if asked else end
    return max(end, hours_after(since or end, policy.registrations.lapse_after_hours))


def steps(account: Account, policy: Policy) -> Iterator[Step]:
    at = lapse_at(account, policy)
    if at is not None and (
        account.registrations > 0 or account.begun.get(REGISTRATIONS_LAPSE) == at
    ):
        yield Step(REGISTRATIONS_LAPSE, at)
    for registration, asked_at in account.withdrawals.items():
        yield Step(REGISTRATION_WITHDRAWN, asked_at, registration)
    yield from settling.steps(
        account, IN_FLIGHT, Step(REGISTRATIONS_LAPSE, at) if at is not None else None
    )
