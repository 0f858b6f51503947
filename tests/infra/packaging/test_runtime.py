"""The real zip under AWS's own runtime client: every handler is found, loads app.py and answers."""

import base64
import json
import time
import zipfile

import pytest

from chalicelib.handlers.jobs import SCHEDULE
from chalicelib.store.dynamo import DynamoTable
from infra.local.ministack import Ministack
from tests.infra.packaging.runtime import PROBE, Runtime, client_alone
from tests.support import stripe_shapes
from tests.support.stores import ministack_python

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def database():
    with Ministack(ministack_python()) as ministack:
        table = DynamoTable("lapse-tried", region="us-east-1", endpoint=ministack.url)
        table.create_table()
        yield ministack.url


@pytest.fixture(scope="module")
def start(built, database, tmp_path_factory):
    task = tmp_path_factory.mktemp("task")
    zipfile.ZipFile(built.zip).extractall(task)
    (task / "probe.py").write_text(PROBE)
    client = client_alone(tmp_path_factory.mktemp("client") / "site")
    started = []

    def starting(handler):
        runtime = Runtime(
            task,
            client,
            handler,
            {
                "AWS_ENDPOINT_URL": database, "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "NO_PROXY": "127.0.0.1",
                "LAPSE_TABLE": "lapse-tried", "LAPSE_STAGE": "tried", "LAPSE_DUE_SHARDS": "2",
                "LAPSE_STRIPE_API_KEY": "sk_test_tried", "LAPSE_WEBHOOK_SECRETS": stripe_shapes.SECRET,
                "LAPSE_TOKEN_ISSUER": "https://issuer.example", "LAPSE_TOKEN_AUDIENCE": "lapse",
                "LAPSE_SERVICE_AUDIENCE": "lapse-service", "LAPSE_LIVEMODE": "false",
            },
        )  # fmt: skip
        started.append(runtime)
        return runtime

    yield starting
    for runtime in started:
        runtime.stop()


def webhook(body, *, coded=False):
    signature = stripe_shapes.signature(body, int(time.time()))
    return {
        "resource": "/webhooks/stripe", "path": "/webhooks/stripe", "httpMethod": "POST",
        "headers": {"Stripe-Signature": signature, "Content-Type": "application/json; charset=utf-8"},
        "multiValueHeaders": {"Stripe-Signature": [signature]},
        "multiValueQueryStringParameters": None, "pathParameters": None, "stageVariables": None,
        "requestContext": {"httpMethod": "POST", "resourcePath": "/webhooks/stripe", "identity": {}},
        "body": base64.b64encode(body).decode() if coded else body.decode(),
        "isBase64Encoded": coded,
    }  # fmt: skip


@pytest.mark.parametrize("coded", [False, True], ids=["text", "base64"])
def test_a_signed_webhook_is_heard_without_importing_stripe(start, coded):
    now = int(time.time())
    thing = stripe_shapes.subscription("sub_é", "cus_unknown", start=now, end=now + 86_400)
    event = stripe_shapes.event(f"evt_{coded}", "customer.subscription.updated", now, thing)

    runtime = start("probe.http")
    answer = runtime.invoke(webhook(stripe_shapes.raw(event), coded=coded))
    written = runtime.stop()

    assert answer["statusCode"] == 200, answer
    # Of a customer nobody knows: it went all the way into the table.
    assert json.loads(answer["body"]) == {"outcome": "parked"}
    assert answer["imported_stripe"] is False
    assert '"EventsHeard": 1' in written


SCHEDULED = {
    "version": "0", "id": "one", "detail-type": "Scheduled Event", "source": "aws.events",
    "account": "000000000000", "time": "2026-01-01T00:00:00Z", "region": "us-east-1",
    "resources": [], "detail": {},
}  # fmt: skip


@pytest.mark.parametrize("job", [job.name for job in SCHEDULE])
def test_every_job_is_found_and_runs(start, job):
    runtime = start(f"app.{job}")

    answer = runtime.invoke(SCHEDULED)
    written = runtime.stop()

    assert isinstance(answer, str), answer
    assert f'"job": "{job}"' in written


def test_the_same_function_takes_shares_of_its_work(start):
    share = {"kind": "access_ends", "shard": 0, "part": 0, "parts": 4}
    runtime = start("app.expire_subscriptions")

    answer = runtime.invoke(
        {"Records": [{"messageId": "good", "body": json.dumps(share), "eventSource": "aws:sqs"},
                     {"messageId": "bad", "body": "?", "eventSource": "aws:sqs"}]}
    )  # fmt: skip
    written = runtime.stop()

    assert answer == {"batchItemFailures": [{"itemIdentifier": "bad"}]}
    assert '"event": "share_done"' in written
    assert '"event": "share_failed"' in written


@pytest.mark.parametrize("name", ["publish_history", "send_history"])
def test_each_function_of_the_stream_is_found_and_runs(start, name):
    answer = start(f"app.{name}").invoke({"Records": []})

    assert answer == {"batchItemFailures": []}


def test_a_handler_that_is_not_there_is_said_at_once(start):
    runtime = start("chalicelib.handlers.jobs.no_such_job")

    assert runtime.answers.get(timeout=60)["failed"]["errorType"] == "Runtime.HandlerNotFound"
