"""`lapse doctor` at AWS: the table, the schedules, and the keys of whoever issues tokens."""

from dataclasses import replace

import boto3
import pytest
from moto import mock_aws

from chalicelib.handlers.jobs import SCHEDULE
from infra.cli import doctor
from tests.operators.patients import answers_of_webhook, examined, healthy, only
from tests.support.life import Life


@pytest.fixture
def life():
    return Life()


@pytest.fixture(autouse=True)
def webhook(monkeypatch):
    return answers_of_webhook(monkeypatch)


def build_table(**changes):
    client = boto3.client("dynamodb", region_name="us-east-1")
    index = [("due", "due_kind", "due_at"), ("directory", "dir_kind", "dir_key")]
    keys = ["pk", "sk", *(name for _, *names in index for name in names)]
    given = {
        "TableName": "lapse-test",
        "BillingMode": "PAY_PER_REQUEST",
        "DeletionProtectionEnabled": True,
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in keys],
        "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "KEYS_ONLY"},
        "GlobalSecondaryIndexes": [
            {"IndexName": name, "Projection": {"ProjectionType": "KEYS_ONLY"},
             "KeySchema": [{"AttributeName": of, "KeyType": "HASH"}, {"AttributeName": at, "KeyType": "RANGE"}]}
            for name, of, at in index
        ],
    }  # fmt: skip
    given |= changes
    client.create_table(**{name: value for name, value in given.items() if value is not None})
    return client


def protect(client):
    client.update_continuous_backups(
        TableName="lapse-test",
        PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
    )
    client.update_time_to_live(
        TableName="lapse-test",
        TimeToLiveSpecification={"Enabled": True, "AttributeName": "expires_at"},
    )


def schedule(*, without=(), **rule):
    client = boto3.client("events", region_name="us-east-1")
    for job in SCHEDULE:
        if job.name not in without:
            given = {"ScheduleExpression": job.rate, "State": "ENABLED"} | rule
            client.put_rule(Name=f"rule-{job.name}", **given)
            function = "".join(part.title() for part in job.name.split("_"))
            arn = f"arn:aws:lambda:us-east-1:123456789012:function:lapse-prod-{function}-1A2B3C"
            client.put_targets(Rule=f"rule-{job.name}", Targets=[{"Id": "1", "Arn": arn}])


AT_AWS = ["secrets", "mode", "stripe", "permissions", "endpoint", "portal", "policies"]


@mock_aws
def test_a_table_and_schedules_that_are_well(life, capsys):
    protect(build_table())
    schedule()

    code, unwell, findings = examined(capsys, healthy(life), without_aws=False)

    assert (code, unwell) == (0, [])
    assert {each["check"] for each in findings} == {c.name for c in doctor.CHECKS}


@pytest.mark.parametrize(
    ("changes", "level", "says"),
    [
        ({"StreamSpecification": None}, "fail", "its stream is off"),
        ({"DeletionProtectionEnabled": False}, "warn", "may be deleted by mistake"),
    ],
)
@mock_aws
def test_a_table_that_lacks_something_is_told(life, capsys, changes, level, says):
    protect(build_table(**changes))

    only(
        capsys, healthy(life), level, "table", says, without_aws=False, skip=[*AT_AWS, "schedules"]
    )


@mock_aws
def test_a_table_without_an_index_or_a_way_back_is_told(life, capsys):
    client = build_table()
    client.update_table(
        TableName="lapse-test", GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "due"}}]
    )

    _, unwell, _ = examined(capsys, healthy(life), without_aws=False, skip=[*AT_AWS, "schedules"])

    assert [(each["level"], each["says"].split(":")[0]) for each in unwell] == [
        ("fail", "table lapse-test has no index 'due'"),
        ("fail", "it cannot be restored to a point in time"),
        ("warn", "what has expired is never tidied up"),
    ]


@mock_aws
def test_a_table_that_is_not_there_is_told_and_hides_nothing(life, capsys):
    schedule()
    one = healthy(life)

    _, unwell, findings = examined(capsys, one, without_aws=False)

    assert [(each["level"], each["check"]) for each in unwell] == [("fail", "table")]
    assert "ResourceNotFoundException" in unwell[0]["says"]
    assert {each["check"] for each in findings} == {c.name for c in doctor.CHECKS}


@pytest.mark.parametrize(
    ("rules", "level", "says"),
    [
        ({"without": ("purge_data",)}, "fail", "nothing runs purge_data"),
        ({"State": "DISABLED"}, "fail", "is off"),
        ({"ScheduleExpression": "rate(1 day)"}, "warn", "runs at rate(1 day), not rate"),
    ],
)
@mock_aws
def test_schedules_that_do_not_run_are_told(life, capsys, rules, level, says):
    schedule(**rules)

    _, unwell, _ = examined(capsys, healthy(life), without_aws=False, skip=[*AT_AWS, "table"])

    assert {each["level"] for each in unwell} == {level}
    assert says in unwell[0]["says"]


@pytest.mark.parametrize("keys", [None, {}, {"keys": []}, {"keys": [{"kty": "junk"}]}])
def test_an_issuer_without_keys_is_told(life, capsys, keys):
    one = healthy(life)
    one = replace(one, settings=replace(one.settings, jwks=keys))

    only(
        capsys,
        one,
        "fail",
        "issuer",
        "nobody can sign in",
        without_aws=False,
        skip=["table", "schedules"],
    )
