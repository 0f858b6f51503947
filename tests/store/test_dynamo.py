"""What only a table behind HTTP has: requests that cost money, and the client that sends them."""

import json
import subprocess
import sys
import threading

import pytest
from botocore.serialize import JSONSerializer

from chalicelib.store.dynamo import DynamoTable
from chalicelib.store.rows import MalformedError
from chalicelib.store.table import (
    Check,
    If,
    Key,
    Put,
    TooLarge,
    Update,
)
from tests.support.stores import REGION, hooked, only_dynamo_tables_but, requests, row

KEY = Key("A#1", "account")
behind_http = only_dynamo_tables_but()


# -- what it costs


@behind_http
def test_a_webhook_costs_one_read_and_one_write(table):
    table.write(Put(row("A#1", "account", version=1)))

    with requests(table) as sent:
        account = table.get(KEY)
        table.transact(
            [
                Update(KEY, {"version": 2}, If(equals={"version": account["version"]})),
                Put(row("A#1", "history#evt_1"), If(absent=True)),
                Update(Key("A#1", "step#release"), {"due_kind": "r#0", "due_at": "2026"}),
            ]
        )

    assert sent == ["GetItem", "TransactWriteItems"]


@behind_http
def test_a_new_process_asks_nothing_but_what_it_was_told_to(table):
    fresh = DynamoTable(table.name, region=REGION, endpoint=table.client.meta.endpoint_url)

    with requests(fresh) as sent:
        fresh.get(KEY)
        fresh.query("A#1", "step#")
        fresh.due("release#0", "2026")
        fresh.write(Put(row("A#1", "account", version=1)))

    assert sent == ["GetItem", "Query", "Query", "PutItem"]
    fresh.client.close()


@behind_http
def test_a_transaction_refused_by_our_own_checks_costs_nothing(table):
    with requests(table) as sent:
        for wrong in ([], [Put(row("A#1", "a", doc={"x": 0.5}))], [Put(row("A#1", "a"))] * 101):
            with pytest.raises((MalformedError, TooLarge)):
                table.transact(wrong)

    assert sent == []


@behind_http
def test_two_hundred_and_fifty_keys_cost_three_requests(table):
    with requests(table) as sent:
        table.get_many([Key("A#1", f"m#{number}") for number in range(250)])

    assert sent == ["BatchGetItem"] * 3


@behind_http
def test_reads_by_key_and_of_a_partition_are_strongly_consistent(table):
    bodies = []

    with hooked(table, "before-call.dynamodb.*", lambda params, **_: bodies.append(params["body"])):
        table.get(KEY)
        table.get_many([KEY])
        table.query("A#1")

    assert all(b'"ConsistentRead": true' in body for body in bodies)
    assert len(bodies) == 3


@behind_http
def test_every_transaction_carries_a_token_of_its_own(table):
    tokens = []

    with hooked(
        table,
        "before-call.dynamodb.TransactWriteItems",
        lambda params, **_: tokens.append(json.loads(params["body"])["ClientRequestToken"]),
    ):
        table.transact([Put(row("A#1", "a"))])
        table.transact([Put(row("A#1", "a"))])

    assert len(set(tokens)) == 2
    assert all(1 <= len(token) <= 36 for token in tokens)


@behind_http
def test_a_check_of_the_empty_condition_sends_one_that_always_holds(table):
    """DynamoDB refuses a check without one; moto does not."""
    sent = []

    with hooked(
        table,
        "before-call.dynamodb.TransactWriteItems",
        lambda params, **_: sent.append(json.loads(params["body"])["TransactItems"]),
    ):
        table.transact([Check(KEY, If()), Put(row("A#1", "a"))])

    ((check, _),) = sent
    held = check["ConditionCheck"]["ConditionExpression"]
    assert held == "attribute_exists(pk) OR attribute_not_exists(pk)"


# -- the client


def test_importing_and_making_a_table_makes_no_client_and_loads_no_boto3():
    script = (
        "import sys\n"
        "import botocore.session\n"
        "made = []\n"
        "botocore.session.Session.__init__ = lambda *a, **k: made.append(a)\n"
        "from chalicelib.store.dynamo import DynamoTable\n"
        "DynamoTable('lapse', region='us-east-1')\n"
        "print(made, 'boto3' in sys.modules)"
    )

    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)

    assert ran.stdout.strip() == "[] False", ran.stderr


@behind_http
def test_eight_threads_that_ask_first_share_one_client(table):
    fresh = DynamoTable(table.name, region=REGION, endpoint=table.client.meta.endpoint_url)
    clients = []
    threads = [threading.Thread(target=lambda: clients.append(fresh.client)) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(clients) == 8
    assert len({id(client) for client in clients}) == 1
    fresh.client.close()


@behind_http
def test_the_client_is_lean_impatient_and_fixed_in_its_attempts(table):
    config = table.client.meta.config

    assert (config.connect_timeout, config.read_timeout) == (2.0, 5.0)
    assert config.retries == {"total_max_attempts": 3, "mode": "standard"}
    assert config.user_agent == "lapse"
    assert type(table.client._serializer) is JSONSerializer


# -- what older code leaves alone


@behind_http
def test_attributes_of_newer_code_survive_an_update_and_are_not_shown(table):
    table.client.put_item(
        TableName=table.name,
        Item={
            "pk": {"S": "A#1"},
            "sk": {"S": "account"},
            "version": {"N": "1"},
            "from_the_future": {"M": {"a": {"BOOL": True}}},
        },
    )

    table.write(Update(KEY, {"version": 2}))
    table.transact([Update(KEY, {"state": "x"})])

    raw = table.client.get_item(
        TableName=table.name, Key={"pk": {"S": "A#1"}, "sk": {"S": "account"}}
    )
    assert raw["Item"]["from_the_future"] == {"M": {"a": {"BOOL": True}}}
    assert table.get(KEY) == row("A#1", "account", version=2, state="x")
    assert table.query("A#1").rows == [row("A#1", "account", version=2, state="x")]


@behind_http
def test_a_document_is_kept_as_canonical_text(table):
    table.write(Put(row("A#1", "account", doc={"b": 1, "a": {"d": "é", "c": None}})))

    raw = table.client.get_item(
        TableName=table.name, Key={"pk": {"S": "A#1"}, "sk": {"S": "account"}}
    )

    assert raw["Item"]["doc"] == {"S": '{"a":{"c":null,"d":"é"},"b":1}'}


@behind_http
def test_making_the_table_again_changes_nothing(table):
    table.write(Put(row("A#1", "account")))

    table.create_table()

    assert table.get(KEY) == row("A#1", "account")
    described = table.client.describe_table(TableName=table.name)["Table"]
    assert described["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert described["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    tidied = table.client.describe_time_to_live(TableName=table.name)["TimeToLiveDescription"]
    assert tidied["AttributeName"] == "expires_at"
