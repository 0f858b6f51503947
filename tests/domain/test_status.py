"""The one word a customer sees."""

import pytest

from chalicelib.domain.status import STATUSES, status
from tests.support.records import END, SECOND, START, account, canceled, ended, subscription


@pytest.mark.parametrize(
    ("one", "word"),
    [
        (subscription(), "active"),
        (subscription(status="trialing"), "trialing"),
        (subscription(status="past_due"), "past_due"),
        (subscription(status="unpaid"), "suspended"),
        (subscription(status="paused"), "suspended"),
        (subscription(status="incomplete"), "incomplete"),
        (subscription(status="incomplete_expired"), "incomplete"),
        (subscription(status="a_word_of_next_year"), "active"),
        (subscription(cancel_at=END), "pending_cancellation"),
        (subscription(cancel_at_period_end=True), "pending_cancellation"),
        (canceled(status="past_due"), "pending_cancellation"),
    ],
)
def test_the_word_during_its_life(one, word):
    assert status(account(one), one, START) == word
    assert word in STATUSES


def test_pending_to_the_last_second_and_canceled_from_then_on():
    one = canceled()

    assert status(account(one), one, END - SECOND) == "pending_cancellation"
    assert status(account(one), one, END) == "canceled"


def test_ended_at_once_but_paid_for_is_still_pending():
    one = ended(ended_at=START)

    assert status(account(one), one, START) == "pending_cancellation"
    assert status(account(one), one, END) == "canceled"
