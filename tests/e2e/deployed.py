"""The packaged template, whole, in a local AWS that enforces every role: what a company deploys, driven from outside.

`make e2e` runs it, and from_the_guide.py beside it. What it stands on is ministack; what that cannot show is listed at the end of this file.
"""

import json
import os
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from standardwebhooks import Webhook, WebhookVerificationError

from chalicelib.domain import steps
from chalicelib.handlers.jobs import SCHEDULE
from chalicelib.policies import Policies
from chalicelib.sweeping import PAGE
from infra.aws.functions import FUNCTIONS
from infra.local import seeds, tokens, trial
from infra.local.messages import Answer
from infra.local.ministack import TOOL_PYTHON, Ministack
from infra.local.stripe_side import send_over_http
from infra.packaging import template
from infra.packaging.build import Build, build
from infra.packaging.deploying import Target, carry_out, plan
from infra.packaging.expanding import expanded
from tests.support.event_schemas import misfits

STAGE, REGION = "e2e", "us-east-1"
SIGNED_WITH = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="session")
def aws(tmp_path_factory):
    with Ministack(TOOL_PYTHON, services=trial.SERVICES, environment={"AUTH": "true"}) as ministack:

        def client(service, **keys):
            return boto3.client(
                service,
                endpoint_url=ministack.url,
                region_name=REGION,
                config=Config(
                    # A function that starts on a busy machine takes its time, and is never to be asked twice.
                    read_timeout=300,
                    retries={"total_max_attempts": 1},
                    s3={"addressing_style": "path"},
                ),
                **(keys or {"aws_access_key_id": "test", "aws_secret_access_key": "test"}),
            )

        yield SimpleNamespace(url=ministack.url, client=client)


@pytest.fixture(scope="session")
def outside():
    """Stripe and the issuer of tokens, on the loopback, and somebody who receives our events and verifies them."""
    receiver, received, unverified = Webhook(SIGNED_WITH), [], []

    def receive(request):
        if request.path != "/events":
            return None
        try:
            headers = {name.lower(): value for name, value in request.headers}
            received.append(receiver.verify(request.body.decode(), headers))
        except WebhookVerificationError:
            unverified.append(request)
            return Answer(401)
        return Answer(204)

    with trial.outside(receive) as at:
        yield SimpleNamespace(
            url=at.url,
            emulator=at.emulator,
            signer=at.signer,
            notebook=at.notebook,
            received=received,
            unverified=unverified,
        )


@pytest.fixture(scope="session")
def target(aws, outside):
    aws.client("s3").create_bucket(Bucket="artifacts")
    secrets = aws.client("secretsmanager")
    for name, text in (
        ("stripe", "sk_test_e2e"), ("stripe-refunds", "sk_test_refunds"),
        ("webhook", seeds.WEBHOOK_SECRET), ("roles", "unused"), ("endpoints", SIGNED_WITH),
    ):  # fmt: skip
        secrets.create_secret(Name=f"lapse/{STAGE}/{name}", SecretString=text)
    return Target(
        stage=STAGE,
        bucket="artifacts",
        client=aws.client,
        # ministack has no SAM of its own: it is given what AWS's would make.
        prepare=expanded,
        parameters={
            "TokenIssuer": tokens.ISSUER,
            "TokenAudience": tokens.AUDIENCE,
            "ServiceAudience": tokens.SERVICE_AUDIENCE,
            "JwksUrl": f"{outside.url}/jwks",
            "StripeBaseUrl": f"{outside.url}/_stripe",
            "ReturnOrigins": "https://app.example.com",
            "Livemode": "false",
            "EventEndpoints": json.dumps(
                [
                    {
                        "name": "app",
                        "url": f"{outside.url}/events",
                        "since": "2026-01-01T00:00:00Z",
                        "secrets": [f"secretsmanager:lapse/{STAGE}/endpoints"],
                    }
                ]
            ),
            "DueShards": "2",
            "PurgerArns": "arn:aws:s3:::app-media,arn:aws:s3:::app-media/tenants/*",
        },
    )


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """LAPSE_BUILD names the very build that will be deployed; without it, one is made."""
    if (made := os.environ.get("LAPSE_BUILD")) is not None:
        return Build(Path(made) / "deployment.zip", Path(made) / "template.json")
    return build(tmp_path_factory.mktemp("build"))


