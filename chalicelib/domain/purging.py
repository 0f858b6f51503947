"""SC-10: "Your account data … will be retained for one year. After that, all data will be permanently deleted."

One calendar year after the last plan's end, never a second earlier. A purge that began finishes, even if the
customer returns in that second; they return to an empty account.
"""

from collections.abc import Iterator
from datetime import datetime

from chalicelib.domain.account import Account
from chalicelib.domain.ending import last_end
from chalicelib.domain.lapsing import lapse_at
from chalicelib.domain.moments import years_after
from chalicelib.domain.policy import Policy
from chalicelib.domain.steps import DATA_PURGED, Step


def purge_at(account: Account, policy: Policy) -> datetime | None:
    if policy.data is None:
        return None
    end = last_end(account, account.subscriptions.values())
    return end and years_after(end, policy.data.purge_after_years)


def is_at_carrier(account: Account) -> bool:
    """Whether a number is still rented, or something is being given back or asked back: its rows are needed."""
    return bool(
        account.numbers
        or account.in_flight
        or account.removals
        or account.recoveries
        or account.withdrawals
    )


def is_still_registered(account: Account, policy: Policy) -> bool:
    """Whether a registration is still to lapse: an operator held that, or the carrier would not hear of it. The purge takes
    the ends away by which its day is counted, so it would stay at the carrier for ever."""
    return account.registrations > 0 and lapse_at(account, policy) is not None


def steps(account: Account, policy: Policy) -> Iterator[Step]:
    if account.purge_began_at is not None:
        yield Step(DATA_PURGED, account.purge_began_at)
        return
    at = purge_at(account, policy)
    if at is not None:
        yield Step(DATA_PURGED, at)
