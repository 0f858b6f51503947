"""What somebody is woken by, and the dashboard to look at then: one table, the most important first."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from chalicelib.handlers.jobs import SCHEDULE, Job
from chalicelib.measures import NAMESPACE

Json = dict[str, Any]
Stat = Literal["Sum", "Maximum"]
HOUR: Final = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Over `threshold` (or under it, where silence is the trouble) in one of `periods` periods."""

    name: str
    says: str
    measure: str
    stat: Stat = "Sum"
    above: float = 0
    seconds: int = 300
    periods: int = 1


ALARMS: Final[tuple[Alarm, ...]] = (
    Alarm(
        name="OldestOverdueStep",
        says="Something promised has been due for over an hour and is not done. Look first at: lapse deadlines.",
        measure="OverdueSeconds", stat="Maximum", above=HOUR,
        # A step that fails is tried again after up to six hours, and speaks only then.
        seconds=HOUR, periods=7,
    ),
    Alarm(
        name="ParkedEvents",
        says="An event of Stripe's has waited for over an hour: lapse events parked says why.",
        measure="ParkedSeconds", stat="Maximum", above=HOUR, seconds=HOUR, periods=7,
    ),
    Alarm(
        name="WebhookFailures",
        says="Events were answered with 5xx. Stripe sends them again, for three days.",
        measure="EventsFailed", above=2,
    ),
    Alarm(
        name="WebhookRefusals",
        says="Many deliveries did not fit any signing secret: was it rotated at Stripe and not here?",
        measure="EventsRefused", above=20, seconds=HOUR,
    ),
    Alarm(
        name="StripeSilent",
        says="Stripe has said nothing for hours, though plans are live: lapse doctor.",
        measure="StripeSilent", seconds=HOUR,
    ),
    Alarm(
        name="EventsForgotten",
        says="Stripe's events were not read for so long that some are lost: lapse reconcile --apply, or its daily run.",
        measure="EventsForgotten",
    ),
    Alarm(
        name="LedgerViolations",
        says="The books or the rules do not hold for some account. Nothing was changed; look before anything else is.",
        measure="InvariantsBroken", seconds=HOUR,
    ),
    Alarm(
        name="CaseBreaches",
        says="A deadline that was promised to a customer has passed.",
        measure="CasesOverdue",
    ),
    Alarm(
        name="ContractsLate",
        says="A contract would renew within a day although it was cancelled.",
        measure="ContractsLate",
    ),
    Alarm(
        name="RefundsFailed",
        says="A refund that was decided did not arrive, or cannot be made.",
        measure="RefundsFailed",
    ),
    Alarm(
        name="StepsNeedPerson",
        says="A step will not succeed before somebody does something: lapse account show says what.",
        measure="StepsNeedPerson", seconds=HOUR,
    ),
    Alarm(
        name="VisitsGivenUp",
        says="A walk over all accounts has ended without some of them: lapse jobs says which walk, its log which accounts.",
        measure="VisitsGivenUp",
    ),
    Alarm(
        name="RoundsLate",
        says="A walk over all accounts has not come round in its time: lapse jobs says which, and what it waits for.",
        measure="RoundLateSeconds", stat="Maximum", above=HOUR, seconds=HOUR,
    ),
    Alarm(
        name="FailedSteps",
        says="Many steps fail at once: is a carrier or Stripe down?",
        measure="StepsFailed", above=20, seconds=900,
    ),
    Alarm(
        name="EntriesSetAside",
        says="Something of the history cannot leave; what follows it goes on: lapse events aside says what and why.",
        measure="EntriesSetAside",
    ),
    Alarm(
        name="PublishingStuck",
        says="Events cannot leave for the bus or an endpoint: lapse events endpoints.",
        measure="PublishingStuck", above=10, seconds=HOUR,
    ),
    Alarm(
        name="PublishingLate",
        says="An event has waited for over an hour for the bus or an endpoint: is it down?",
        measure="PublishingLateSeconds", stat="Maximum", above=HOUR, seconds=HOUR, periods=7,
    ),
    Alarm(
        name="EndpointsStopped",
        says="An endpoint answered that it wants no event any more, or its setting cannot be used: lapse events endpoints.",
        measure="EndpointsStopped",
    ),
    Alarm(
        name="SecretsNotRead",
        says="A secret cannot be read: what we have is used on, and new functions have none.",
        measure="SecretsNotRead", above=2,
    ),
    Alarm(
        name="StripeRefused",
        says="Stripe refuses what customers ask for, and waiting does not help; the log says what, by Stripe's own id.",
        measure="StripeRefused",
    ),
    Alarm(
        name="Unexpected",
        says="Requests failed in a way nobody foresaw; the log says where.",
        measure="Unexpected",
    ),
)  # fmt: skip


