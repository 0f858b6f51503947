"""What a caller may believe after each way in which DynamoDB turns something down."""

import pytest

from chalicelib.store.answers import Reason, cancellation, refusal
from chalicelib.store.table import Contended, Refused, StoreError, TooLarge, Unavailable

FAILED = Reason("ConditionalCheckFailed", "The conditional request failed")
CONFLICT = Reason("TransactionConflict", "Transaction is ongoing for the item")
THROTTLED = Reason("ThrottlingError", "Throughput exceeds the current capacity")
NO_CAPACITY = Reason("ProvisionedThroughputExceeded", "")
TOO_LARGE = Reason("ValidationError", "Item size to update has exceeded the maximum allowed size")
MALFORMED = Reason("ValidationError", "Type mismatch for attribute to update")


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("ConditionalCheckFailedException", 400, Refused),
        ("TransactionConflictException", 400, Contended),
        ("TransactionInProgressException", 400, Unavailable),
        ("ThrottlingException", 400, Unavailable),
        ("ProvisionedThroughputExceededException", 400, Unavailable),
        ("RequestLimitExceeded", 400, Unavailable),
        ("InternalServerError", 500, Unavailable),
        ("", 502, Unavailable),
        ("503", 503, Unavailable),
        ("ServiceUnavailable", 503, Unavailable),
        ("413", 413, TooLarge),
        ("AccessDeniedException", 400, StoreError),
        ("ResourceNotFoundException", 400, StoreError),
        ("IdempotentParameterMismatchException", 400, StoreError),
        ("ExpiredTokenException", 400, StoreError),
    ],
)
def test_a_refused_request_means(code, status, expected):
    error = refusal(Reason(code, "why"), status)

    assert type(error) is expected


def test_a_size_is_told_from_other_validation_errors():
    too_large = refusal(
        Reason("ValidationException", "Item size has exceeded the maximum allowed size"), 400
    )
    malformed = refusal(Reason("ValidationException", "Invalid KeyConditionExpression"), 400)

    assert type(too_large) is TooLarge
    assert type(malformed) is StoreError


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        ([FAILED, None], Refused),
        ([FAILED, CONFLICT], Refused),
        ([THROTTLED, FAILED], Refused),
        ([CONFLICT, None], Contended),
        ([CONFLICT, CONFLICT], Contended),
        ([CONFLICT, THROTTLED], Unavailable),
        ([NO_CAPACITY, None], Unavailable),
        ([TOO_LARGE, None], TooLarge),
        ([TOO_LARGE, CONFLICT], TooLarge),
        ([MALFORMED, None], StoreError),
        ([None, None], Unavailable),
        ([], Unavailable),
        ([CONFLICT], Unavailable),
    ],
)
def test_a_cancelled_transaction_means(reasons, expected):
    error = cancellation(reasons, actions=2)

    assert type(error) is expected


def test_a_refusal_says_which_of_the_actions_failed():
    error = cancellation([None, FAILED, CONFLICT, FAILED], actions=4)

    assert isinstance(error, Refused)
    assert error.failed == (False, True, False, True)