@pytest.fixture(scope="session")
def stack(aws, target, built):
    said = carry_out(target, plan(target, built.zip, built.template))
    return SimpleNamespace(
        api=f"{aws.url}/restapis/{said['RestAPIId']}/api/_user_request_",
        said=said,
        id=said["RestAPIId"],
    )


def function_of(aws, name):
    found = aws.client("cloudformation").describe_stack_resource(
        StackName=f"lapse-{STAGE}", LogicalResourceId=template.logical_id(name)
    )
    return found["StackResourceDetail"]["PhysicalResourceId"]


def call(stack, method, path, body=None, token=None, headers=None):
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    request = urllib.request.Request(stack.api + path, data, method=method)
    request.add_header("Content-Type", "application/json")
    for name, value in {
        **(headers or {}),
        **({"Authorization": f"Bearer {token}"} if token else {}),
    }.items():
        request.add_header(name, value)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read() or b"{}")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}")


def token(outside, account_id, *roles):
    return outside.signer.sign(
        {"account_id": account_id, "roles": list(roles), "email": "someone@example.com"},
        datetime.now(UTC),
    )


def stripe(outside, method, path, **fields):
    from urllib.parse import urlencode

    reply = outside.emulator.handle(
        method, path, "", {"Authorization": "Bearer sk_test_e2e"}, urlencode(fields).encode()
    )
    assert reply.status == 200, reply.body
    return json.loads(reply.body)


@pytest.fixture(scope="session")
def story(aws, stack, outside):
    """An account with a paid plan: Stripe's own signed webhooks have told of it, through the API Gateway."""
    seeds.seed_stripe(
        outside.emulator, outside.notebook, Policies(), f"{stack.api}/webhooks/stripe"
    )
    customer = stripe(outside, "POST", "/v1/customers", email="acme@example.com")
    stripe(outside, "POST", "/v1/payment_methods/pm_card_visa/attach", customer=customer["id"])
    operator = token(outside, None, "operator")
    put = call(
        stack, "PUT", "/v1/admin/accounts/acme",
        {"policy": "smarter-contact", "currency": "usd", "email": "acme@example.com",
         "stripe_customer_id": customer["id"]},
        operator,
    )  # fmt: skip
    assert put[0] in (200, 201), put
    prices = json.loads(
        outside.emulator.handle(
            "GET", "/v1/prices", "lookup_keys[0]=smarter-contact:messaging:month",
            {"Authorization": "Bearer sk_test_e2e"}, b"",
        ).body
    )  # fmt: skip
    subscription = stripe(
        outside, "POST", "/v1/subscriptions",
        **{"customer": customer["id"], "items[0][price]": prices["data"][0]["id"],
           "default_payment_method": "pm_card_visa"},
    )  # fmt: skip
    outside.emulator.run_due()
    statuses = []

    def send(url, body, headers):
        statuses.append(send_over_http(url, body, headers))
        return statuses[-1]

    outside.emulator.deliver(send)
    assert statuses
    assert set(statuses) == {200}, statuses
    return SimpleNamespace(
        customer=customer["id"], subscription=subscription["id"], operator=operator
    )


# -- the webhook and the API


def test_signed_webhooks_through_api_gateway_make_a_membership(stack, outside, story):
    status, body = call(
        stack, "GET", "/v1/membership", token=token(outside, "acme", "billing_admin")
    )

    assert status == 200
    assert [one["status"] for one in body["subscriptions"]] == ["active"]


def test_a_delivery_that_nobody_signed_is_refused(stack):
    status, body = call(
        stack, "POST", "/webhooks/stripe", b"{}", headers={"Stripe-Signature": "t=1,v1=00"}
    )

    assert (status, body["code"]) == (400, "malformed_request")


