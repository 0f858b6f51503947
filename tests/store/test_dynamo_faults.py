"""What a table behind HTTP says when DynamoDB turns it away, answers late or not at all."""

import json
import socket
from functools import partial

import pytest
from botocore.awsrequest import AWSResponse
from moto.core.models import botocore_stubber

from chalicelib.store.dynamo import DynamoTable
from chalicelib.store.table import (
    Contended,
    If,
    Key,
    Put,
    Refused,
    StoreError,
    Table,
    Unavailable,
    Update,
)
from tests.support.stores import (
    REGION,
    hooked,
    only_dynamo_tables_but,
    only_ministack,
    row,
)

KEY = Key("A#1", "account")
behind_http = only_dynamo_tables_but()


def answer(status, body):
    """An answer that botocore takes for DynamoDB's, given without asking it."""

    class Raw:
        def stream(self, **_):
            yield json.dumps(body).encode()

    return AWSResponse("https://dynamodb", status, {}, Raw())


def error(code, **more):
    return {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", **more}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, error("ThrottlingException"), Unavailable),
        (400, error("ProvisionedThroughputExceededException"), Unavailable),
        (400, error("TransactionConflictException"), Contended),
        (400, error("ConditionalCheckFailedException"), Refused),
        (400, error("ResourceNotFoundException"), StoreError),
        (500, error("InternalServerError"), Unavailable),
        (503, {}, Unavailable),
    ],
    ids=lambda value: str(value)[:40],
)
@only_ministack()
def test_an_answer_of_dynamodb_becomes_a_word_of_ours(table, status, body, expected):
    with (
        hooked(table, "before-send.dynamodb.*", lambda **_: answer(status, body)),
        pytest.raises(StoreError) as raised,
    ):
        table.write(Put(row("A#1", "account")))

    assert type(raised.value) is expected


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        ([{"Code": "None"}, {"Code": "TransactionConflict"}], Contended),
        ([{"Code": "TransactionConflict"}, {"Code": "ConditionalCheckFailed"}], Refused),
        ([{"Code": "ThrottlingError"}, {"Code": "None"}], Unavailable),
        ([], Unavailable),
        (None, Unavailable),
    ],
    ids=str,
)
@only_ministack()
def test_a_cancelled_transaction_becomes_a_word_of_ours(table, reasons, expected):
    body = error("TransactionCanceledException", Message="cancelled")
    if reasons is not None:
        body["CancellationReasons"] = reasons

    with (
        hooked(table, "before-send.dynamodb.*", lambda **_: answer(400, body)),
        pytest.raises(StoreError) as raised,
    ):
        table.transact([Put(row("A#1", "p")), Update(Key("A#1", "u"), {"version": 1})])

    assert type(raised.value) is expected
    if isinstance(raised.value, Refused):
        assert raised.value.failed == (False, True)


@behind_http
def test_keys_left_unanswered_are_asked_for_again_after_a_pause(table):
    table.transact([Put(row("A#1", f"m#{number}")) for number in range(6)])
    pauses: list[float] = []
    patient = DynamoTable(
        table.name, region=REGION, endpoint=table.client.meta.endpoint_url, pause=pauses.append
    )

    def keep_back(parsed, **_):
        rows = parsed["Responses"][table.name]
        held = [{"pk": item["pk"], "sk": item["sk"]} for item in rows[2:]]
        parsed["Responses"][table.name] = rows[:2]
        parsed["UnprocessedKeys"] = {table.name: {"Keys": held}} if held else {}

    with hooked(patient, "after-call.dynamodb.BatchGetItem", keep_back):
        found = patient.get_many([Key("A#1", f"m#{number}") for number in range(6)])

    assert len(found) == 6
    assert pauses == [0.05, 0.1]
    patient.client.close()


@behind_http
def test_keys_that_are_never_answered_are_not_taken_for_missing(table):
    pauses: list[float] = []
    patient = DynamoTable(
        table.name, region=REGION, endpoint=table.client.meta.endpoint_url, pause=pauses.append
    )

    def keep_all(parsed, **_):
        parsed["UnprocessedKeys"] = {table.name: {"Keys": [{"pk": {"S": "A#1"}, "sk": {"S": "a"}}]}}

    with hooked(patient, "after-call.dynamodb.BatchGetItem", keep_all), pytest.raises(Unavailable):
        patient.get_many([Key("A#1", "a")])

    assert pauses == sorted(pauses)
    assert len(pauses) == 6
    patient.client.close()


class LostAnswer:
    """Lets the first request through and loses its answer; the second attempt is botocore's own."""

    def __init__(self, table: DynamoTable) -> None:
        self._send = table.client._endpoint.http_session.send
        if botocore_stubber.enabled:
            self._send = partial(botocore_stubber, "before-send")
        self.attempts = 0

    def __call__(self, request, **_):
        self.attempts += 1
        if self.attempts > 1:
            return None
        self._send(request)
        return answer(500, error("InternalServerError"))


@only_dynamo_tables_but(
    moto="moto 5.2 takes no notice of a ClientRequestToken: the repeated transaction is refused by its own"
    " condition; that it is applied once is shown on ministack"
)
def test_a_transaction_whose_answer_is_lost_is_applied_once_and_reported_as_done(table):
    table.write(Put(row("A#1", "account", version=1)))
    lost = LostAnswer(table)

    with hooked(table, "before-send.dynamodb.TransactWriteItems", lost):
        table.transact(
            [
                Update(KEY, {"version": 2}, If(equals={"version": 1})),
                Put(row("A#1", "history#evt_1"), If(absent=True)),
            ]
        )

    assert lost.attempts == 2
    assert table.get(KEY)["version"] == 2


@behind_http
def test_a_single_write_whose_answer_is_lost_is_reported_as_refused(table):
    """Why a write whose lost answer matters goes through a transaction even when it is single."""
    with hooked(table, "before-send.dynamodb.PutItem", LostAnswer(table)), pytest.raises(Refused):
        table.write(Put(row("A#1", "account", version=1), If(absent=True)))

    assert table.get(KEY)["version"] == 1


def test_nobody_at_the_address_is_unavailable():
    table = DynamoTable(
        "lapse", region=REGION, endpoint=f"http://127.0.0.1:{closed_port()}", attempts=1
    )

    for ask in asks(table):
        with pytest.raises(Unavailable):
            ask()
    table.client.close()


def test_an_answer_that_takes_too_long_is_unavailable():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        table = DynamoTable(
            "lapse",
            region=REGION,
            endpoint=f"http://127.0.0.1:{silent.getsockname()[1]}",
            read_seconds=0.05,
            attempts=1,
        )

        for ask in asks(table):
            with pytest.raises(Unavailable):
                ask()
        table.client.close()


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def asks(table: Table):
    return (
        lambda: table.get(KEY),
        lambda: table.get_many([KEY]),
        lambda: table.query("A#1"),
        lambda: table.due("r#0", "2026"),
        lambda: table.directory("accounts#0"),
        lambda: table.write(Put(row("A#1", "account"))),
        lambda: table.transact([Put(row("A#1", "account"))]),
    )
