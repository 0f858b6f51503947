"""SC-8: "All purchased phone numbers will be released 14 days after the cancellation takes effect."

Never earlier, and never while any live plan of the account needs the numbers.
"""

from collections.abc import Iterator
from datetime import datetime

from chalicelib.domain import settling
from chalicelib.domain.account import Account
from chalicelib.domain.moments import hours_after
from chalicelib.domain.needs import numbers_needed_until
from chalicelib.domain.policy import Policy
from chalicelib.domain.steps import (
    NUMBER_RECOVERED,
    NUMBER_REMOVED,
    NUMBERS_RELEASED,
    Step,
)

IN_FLIGHT = "number#"


def release_at(account: Account, policy: Policy) -> datetime | None:
    """When the account's numbers are released, or None while a plan needs them."""
    if policy.numbers is None:
        return None
    end = numbers_needed_until(account, policy)
    return end and hours_after(end, policy.numbers.release_after_hours)


def steps(account: Account, policy: Policy) -> Iterator[Step]:
    at = release_at(account, policy)
    if at is not None and (account.numbers > 0 or account.begun.get(NUMBERS_RELEASED) == at):
        yield Step(NUMBERS_RELEASED, at)
    for number, asked_at in account.removals.items():
        yield Step(NUMBER_REMOVED, asked_at, number)
    for number, asked_at in account.recoveries.items():
        yield Step(NUMBER_RECOVERED, asked_at, number)
    yield from settling.steps(
        account, IN_FLIGHT, Step(NUMBERS_RELEASED, at) if at is not None else None
    )