def test_a_portal_session_needs_a_token_and_leads_to_stripe(stack, outside, story):
    asked = {"return_url": "https://app.example.com/billing"}

    nobody = call(stack, "POST", "/v1/portal-sessions", asked)
    member = call(stack, "POST", "/v1/portal-sessions", asked, token(outside, "acme", "member"))
    admin = call(
        stack, "POST", "/v1/portal-sessions", asked, token(outside, "acme", "billing_admin")
    )

    assert (nobody[0], member[0], admin[0]) == (401, 403, 201)
    assert admin[1]["url"].startswith(f"{outside.url}/_stripe/")


# -- what runs by itself


@pytest.mark.parametrize("job", [job.name for job in SCHEDULE])
def test_every_job_runs_with_no_more_than_its_own_role(aws, stack, story, job):
    answer = aws.client("lambda").invoke(
        FunctionName=function_of(aws, job),
        Payload=json.dumps(SCHEDULED),
    )

    said = answer["Payload"].read().decode()
    assert "FunctionError" not in answer, said
    assert "AccessDenied" not in said


SCHEDULED = {
    "version": "0", "id": "e2e", "detail-type": "Scheduled Event", "source": "aws.events",
    "account": "000000000000", "time": "2026-01-01T00:00:00Z", "region": REGION,
    "resources": [], "detail": {},
}  # fmt: skip


def test_every_job_has_its_rule_at_its_rate(aws, stack):
    rules = aws.client("events").list_rules()["Rules"]

    rates = sorted(rule["ScheduleExpression"] for rule in rules if rule.get("ScheduleExpression"))
    assert rates == sorted(job.rate for job in SCHEDULE)
    assert all(rule["State"] == "ENABLED" for rule in rules)


def test_the_stream_sends_the_history_to_an_endpoint_that_verifies_it(aws, stack, story, outside):
    """By the stream's second function, in its own role, with the secret that only it may read."""
    table, deadline = aws.client("dynamodb"), time.monotonic() + 90

    def row(sk):
        key = {"pk": {"S": "A#acme"}, "sk": {"S": sk}}
        return table.get_item(TableName=f"lapse-{STAGE}", Key=key).get("Item", {})

    while row("published#app").get("op") != row("account")["op"] and time.monotonic() < deadline:
        time.sleep(0.5)

    assert row("published#app").get("op") == row("account")["op"]
    assert outside.unverified == []
    mine = [event for event in outside.received if event["account_id"] == "acme"]
    assert mine[0]["type"] == "account.created"
    sequences = list(dict.fromkeys(event["sequence"] for event in mine))
    assert sequences == sorted(sequences)
    assert [one for event in mine for one in misfits(event)] == []


def test_the_stream_publishes_the_history_to_the_bus(aws, stack, story):
    """The published position is the proof: it moves only when EventBridge took every event."""
    table, deadline = aws.client("dynamodb"), time.monotonic() + 60

    def row(sk):
        key = {"pk": {"S": "A#acme"}, "sk": {"S": sk}}
        return table.get_item(TableName=f"lapse-{STAGE}", Key=key).get("Item", {})

    while row("published").get("op") != row("account")["op"] and time.monotonic() < deadline:
        time.sleep(0.5)

    assert row("published")["op"] == row("account")["op"]


def test_a_backlog_is_shared_out_through_the_queue_and_done_by_the_same_function(aws, stack, story):
    """More is due in one shard than one run likes to do: none of it is left, and the queue is empty again."""
    table, deadline = aws.client("dynamodb"), time.monotonic() + 120
    due = {"due_kind": {"S": f"{steps.NUMBERS_RELEASED}#0"}, "due_at": {"S": "2026-01-01T00:00:00Z"}}  # fmt: skip
    # Places in the index of accounts on which nothing is due: each is found, looked at and tidied away.
    for n in range(PAGE + 5):
        put = stack_account(stack, story, f"late{n}")
        assert put in (200, 201), put
        key = {"pk": {"S": f"A#late{n}"}, "sk": {"S": f"step#{steps.NUMBERS_RELEASED}"}}
        row = {**key, **due, "state": {"S": "pending"}, "doc": {"S": "{}"}}
        table.put_item(TableName=TABLE, Item=row)

    answer = aws.client("lambda").invoke(
        FunctionName=function_of(aws, "release_numbers"), Payload=json.dumps(SCHEDULED)
    )
    said = answer["Payload"].read().decode()

    def left():
        found = table.query(
            TableName=TABLE, IndexName="due", KeyConditionExpression="due_kind = :kind",
            ExpressionAttributeValues={":kind": due["due_kind"]},
        )  # fmt: skip
        return found["Count"]

    while left() and time.monotonic() < deadline:
        time.sleep(0.5)
    queues = aws.client("sqs")
    (unfinished,) = queues.list_queues(QueueNamePrefix=f"lapse-{STAGE}-unfinished")["QueueUrls"]
    waiting = queues.get_queue_attributes(QueueUrl=unfinished, AttributeNames=["All"])["Attributes"]
    assert "1 shared out" in said
    assert left() == 0
    assert waiting["ApproximateNumberOfMessages"] == "0"


