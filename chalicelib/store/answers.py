"""What DynamoDB's refusals mean to us: its codes in, the words of table.py out. It asks nobody.

The one question is what a caller may believe afterwards: nothing was written, or nobody knows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from chalicelib.store.table import Contended, Refused, StoreError, TooLarge, Unavailable

CONDITION_FAILED: Final = frozenset({"ConditionalCheckFailed", "ConditionalCheckFailedException"})
IN_THE_WAY: Final = frozenset({"TransactionConflict", "TransactionConflictException"})
UNANSWERED: Final = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ThrottlingError",
        "ThrottlingException",
        # Our own first attempt is still under way and may yet succeed. The token is ours alone, so
        # this is not another's transaction: the outcome is unknown, not "nothing was written".
        "TransactionInProgressException",
    }
)
TOO_MUCH: Final = frozenset({"RequestEntityTooLarge", "413"})
INVALID: Final = frozenset({"ValidationError", "ValidationException"})
SIZE_WORDS: Final = (" size ", "length less than or equal to")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one request, or one action of a transaction, was turned down."""

    code: str
    message: str = ""


class AlreadyThereError(StoreError):
    """The table to be made exists."""


def unanswered(what: str) -> StoreError:
    """No answer arrived, or none we can read: it may have been done all the same."""
    return Unavailable(what)


def refusal(reason: Reason, status: int) -> StoreError:
    """What one refused request means; `status` is the HTTP status."""
    if reason.code in CONDITION_FAILED:
        return Refused((True,))
    if reason.code in IN_THE_WAY:
        return Contended(reason.code)
    if reason.code in UNANSWERED or status >= 500:
        return Unavailable(reason.code)
    if _is_too_large(reason):
        return TooLarge(reason.message or reason.code)
    if reason.code == "ResourceInUseException":
        return AlreadyThereError(reason.message)
    return StoreError(f"{reason.code}: {reason.message}")


def cancellation(reasons: Sequence[Reason | None], actions: int) -> StoreError:
    """What a cancelled transaction means. `reasons` holds one for each, in their order: None where
    it was not to blame."""
    given = [reason for reason in reasons if reason is not None]
    if not given or len(reasons) != actions:
        # DynamoDB omits the reasons when it does not know them; then we know nothing either.
        return Unavailable("a transaction was cancelled without reasons")
    if any(reason.code in CONDITION_FAILED for reason in given):
        return Refused([one is not None and one.code in CONDITION_FAILED for one in reasons])
    if all(reason.code in IN_THE_WAY for reason in given):
        return Contended(f"{len(given)} of {actions} rows were in another transaction")
    for reason in given:
        if reason.code in UNANSWERED:
            return Unavailable(reason.code)
    for reason in given:
        if _is_too_large(reason):
            return TooLarge(reason.message)
    return StoreError("; ".join(f"{reason.code}: {reason.message}" for reason in given))


def _is_too_large(reason: Reason) -> bool:
    if reason.code in TOO_MUCH:
        return True
    return reason.code in INVALID and any(word in reason.message for word in SIZE_WORDS)
