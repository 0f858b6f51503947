"""The template that is merged into Chalice's: the YAML files of infra/aws, and each function's row put into words.

Chalice keeps what it knows (routes, handlers, rates). A role, a log group, limits, failure destinations and alarms
come from here, and every name carries the stage.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from chalicelib.handlers.jobs import SCHEDULE
from infra.aws import settings
from infra.aws.functions import FUNCTIONS, Function
from infra.packaging.alarms import alarms, dashboard
from infra.packaging.cloudformation_yaml import read
from infra.packaging.refusal import CannotPackage

FOLDER: Final = Path(__file__).resolve().parents[1] / "aws"
IDS: Final[Mapping[str, str]] = {"api_handler": "APIHandler"}
"""The one name that Chalice makes by another rule."""

Json = dict[str, Any]


def merged() -> Json:
    """What Chalice is given to merge into its own template."""
    template: Json = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        _merge(template, read(path))
    told = {"Environment": {"Variables": settings.environment()}}
    _merge(template, {"Globals": {"Function": told}})
    _merge(template, {"Parameters": settings.parameters(), "Conditions": settings.conditions()})
    for name, function in FUNCTIONS.items():
        _merge(template, {"Resources": _resources(name, function)})
    _merge(template, {"Resources": {**alarms(), **dashboard()}})
    return template


def finished(sam: Json) -> Json:
    """Chalice's template after the merge, without what only it needs. Raises CannotPackage for a function nobody
    gave a row, or a row that is nobody's."""
    functions = {
        id for id, one in sam["Resources"].items() if one["Type"] == "AWS::Serverless::Function"
    }
    rows = {logical_id(name) for name in FUNCTIONS}
    if stray := sorted(functions - rows):
        raise CannotPackage(
            f"{', '.join(stray)} has no row in infra/aws/functions.py: say there what it may do."
        )
    for id in rows:
        # A row that is nobody's has no handler: Chalice declared no such function.
        if "Handler" not in sam["Resources"][id]["Properties"]:
            raise CannotPackage(
                f"infra/aws/functions.py has a row for {id}, and there is no such function."
            )
    sam["Resources"]["Webhook"]["Properties"]["Runtime"] = sam["Resources"]["APIHandler"][
        "Properties"
    ]["Runtime"]
    # Chalice names its own stage (dev) in a tag of every function; ours is a parameter.
    for id in functions:
        sam["Resources"][id]["Properties"]["Tags"] = {"lapse:stage": {"Ref": "Stage"}}
    return sam


def logical_id(name: str) -> str:
    return IDS.get(name) or "".join(word.title() for word in name.split("_"))