def stack_account(stack, story, name):
    body = {"policy": "smarter-contact", "currency": "usd"}
    return call(stack, "PUT", f"/v1/admin/accounts/{name}", body, story.operator)[0]


# -- least privilege, by calls that are denied


@pytest.fixture(scope="session")
def role_of(aws, stack):
    """Clients with the rights of a function's role."""
    iam, resources = aws.client("iam"), aws.client("cloudformation")

    def client(name, service):
        found = resources.describe_stack_resource(
            StackName=f"lapse-{STAGE}", LogicalResourceId=f"{template.logical_id(name)}Role"
        )
        role = found["StackResourceDetail"]["PhysicalResourceId"]
        # Only Lambda may take it. Here the test may as well; its rights stay what they are.
        iam.update_assume_role_policy(
            RoleName=role,
            PolicyDocument=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
                    ],
                }
            ),
        )
        arn = iam.get_role(RoleName=role)["Role"]["Arn"]
        given = aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="e2e")["Credentials"]
        return aws.client(
            service,
            aws_access_key_id=given["AccessKeyId"],
            aws_secret_access_key=given["SecretAccessKey"],
            aws_session_token=given["SessionToken"],
        )

    return client


def denied(ask, **arguments):
    try:
        ask(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"].startswith(("AccessDenied", "UnauthorizedOperation"))
    return False


ROW = {"pk": {"S": "A#nobody"}, "sk": {"S": "account"}}
TABLE = f"lapse-{STAGE}"


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_role_may_do_what_its_row_says_and_nothing_else(aws, stack, role_of, name):
    function, table = FUNCTIONS[name], role_of(name, "dynamodb")

    assert not denied(table.get_item, TableName=TABLE, Key=ROW)
    assert denied(table.scan, TableName=TABLE)
    assert denied(table.delete_table, TableName=TABLE)
    assert denied(table.update_table, TableName=TABLE, DeletionProtectionEnabled=False)
    assert denied(table.get_item, TableName="somebody-elses", Key=ROW)
    assert denied(table.delete_item, TableName=TABLE, Key=ROW) is not bool(function.deletes)
    lists = {
        "TableName": TABLE,
        "IndexName": "directory",
        "KeyConditionExpression": "dir_kind = :k",
        "ExpressionAttributeValues": {":k": {"S": "accounts#0"}},
    }
    assert denied(table.query, **lists) is not function.directory


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_role_reads_the_secrets_of_its_row_and_no_others(aws, stack, role_of, name):
    vault = role_of(name, "secretsmanager")

    readable = {
        secret
        for secret in ("stripe", "stripe-refunds", "webhook", "roles", "endpoints")
        if not denied(vault.get_secret_value, SecretId=f"lapse/{STAGE}/{secret}")
    }

    made = {"stripe", "stripe-refunds", "webhook", "roles", "endpoints"}
    assert readable == FUNCTIONS[name].secrets & made


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_role_touches_files_only_as_its_row_says(aws, stack, role_of, name):
    files, bucket = role_of(name, "s3"), stack.said["FilesBucket"]
    # It lets nobody in without TLS, and there is none on the loopback.
    aws.client("s3").delete_bucket_policy(Bucket=bucket)

    assert denied(files.put_object, Bucket=bucket, Key="exports/x", Body=b"") is (
        "write" not in FUNCTIONS[name].files
    )
    assert denied(files.delete_object, Bucket=bucket, Key="exports/x") is (
        "delete" not in FUNCTIONS[name].files
    )


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_only_publishers_speak_on_the_bus(aws, stack, role_of, name):
    bus = role_of(name, "events")

    entry = {
        "Source": "x",
        "DetailType": "x",
        "Detail": "{}",
        "EventBusName": stack.said["EventBusName"],
    }
    assert denied(bus.put_events, Entries=[entry]) is not FUNCTIONS[name].tells


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_a_role_gives_shares_to_its_own_queue_only(aws, stack, role_of, name):
    own, message = role_of(name, "sqs"), {"MessageBody": "{}", "MessageGroupId": "x"}
    urls = aws.client("sqs").list_queues(QueueNamePrefix=f"lapse-{STAGE}-")["QueueUrls"]

    may = {
        url.rpartition(f"lapse-{STAGE}-")[2]
        for url in urls
        if url.endswith("-shares.fifo") and "unfinished" not in url
        and not denied(own.send_message, QueueUrl=url, MessageDeduplicationId=uuid4().hex, **message)
    }  # fmt: skip

    assert may == ({f"{name.replace('_', '-')}-shares.fifo"} if FUNCTIONS[name].takers else set())


def test_the_purge_deletes_below_the_prefix_that_was_named_and_nowhere_else(aws, stack, role_of):
    aws.client("s3").create_bucket(Bucket="app-media")
    purge, other = role_of("purge_data", "s3"), role_of("make_exports", "s3")

    def may(files, key):
        wanted = {"Objects": [{"Key": key}]}
        answer = {}
        refused = denied(lambda **a: answer.update(files.delete_objects(**a)), Bucket="app-media", Delete=wanted)  # fmt: skip
        return not refused and not answer.get("Errors")

    assert may(purge, "tenants/acme/photo")
    assert not may(purge, "settings")
    assert not may(other, "tenants/acme/photo")
    assert not denied(purge.list_object_versions, Bucket="app-media")
    assert denied(purge.list_object_versions, Bucket="artifacts")


def test_a_purgers_secret_may_lie_in_the_parameter_store(aws, stack, role_of):
    for name in ("purgers/app", "stripe"):
        aws.client("ssm").put_parameter(Name=f"/lapse/{STAGE}/{name}", Value="x", Type="SecureString")  # fmt: skip
    purge, webhook = role_of("purge_data", "ssm"), role_of("webhook", "ssm")
    place = f"/lapse/{STAGE}/purgers/app"

    assert not denied(purge.get_parameter, Name=place, WithDecryption=True)
    assert denied(webhook.get_parameter, Name=place, WithDecryption=True)
    assert denied(purge.get_parameter, Name=f"/lapse/{STAGE}/stripe", WithDecryption=True)


# -- going back


def test_going_back_to_an_earlier_build_loses_nothing(
    aws, stack, outside, story, target, built, tmp_path
):
    """As docs/how-to/deploy.md says it: the earlier build is deployed again over the newer one."""
    newer = json.loads(built.template.read_text())
    newer["Resources"]["Webhook"]["Properties"]["MemorySize"] = 2048
    changed = tmp_path / "template.json"
    changed.write_text(json.dumps(newer))

    def memory():
        found = aws.client("lambda").get_function_configuration(
            FunctionName=function_of(aws, "webhook")
        )
        return found["MemorySize"]

    carry_out(target, plan(target, built.zip, changed))
    assert memory() == 2048
    carry_out(target, plan(target, built.zip, built.template))

    assert memory() == FUNCTIONS["webhook"].memory
    status, body = call(
        stack, "GET", "/v1/membership", token=token(outside, "acme", "billing_admin")
    )
    assert (status, len(body["subscriptions"])) == (200, 1)


# What ministack cannot show, and only AWS can: that deletes are held to the beginnings of keys
# (`dynamodb:LeadingKeys`), on-failure destinations, TTL, point-in-time recovery, throttling, API Gateway's own refusals,
# and that an alarm rings. Their presence in the template is tested in tests/infra/packaging/test_template.py.
