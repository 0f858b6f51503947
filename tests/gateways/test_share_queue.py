"""Shares go to SQS; what the queue did not take is said, never taken for given."""

import json

import pytest
from botocore.stub import ANY, Stubber

from chalicelib.gateways.share_queue import ShareQueue
from chalicelib.sharing import NotShared, Share

URL = "https://sqs.us-east-1.amazonaws.com/000000000000/lapse-prod-release-numbers-shares.fifo"
SHARES = [Share("numbers_released", 15, part, 4) for part in range(4)]
ANYTHING = dict.fromkeys(
    ("QueueUrl", "MessageBody", "MessageGroupId", "MessageDeduplicationId"), ANY
)
TURN = "2026-03-14T12:00:00Z"


@pytest.fixture
def sqs(monkeypatch):
    """The queue, and a client that checks every request against Amazon's own description of it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    queue = ShareQueue(URL, region="us-east-1", endpoint="http://127.0.0.1:9")
    with Stubber(queue._client) as stub:
        yield queue, stub


TAKEN = {"MessageId": "m", "MD5OfMessageBody": "x", "SequenceNumber": "1"}


def test_each_share_has_a_group_of_its_own_and_is_wanted_once_a_turn(sqs):
    queue, stub = sqs
    for part, share in enumerate(SHARES):
        name = f"numbers_released:15:{part}of4"
        stub.add_response(
            "send_message",
            TAKEN,
            {
                "QueueUrl": URL,
                "MessageBody": share.text(),
                "MessageGroupId": name,
                "MessageDeduplicationId": f"{name}:{TURN}",
            },
        )

    queue.put(SHARES, TURN)

    stub.assert_no_pending_responses()


def test_one_that_is_not_taken_is_said_though_others_were(sqs):
    queue, stub = sqs
    stub.add_response("send_message", TAKEN, ANYTHING)
    stub.add_client_error("send_message", "InternalError")

    with pytest.raises(NotShared, match="InternalError"):
        queue.put(SHARES, TURN)


def test_a_queue_that_is_not_there_is_said(sqs):
    queue, stub = sqs
    stub.add_client_error("send_message", "AWS.SimpleQueueService.NonExistentQueue")

    with pytest.raises(NotShared):
        queue.put(SHARES, TURN)


def test_a_queue_that_does_not_answer_is_said(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "local")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "local")
    queue = ShareQueue(URL, region="us-east-1", endpoint="http://127.0.0.1:9")
    monkeypatch.setattr("time.sleep", lambda _: None)

    with pytest.raises(NotShared):
        queue.put(SHARES[:1], TURN)


def test_what_is_written_holds_no_account():
    assert json.loads(SHARES[0].text()) == {
        "kind": "numbers_released", "shard": 15, "part": 0, "parts": 4,
    }  # fmt: skip