def _merge(into: Json, more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value


# -- one function


def _resources(name: str, function: Function) -> Json:
    id = logical_id(name)
    own: Json = {
        "MemorySize": function.memory,
        "EphemeralStorage": {"Size": function.disk},
        "Timeout": function.seconds,
        "Role": {"Fn::GetAtt": [f"{id}Role", "Arn"]},
        "LoggingConfig": {"LogGroup": {"Ref": f"{id}Logs"}},
        **_concurrency(function),
        **_own_environment(name, function),
    }
    if function.scheduled:
        own["EventInvokeConfig"] = {
            # The next run does what this one did not: trying the same again would only run beside it.
            "MaximumRetryAttempts": 0,
            "MaximumEventAgeInSeconds": 240,
            "DestinationConfig": {"OnFailure": _failed_runs()},
        }
        own["Events"] = {f"{id}Event": {"Properties": {"Description": _says(name)}}}
    if name == "hear_stripe_eventbridge":
        bus = {"Fn::If": ["HasStripeEventBus", {"Ref": "StripeEventBus"}, {"Ref": "AWS::NoValue"}]}
        own["Events"] = {"HearStripeEventbridgeEvent": {"Properties": {"EventBusName": bus}}}
        own["EventInvokeConfig"] = {
            "MaximumRetryAttempts": 2,
            "DestinationConfig": {"OnFailure": _failed_runs()},
        }
    if function.takers:
        own["Events"][f"{id}Shares"] = {"Type": "SQS", "Properties": _takes_shares(id, function)}
    if name in OF_THE_STREAM:
        more = OF_THE_STREAM[name]
        own["Events"] = {f"{id}DynamodbEventSource": {"Properties": _stream() | more}}
    resource: Json = {"Properties": own}
    if name == "webhook":
        resource = {"Type": "AWS::Serverless::Function", "Properties": {**_THE_APP, **own}}
    made = {id: resource, f"{id}Role": _role(name, function), f"{id}Logs": _logs(name)}
    return {**made, f"{id}Shares": _share_queue(name, function)} if function.takers else made


_THE_APP: Final[Json] = {
    "Handler": "chalicelib.webhook_app.app",
    "CodeUri": "./deployment.zip",
    "Architectures": ["x86_64"],
}
"""The webhook is the same code behind the same door, in an app of its own that loads no other. Its runtime is its
sibling's."""


def _concurrency(function: Function) -> Json:
    if function.at_once is None:
        return {}
    most = function.at_once + function.takers
    kept = {"Fn::If": ["Reserves", most, {"Ref": "AWS::NoValue"}]}
    return {"ReservedConcurrentExecutions": kept}


def _own_environment(name: str, function: Function) -> Json:
    own = dict(settings.OF_ONE_FUNCTION.get(name, {}))
    if function.takers:
        own[settings.SHARE_QUEUE] = {"Ref": f"{logical_id(name)}Shares"}
    return {"Environment": {"Variables": own}} if own else {}


def _says(name: str) -> str:
    return next(job.says for job in SCHEDULE if job.name == name)


def _failed_runs() -> Json:
    return {"Type": "SQS", "Destination": {"Fn::GetAtt": ["FailedRuns", "Arn"]}}


def _share_queue(name: str, function: Function) -> Json:
    """First in, first out in each group, and a group is one part of one shard: so one run at a time does it."""
    return {
        "Type": "AWS::SQS::Queue",
        "Properties": {
            "QueueName": {"Fn::Sub": f"lapse-${{Stage}}-{name.replace('_', '-')}-shares.fifo"},
            "FifoQueue": True,
            # Longer than a run: what one is at work on no other is given.
            "VisibilityTimeout": function.seconds + 20,
            # An older share says nothing that the schedule has not said again since.
            "MessageRetentionPeriod": 3600,
            "SqsManagedSseEnabled": True,
            "RedrivePolicy": {"deadLetterTargetArn": _arn("UnfinishedShares"), "maxReceiveCount": 3},
        },
    }  # fmt: skip


def _takes_shares(id: str, function: Function) -> Json:
    return {
        "Queue": _arn(f"{id}Shares"),
        "BatchSize": 1,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ScalingConfig": {"MaximumConcurrency": function.takers},
    }


OF_THE_STREAM: Final[Mapping[str, Json]] = {
    "publish_history": {},
    # Woken by nothing while there is no endpoint.
    "send_history": {"Enabled": {"Fn::If": ["HasEventEndpoints", True, False]}},
}


def _stream() -> Json:
    return {
        "Stream": {"Fn::GetAtt": ["Table", "StreamArn"]},
        "BatchSize": 100,
        "MaximumBatchingWindowInSeconds": 1,
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "BisectBatchOnFunctionError": True,
        "MaximumRetryAttempts": 20,
        # What is older the catch-up publishes: it reads the table, which keeps it.
        "MaximumRecordAgeInSeconds": 43_200,
        "ParallelizationFactor": 2,
        "DestinationConfig": {"OnFailure": _failed_runs()},
        "FilterCriteria": {"Filters": [{"Pattern": HISTORY_ENTRIES}]},
    }


HISTORY_ENTRIES: Final = (
    '{"eventName":["INSERT"],"dynamodb":{"Keys":{"sk":{"S":[{"prefix":"history#"}]}}}}'
)
"""Every other change of the table wakes nobody."""


def _logs(name: str) -> Json:
    return {
        "Type": "AWS::Logs::LogGroup",
        "Properties": {
            "LogGroupName": {"Fn::Sub": f"/lapse/${{Stage}}/{name.replace('_', '-')}"},
            "RetentionInDays": {"Ref": "LogRetentionDays"},
        },
    }


# -- what it may do


def _role(name: str, function: Function) -> Json:
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "Description": f"Lapse: the least that {name} needs",
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": "lambda.amazonaws.com"},
                        "Action": "sts:AssumeRole",
                    }
                ],
            },
            "Policies": [
                {
                    "PolicyName": "least",
                    "PolicyDocument": {
                        "Version": "2012-10-17",
                        "Statement": [*rights(name, function), *_of_purgers(function)],
                    },
                }
            ],
        },
    }


def rights(name: str, function: Function) -> list[Json]:
    """The statements of its role."""
    return list(_statements(name, logical_id(name), function))


