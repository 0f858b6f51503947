"""The template: correct by the linter before and after SAM expands it, least rights, nothing that two stages share."""

import json
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib import measures
from chalicelib.handlers import problems
from chalicelib.handlers.jobs import SCHEDULE
from chalicelib.store.pynamo import schema
from chalicelib.sweeping import CLAIM
from infra.aws import settings
from infra.aws.functions import FUNCTIONS
from infra.packaging import alarms, template
from infra.packaging.dependencies import ROOT
from infra.packaging.expanding import expanded
from infra.packaging.refusal import CannotPackage


@pytest.fixture(scope="module")
def made(sam):
    return expanded(sam)


def of_type(template, kind):
    return {
        id: one["Properties"] for id, one in template["Resources"].items() if one["Type"] == kind
    }


def lint(template, tmp_path):
    path = tmp_path / "template.json"
    path.write_text(json.dumps(template))
    return subprocess.run(
        [
            str(Path(sys.executable).with_name("cfn-lint")),
            "-r",
            "us-east-1",
            "eu-central-1",
            "-t",
            str(path),
        ],
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_the_linter_finds_nothing_in_what_is_deployed(sam, tmp_path):
    done = lint(sam, tmp_path)

    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.slow
def test_the_linter_finds_nothing_in_what_aws_makes_of_it(made, tmp_path):
    done = lint(made, tmp_path)

    assert (done.returncode, done.stdout) == (0, "")


def test_it_fits_into_what_cloudformation_takes(sam, made):
    assert len(json.dumps(made)) < 1_000_000
    assert len(made["Resources"]) < 500
    assert len(sam["Parameters"]) < 200


# -- functions


def test_exports_have_room_for_as_much_as_s3_takes_in_one_piece(sam):
    rooms = {
        name: one["Properties"]["EphemeralStorage"]["Size"]
        for name, one in sam["Resources"].items()
        if one["Type"] == "AWS::Serverless::Function"
    }
    assert rooms.pop("MakeExports") == 5120
    assert set(rooms.values()) == {512}


def test_every_function_has_a_row_and_every_row_a_function(sam):
    functions = set(of_type(sam, "AWS::Serverless::Function"))

    assert functions == {template.logical_id(name) for name in FUNCTIONS}
    assert {job.name for job in SCHEDULE} == {n for n, f in FUNCTIONS.items() if f.scheduled}


def test_a_function_without_a_row_is_refused(sam):
    stray = {**sam, "Resources": {**sam["Resources"], "Stray": sam["Resources"]["APIHandler"]}}

    with pytest.raises(CannotPackage, match="Stray has no row"):
        template.finished(stray)


def test_scheduled_functions_are_declared_in_app_where_lambda_loads_it(sam):
    for id, one in of_type(sam, "AWS::Serverless::Function").items():
        # The webhook has an entry of its own, which is no handler of Chalice's making.
        assert one["Handler"].startswith("app.") is not (id == "Webhook"), id
    assert sam["Resources"]["Webhook"]["Properties"]["Handler"] == "chalicelib.webhook_app.app"


def test_a_sweep_ends_before_the_next_begins_and_before_its_claims_run_out(sam):
    for job in SCHEDULE:
        one = FUNCTIONS[job.name]
        assert one.seconds < alarms.rate_seconds(job.rate)
        assert one.at_once == 1
        # Those who take shares of it outlive neither their claims nor their message's being out of sight.
        assert timedelta(seconds=one.seconds) < CLAIM
    assert FUNCTIONS["api_handler"].seconds <= 29  # API Gateway waits no longer.


def test_what_fails_as_a_whole_leaves_a_message(made):
    told = {
        json.dumps(p["DestinationConfig"]["OnFailure"]["Destination"])
        for p in of_type(made, "AWS::Lambda::EventInvokeConfig").values()
    }
    assert told == {json.dumps({"Fn::GetAtt": ["FailedRuns", "Arn"]})}
    assert len(of_type(made, "AWS::Lambda::EventInvokeConfig")) == len(SCHEDULE) + 1


def woken_by_the_stream(made):
    mappings = of_type(made, "AWS::Lambda::EventSourceMapping").items()
    return {id: one for id, one in mappings if "FilterCriteria" in one}


def test_the_stream_wakes_its_functions_for_new_history_entries_only(made):
    mappings = woken_by_the_stream(made)

    assert {one["FunctionName"]["Ref"] for one in mappings.values()} == {
        "PublishHistory",
        "SendHistory",
    }
    for one in mappings.values():
        pattern = json.loads(one["FilterCriteria"]["Filters"][0]["Pattern"])
        assert pattern == {
            "eventName": ["INSERT"],
            "dynamodb": {"Keys": {"sk": {"S": [{"prefix": "history#"}]}}},
        }
        assert one["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert one["EventSourceArn"] == {"Fn::GetAtt": ["Table", "StreamArn"]}


def test_nothing_is_sent_by_http_and_nobody_woken_for_it_unless_somebody_is_named(made):
    mappings = woken_by_the_stream(made)
    enabled = {one["FunctionName"]["Ref"]: one.get("Enabled") for one in mappings.values()}

    assert enabled["SendHistory"] == {"Fn::If": ["HasEventEndpoints", True, False]}
    assert enabled["PublishHistory"] in (None, True)


SHARING = sorted(name for name, function in FUNCTIONS.items() if function.takers)


def test_whoever_shares_its_work_out_has_takers_and_nobody_else_has():
    assert {job.name for job in SCHEDULE if job.shares_out} == set(SHARING)


@pytest.mark.parametrize("name", SHARING)
def test_shares_wait_in_a_queue_of_the_functions_own_and_are_taken_by_that_very_function(
    made, name
):
    id, row = template.logical_id(name), FUNCTIONS[name]
    queue = of_type(made, "AWS::SQS::Queue")[f"{id}Shares"]
    (mapping,) = [
        one
        for one in of_type(made, "AWS::Lambda::EventSourceMapping").values()
        if one["EventSourceArn"] == {"Fn::GetAtt": [f"{id}Shares", "Arn"]}
    ]
    function = of_type(made, "AWS::Lambda::Function")[id]
    variables = function["Environment"]["Variables"]

    assert mapping["FunctionName"] == {"Ref": id}
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    # One share a run, and never so many runs that the scheduled one finds no room.
    assert mapping["BatchSize"] == 1
    assert mapping["ScalingConfig"]["MaximumConcurrency"] == row.takers
    assert function["ReservedConcurrentExecutions"]["Fn::If"][1] == row.takers + 1
    assert queue["FifoQueue"] is True
    assert queue["QueueName"]["Fn::Sub"].endswith(".fifo")
    assert queue["VisibilityTimeout"] > row.seconds
    # Three failures, each out of sight for so long, before it is too old to say anything.
    assert queue["RedrivePolicy"]["maxReceiveCount"] * queue["VisibilityTimeout"] < queue["MessageRetentionPeriod"]  # fmt: skip
    assert queue["RedrivePolicy"]["deadLetterTargetArn"] == {
        "Fn::GetAtt": ["UnfinishedShares", "Arn"]
    }
    assert variables["LAPSE_SHARE_QUEUE"] == {"Ref": f"{id}Shares"}


def test_the_queue_of_what_no_run_finished_keeps_an_order_as_those_before_it_and_rings(made):
    queue = of_type(made, "AWS::SQS::Queue")["UnfinishedShares"]
    rings = of_type(made, "AWS::CloudWatch::Alarm")["UnfinishedSharesWaitAlarm"]

    assert queue["FifoQueue"] is True
    assert rings["Dimensions"][0]["Value"] == {"Fn::GetAtt": ["UnfinishedShares", "QueueName"]}
    assert (rings["Threshold"], rings["TreatMissingData"]) == (0, "notBreaching")


def test_only_its_own_queue_is_a_functions_to_use(made):
    for name in FUNCTIONS:
        used = [one for one in statements(made, name) if "sqs:ReceiveMessage" in one["Action"]]
        mine = [{"Fn::GetAtt": [f"{template.logical_id(name)}Shares", "Arn"]}]

        assert [one["Resource"] for one in used] == ([mine] if name in SHARING else [])


def test_all_reserved_concurrency_fits_into_what_the_guide_says():
    """AWS keeps a hundred for functions that reserve none."""
    reserved = sum(f.at_once + f.takers for f in FUNCTIONS.values() if f.at_once is not None)

    assert reserved + 100 <= 350
    assert "at least 350" in " ".join((ROOT / "docs/how-to/deploy.md").read_text().split())


def test_every_function_logs_into_a_group_of_its_own_that_forgets(made):
    groups = of_type(made, "AWS::Logs::LogGroup")
    used = [
        p["LoggingConfig"]["LogGroup"]["Ref"]
        for p in of_type(made, "AWS::Lambda::Function").values()
    ]

    assert sorted(used) == sorted(groups)
    assert all(p["RetentionInDays"] == {"Ref": "LogRetentionDays"} for p in groups.values())


def test_stripes_events_have_a_function_of_their_own(made):
    body = of_type(made, "AWS::ApiGateway::RestApi")["RestAPI"]["Body"]
    uris = {
        (path, method): json.dumps(one["x-amazon-apigateway-integration"]["uri"])
        for path, methods in body["paths"].items()
        for method, one in methods.items()
        if "x-amazon-apigateway-integration" in one
    }

    assert [key for key, uri in uris.items() if "Webhook" in uri] == [("/webhooks/stripe", "post")]
    assert all("APIHandler" in uri or "Webhook" in uri for uri in uris.values())


# -- settings


def test_every_setting_is_told_and_nothing_else():
    read = set(re.findall(r"LAPSE_[A-Z_]+", (ROOT / "chalicelib/settings.py").read_text()))
    told = {*settings.environment(), settings.SHARE_QUEUE}
    for own in settings.OF_ONE_FUNCTION.values():
        told |= set(own)

    assert read - settings.LOCAL_ONLY == told


def test_no_secret_stands_in_the_template_only_where_it_lies(sam):
    variables = sam["Globals"]["Function"]["Environment"]["Variables"]
    secret = {
        name: json.dumps(v) for name, v in variables.items() if "SECRET" in name or "KEY" in name
    }

    assert len(secret) >= 5
    assert all("secretsmanager:lapse/${Stage}/" in value for value in secret.values())


def test_a_setting_left_empty_is_not_there(sam):
    variables = sam["Globals"]["Function"]["Environment"]["Variables"]

    assert variables["LAPSE_MAIL_SENDER"] == {
        "Fn::If": ["HasMailSender", {"Ref": "MailSender"}, {"Ref": "AWS::NoValue"}]
    }


# -- rights


def statements(made, name):
    role = of_type(made, "AWS::IAM::Role")[f"{template.logical_id(name)}Role"]
    said = [one for policy in role["Policies"] for one in policy["PolicyDocument"]["Statement"]]
    # As if everything that may be named had been.
    return [one["Fn::If"][1] if "Fn::If" in one else one for one in said]


def actions(made, name):
    return {action for one in statements(made, name) for action in one["Action"]}


def test_each_function_has_a_role_of_its_own_and_no_other_is_left(made):
    roles = [json.dumps(p["Role"]) for p in of_type(made, "AWS::Lambda::Function").values()]

    assert len(set(roles)) == len(roles) == len(FUNCTIONS) == len(of_type(made, "AWS::IAM::Role"))
    assert all(role.startswith('{"Fn::GetAtt": [') for role in roles)


def test_nobody_may_scan_nor_use_a_wildcard(made):
    for name in FUNCTIONS:
        for action in actions(made, name):
            assert "*" not in action
            assert action != "dynamodb:Scan"


def test_the_webhook_cannot_delete_anything(made):
    for name in ("webhook", "hear_stripe_eventbridge"):
        assert not [one for one in actions(made, name) if "Delete" in one]


def test_only_the_purge_deletes_what_leads_to_cases_and_subscriptions_and_nobody_unbinds_a_customer():
    everywhere = {n for n, f in FUNCTIONS.items() if {"S#*", "K#*"} & set(f.deletes)}

    assert everywhere == {"purge_data"}
    assert not [n for n, f in FUNCTIONS.items() if "C#*" in f.deletes]


def test_deleting_is_held_to_the_beginnings_of_keys(made):
    for name in FUNCTIONS:
        for one in statements(made, name):
            if "dynamodb:DeleteItem" in one["Action"]:
                keys = one["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
                assert keys == list(FUNCTIONS[name].deletes)


def test_only_paying_back_reads_the_key_that_pays_back(made):
    readers = [name for name in FUNCTIONS if "stripe-refunds" in json.dumps(statements(made, name))]
    named = [
        id
        for id, p in of_type(made, "AWS::Lambda::Function").items()
        if "stripe-refunds" in json.dumps(p["Environment"])
    ]

    assert readers == ["pay_decided_cases"]
    assert named == ["PayDecidedCases"]


def test_only_the_doors_for_stripe_read_its_signing_secret(made):
    readers = [
        name for name in FUNCTIONS if "stage}/webhook" in json.dumps(statements(made, name)).lower()
    ]

    assert readers == ["webhook"]


def test_only_the_purge_reaches_what_the_saas_keeps_and_only_where_it_is_named(made):
    (one,) = [s for s in statements(made, "purge_data") if s["Sid"] == "Purgers"]
    reaching = [n for n in FUNCTIONS if "PurgerArns" in json.dumps(statements(made, n))]

    assert reaching == ["purge_data"]
    assert one["Resource"] == {"Ref": "PurgerArns"}
    # What purge_bucket.py and purge_partition.py ask for, and nothing that would read a file or a whole table.
    assert set(one["Action"]) == {
        "s3:ListBucketVersions", "s3:DeleteObject", "s3:DeleteObjectVersion", "dynamodb:Query",
        "dynamodb:BatchWriteItem",
    }  # fmt: skip


def test_a_secret_whose_place_a_setting_names_may_lie_in_the_parameter_store(made):
    readers = {
        name: json.dumps(one["Resource"])
        for name in FUNCTIONS
        for one in statements(made, name)
        if "ssm:GetParameter" in one["Action"]
    }

    assert set(readers) == {
        name for name, f in FUNCTIONS.items() if f.secrets & {"purgers", "endpoints"}
    }
    assert all("parameter/lapse/${Stage}/" in places for places in readers.values())
    assert "/purgers" in readers["purge_data"]
    assert "/stripe" not in json.dumps(readers)


# -- the table


def test_what_customers_own_outlives_the_stack_and_can_be_restored(made):
    table = made["Resources"]["Table"]
    properties = table["Properties"]

    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
    assert properties["DeletionProtectionEnabled"] is True
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["TimeToLiveSpecification"]["AttributeName"] == "expires_at"


def keys_of(schema):
    return {one["KeyType"]: one["AttributeName"] for one in schema}


def test_the_deployed_table_has_the_keys_and_indexes_that_the_store_makes(made):
    properties, wanted = made["Resources"]["Table"]["Properties"], schema()

    deployed = {
        one["IndexName"]: (keys_of(one["KeySchema"]), one["Projection"]["ProjectionType"])
        for one in properties["GlobalSecondaryIndexes"]
    }
    local = {
        one["index_name"]: (keys_of(one["key_schema"]), one["projection"]["ProjectionType"])
        for one in wanted["global_secondary_indexes"]
    }
    assert keys_of(properties["KeySchema"]) == keys_of(wanted["key_schema"])
    assert deployed == local
    assert {kind for _, kind in deployed.values()} == {"KEYS_ONLY"}


# -- two stages in one account


def test_every_name_carries_the_stage(made):
    def names(kind, key):
        return [p[key] for p in of_type(made, kind).values() if key in p]

    given = [
        *names("AWS::DynamoDB::Table", "TableName"),
        *names("AWS::SQS::Queue", "QueueName"),
        *names("AWS::SNS::Topic", "TopicName"),
        *names("AWS::Events::EventBus", "Name"),
        *names("AWS::CloudWatch::Alarm", "AlarmName"),
        *names("AWS::CloudWatch::Dashboard", "DashboardName"),
        *names("AWS::Logs::LogGroup", "LogGroupName"),
        *names("AWS::ApiGateway::RestApi", "Name"),
    ]
    assert len(given) > 40
    for name in given:
        assert "${Stage}" in name["Fn::Sub"]
    for kind, key in (
        ("AWS::Lambda::Function", "FunctionName"),
        ("AWS::Events::Rule", "Name"),
        ("AWS::IAM::Role", "RoleName"),
        ("AWS::S3::Bucket", "BucketName"),
    ):
        assert names(kind, key) == []  # AWS makes one of the stack's name.


def test_two_stages_name_nothing_alike(made):
    def named(stage):
        found = {
            (one["Type"], json.dumps(value).replace("${Stage}", stage))
            for one in made["Resources"].values()
            for key, value in one["Properties"].items()
            if key in ("TableName", "QueueName", "TopicName", "Name", "AlarmName", "DashboardName", "LogGroupName")
        }  # fmt: skip
        assert found
        return found

    assert not named("prod") & named("test")


# -- the API


def test_what_api_gateway_refuses_is_a_problem_of_ours(made):
    answers = of_type(made, "AWS::ApiGateway::RestApi")["RestAPI"]["Body"][
        "x-amazon-gateway-responses"
    ]

    assert {"DEFAULT_4XX", "DEFAULT_5XX", "THROTTLED", "REQUEST_TOO_LARGE"} <= set(answers)
    for kind, answer in answers.items():
        body = json.loads(
            answer["responseTemplates"]["application/json"].replace("$context.requestId", "r")
        )
        assert problems.STATUSES[body["code"]] == body["status"] == int(answer["statusCode"]), kind
        assert problems.TITLES[body["status"]] == body["title"]
        headers = answer["responseParameters"]
        assert headers["gatewayresponse.header.Content-Type"] == "'application/problem+json'"
        assert "gatewayresponse.header.Access-Control-Allow-Origin" in headers


def test_the_api_is_regional_and_throttled_and_logs_no_bodies(made):
    stage = next(iter(of_type(made, "AWS::ApiGateway::Stage").values()))
    api = of_type(made, "AWS::ApiGateway::RestApi")["RestAPI"]

    assert api["EndpointConfiguration"]["Types"] == ["REGIONAL"]
    assert {(one["HttpMethod"], one["ResourcePath"]) for one in stage["MethodSettings"]} == {
        ("*", "/*"),
        ("POST", "/~1webhooks~1stripe"),
    }
    for one in stage["MethodSettings"]:
        assert one["ThrottlingRateLimit"] > 0
        assert one["DataTraceEnabled"] is False


# -- alarms


def test_every_alarm_and_graph_looks_at_something_that_is_measured(made):
    measured = set(measures.names())
    dashboard = of_type(made, "AWS::CloudWatch::Dashboard")["Dashboard"]["DashboardBody"]["Fn::Sub"]
    drawn = set(re.findall(r'\["Lapse", "(\w+)"', dashboard))
    alarmed = {
        p["MetricName"]
        for p in of_type(made, "AWS::CloudWatch::Alarm").values()
        if p["Namespace"] == "Lapse"
    }

    assert alarmed | drawn <= measured
    assert json.loads(dashboard)["widgets"]


def test_every_alarm_tells_somebody_and_says_what_it_means(made):
    for id, one in of_type(made, "AWS::CloudWatch::Alarm").items():
        assert one["AlarmActions"] == [{"Ref": "Alarms"}], id
        assert len(one["AlarmDescription"]) > 30


def test_a_job_that_is_not_called_is_noticed(made):
    silent = [id for id in of_type(made, "AWS::CloudWatch::Alarm") if id.endswith("SilentAlarm")]

    assert len(silent) >= len(SCHEDULE)