def alarms() -> Json:
    found = [*map(_ours, ALARMS), *_of_aws(), *map(_silent, SCHEDULE)]
    return {"Alarms": _TOPIC, "AlarmsByEmail": _BY_EMAIL, **dict(found)}


def _ours(alarm: Alarm) -> tuple[str, Json]:
    return _alarm(
        alarm.name,
        alarm.says,
        {"Namespace": NAMESPACE, "MetricName": alarm.measure, "Dimensions": [_service()]},
        Statistic=alarm.stat,
        Threshold=alarm.above,
        Period=alarm.seconds,
        EvaluationPeriods=alarm.periods,
        DatapointsToAlarm=1,
    )


def _of_aws() -> Iterator[tuple[str, Json]]:
    for name, queue, says in (
        ("FailedRunsWait", "FailedRuns", "A run failed as a whole, or a record was given up: look into the queue."),
        ("UnfinishedSharesWait", "UnfinishedShares",
         "A part of a large backlog could not be done three times: the function's log says why."),
    ):  # fmt: skip
        of = {"Name": "QueueName", "Value": {"Fn::GetAtt": [queue, "QueueName"]}}
        yield _alarm(
            name,
            says,
            {"Namespace": "AWS/SQS", "MetricName": "ApproximateNumberOfMessagesVisible", "Dimensions": [of]},
            Statistic="Maximum", Threshold=0, Period=300, EvaluationPeriods=1,
        )  # fmt: skip
    yield _alarm(
        "WebhookSilence",
        "No event of Stripe's came in for hours. Is its endpoint disabled?",
        {"Namespace": NAMESPACE, "MetricName": "EventsHeard", "Dimensions": [_service()]},
        Statistic="Sum", Threshold=1, ComparisonOperator="LessThanThreshold",
        Period=HOUR, EvaluationPeriods={"Ref": "WebhookSilenceHours"}, TreatMissingData="breaching",
    )  # fmt: skip
    for name, id in (("Publishing", "PublishHistory"), ("Sending", "SendHistory")):
        yield _alarm(
            name,
            "The newest history entries have waited for the stream's function for over an hour.",
            {"Namespace": "AWS/Lambda", "MetricName": "IteratorAge", "Dimensions": [_function(id)]},
            Statistic="Maximum", Threshold=HOUR * 1000, Period=300, EvaluationPeriods=1,
        )  # fmt: skip
    for id in ("APIHandler", "Webhook"):
        for metric in ("Errors", "Throttles"):
            yield _alarm(
                f"{id}{metric}",
                f"{metric} of {id}: requests went without an answer of ours.",
                {"Namespace": "AWS/Lambda", "MetricName": metric, "Dimensions": [_function(id)]},
                Statistic="Sum", Threshold=0 if metric == "Errors" else 10,
                Period=300, EvaluationPeriods=1,
            )  # fmt: skip


def _silent(job: Job) -> tuple[str, Json]:
    """A job that is not called carries nothing out, and fails nowhere."""
    id = "".join(word.title() for word in job.name.split("_"))
    period = min(max(900, math.ceil(rate_seconds(job.rate) * 3 / 900) * 900), 86_400)
    return _alarm(
        f"{id}Silent",
        f"{job.name} is not running: {job.says}",
        {"Namespace": "AWS/Lambda", "MetricName": "Invocations", "Dimensions": [_function(id)]},
        Statistic="Sum", Threshold=1, ComparisonOperator="LessThanThreshold",
        Period=period, EvaluationPeriods=1, TreatMissingData="breaching",
    )  # fmt: skip