def _statements(name: str, id: str, function: Function) -> Iterator[Json]:
    table, index = _arn("Table"), {"Fn::Sub": "${Table.Arn}/index/due"}
    logs = {"Fn::Sub": f"${{{id}Logs.Arn}}:log-stream:*"}
    yield _allow("Logs", ("logs:CreateLogStream", "logs:PutLogEvents"), _arn(f"{id}Logs"), logs)
    yield _allow("Read", _on_table("GetItem", "BatchGetItem", "Query"), table)
    yield _allow("Due", _on_table("Query"), index)
    if function.writes:
        yield _allow("Write", _on_table("PutItem", "UpdateItem", "ConditionCheckItem"), table)
    if function.deletes:
        yield {
            **_allow("Delete", _on_table("DeleteItem"), table),
            "Condition": {
                "ForAllValues:StringLike": {"dynamodb:LeadingKeys": list(function.deletes)}
            },
        }
    if function.directory:
        listed = {"Fn::Sub": "${Table.Arn}/index/directory"}
        yield _allow("Directory", _on_table("Query"), listed)
    if function.secrets:
        places = [_secret_arn(secret) for secret in sorted(function.secrets)]
        yield _allow("Secrets", ("secretsmanager:GetSecretValue",), *places)
    if named := sorted(function.secrets & _NAMED_IN_SETTINGS):
        yield _allow(
            "Parameters",
            ("ssm:GetParameter",),
            *(p for one in named for p in _kept_parameters(one)),
        )
    if "carriers" in function.secrets:
        yield _allow("AwsNumbers", [f"sms-voice:{one}" for one in _AT_AWS_MESSAGING], "*")
    yield from _about_files(function)
    if function.tells:
        yield _allow("Events", ("events:PutEvents",), _arn("Bus"))
        yield {
            **_allow("Mail", ("ses:SendEmail",), "*"),
            "Condition": {"StringEquals": {"ses:FromAddress": {"Ref": "MailSender"}}},
        }
    if name not in ("api_handler", "webhook"):
        yield _allow("FailedRuns", ("sqs:SendMessage",), _arn("FailedRuns"))
    if function.takers:
        taking = ("SendMessage", "ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
        yield _allow("Shares", [f"sqs:{one}" for one in taking], _arn(f"{id}Shares"))
    if name in OF_THE_STREAM:
        reading = ("DescribeStream", "GetRecords", "GetShardIterator")
        yield _allow("Stream", _on_table(*reading), {"Fn::GetAtt": ["Table", "StreamArn"]})
        yield _allow("Streams", _on_table("ListStreams"), "*")


_AT_AWS_MESSAGING: Final = (
    *("DescribePhoneNumbers", "DescribeRegistrations", "ReleasePhoneNumber", "DeleteRegistration"),
)


def _of_purgers(function: Function) -> list[Json]:
    """What the SaaS keeps elsewhere and has its purgers delete; whoever deploys names it, to the prefix."""
    if "purgers" not in function.secrets:
        return []
    asked = (
        *("s3:ListBucketVersions", "s3:DeleteObject", "s3:DeleteObjectVersion"),
        *("dynamodb:Query", "dynamodb:BatchWriteItem"),
    )
    named = {"Ref": "PurgerArns"}
    statement = {"Sid": "Purgers", "Effect": "Allow", "Action": list(asked), "Resource": named}
    return [{"Fn::If": ["HasPurgerArns", statement, {"Ref": "AWS::NoValue"}]}]


_NAMED_IN_SETTINGS: Final = frozenset({"purgers", "endpoints"})
"""Secrets whose place stands in a setting, so that it may be in the parameter store as well."""


def _about_files(function: Function) -> Iterator[Json]:
    objects, words = (
        {"Fn::Sub": "${Files.Arn}/*"},
        {"read": "GetObject", "write": "PutObject", "delete": "DeleteObject"},
    )
    actions = [f"s3:{words[one]}" for one in sorted(function.files)]
    if actions:
        yield _allow("Files", actions, objects)
    if "delete" in function.files:
        # Every version of a file: should somebody switch versioning on, a plain deletion would only hide it.
        yield _allow("Versions", ("s3:DeleteObjectVersion",), objects)
        yield _allow("ListVersions", ("s3:ListBucketVersions",), _arn("Files"))
    if function.files & {"write", "delete"}:
        yield _allow("ListFiles", ("s3:ListBucket",), _arn("Files"))


def _allow(sid: str, actions: Iterable[str], *resources: Any) -> Json:
    return {"Sid": sid, "Effect": "Allow", "Action": list(actions), "Resource": list(resources)}


def _on_table(*words: str) -> list[str]:
    return [f"dynamodb:{word}" for word in words]


def _arn(id: str) -> Json:
    return {"Fn::GetAtt": [id, "Arn"]}


def _secret_arn(secret: str) -> Json:
    # Secrets Manager puts six characters of its own behind a name.
    return {
        "Fn::Sub": "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}"
        f":secret:lapse/${{Stage}}/{secret}-??????"
    }


def _kept_parameters(secret: str) -> list[Json]:
    """One, or several below it: /lapse/prod/purgers/app."""
    at = "arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/lapse/${Stage}/"
    return [{"Fn::Sub": f"{at}{secret}{below}"} for below in ("", "/*")]