def rate_seconds(rate: str) -> int:
    found = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", rate)
    if found is None:
        raise ValueError(f"how often is {rate!r}? Write rate(5 minutes).")
    return int(found[1]) * {"minute": 60, "hour": 3600, "day": 86_400}[found[2]]


def _alarm(name: str, says: str, metric: Mapping[str, Any], **more: Any) -> tuple[str, Json]:
    return f"{name}Alarm", {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": {"Fn::Sub": f"lapse-${{Stage}}-{name}"},
            "AlarmDescription": says,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
            "AlarmActions": [{"Ref": "Alarms"}],
            "OKActions": [{"Ref": "Alarms"}],
            **metric,
            **more,
        },
    }


def _service() -> Json:
    return {"Name": "service", "Value": {"Fn::Sub": "lapse-${Stage}"}}


def _function(id: str) -> Json:
    return {"Name": "FunctionName", "Value": {"Ref": id}}


_TOPIC: Final[Json] = {
    "Type": "AWS::SNS::Topic",
    "Properties": {"TopicName": {"Fn::Sub": "lapse-${Stage}-alarms"}},
}
_BY_EMAIL: Final[Json] = {
    "Type": "AWS::SNS::Subscription",
    "Condition": "TellsByEmail",
    "Properties": {
        "TopicArn": {"Ref": "Alarms"},
        "Protocol": "email",
        "Endpoint": {"Ref": "AlarmEmail"},
    },
}


# -- the dashboard


def dashboard() -> Json:
    """In the order in which one asks: is anything late, is Stripe heard, does anything fail, how busy is it."""
    service, region = "lapse-${Stage}", "${AWS::Region}"
    rows = [
        ("Due and not done", "Maximum", ["OverdueSeconds", "ParkedSeconds"]),
        (
            "Stripe's events",
            "Sum",
            ["EventsHeard", "EventsParked", "EventsRefused", "EventsFailed"],
        ),
        ("Steps", "Sum", ["StepsDone", "StepsFailed", "StepsLeft", "ShardsSharedOut", "JobsRun"]),
        (
            "Cases and money",
            "Sum",
            ["CasesOverdue", "RefundsFailed", "InvariantsBroken", "DriftFound"],
        ),
        (
            "What goes out",
            "Sum",
            ["PublishingStuck", "EntriesSetAside", "EndpointsStopped", "MailsFailed"],
        ),
        (
            "Trouble",
            "Sum",
            [
                *("Unexpected", "StorageUnavailable", "StripeUnavailable", "StripeRefused"),
                "SecretsNotRead",
            ],
        ),
    ]
    ours = [
        (title, stat, [[NAMESPACE, name, "service", service] for name in measured])
        for title, stat, measured in rows
    ]
    lambdas = ["${APIHandler}", "${Webhook}", "${PublishHistory}"]
    aws = [
        (
            "Time of the doors (p99)",
            "p99",
            [["AWS/Lambda", "Duration", "FunctionName", f] for f in lambdas],
        ),
        (
            "Errors of the doors",
            "Sum",
            [["AWS/Lambda", "Errors", "FunctionName", f] for f in lambdas],
        ),
        (
            "Request units",
            "Sum",
            [
                ["AWS/DynamoDB", f"Consumed{way}CapacityUnits", "TableName", "${Table}"]
                for way in ("Read", "Write")
            ],
        ),
        (
            "Failed runs and unfinished shares",
            "Maximum",
            [
                [
                    "AWS/SQS",
                    "ApproximateNumberOfMessagesVisible",
                    "QueueName",
                    f"${{{queue}.QueueName}}",
                ]
                for queue in ("FailedRuns", "UnfinishedShares")
            ],
        ),
    ]
    widgets = [
        {
            "type": "metric",
            "x": 12 * (n % 2), "y": 6 * (n // 2), "width": 12, "height": 6,
            "properties": {"title": title, "stat": stat, "period": 300, "region": region, "metrics": metrics},
        }
        for n, (title, stat, metrics) in enumerate([*ours, *aws])
    ]  # fmt: skip
    body = {"Fn::Sub": json.dumps({"widgets": widgets})}
    return {
        "Dashboard": {
            "Type": "AWS::CloudWatch::Dashboard",
            "Properties": {"DashboardName": {"Fn::Sub": "lapse-${Stage}"}, "DashboardBody": body},
        }
    }
