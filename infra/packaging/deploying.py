"""Puts a built stack into CloudFormation: AWS's, or what stands in for it on this machine.

The zip goes into a bucket under the hash of its content, the template after it; a change set says what would change,
and is carried out only when it is to be. Nothing here decides what is deployed: that is all in the build.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from infra.packaging.expanding import with_code

CAPABILITIES: Final = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
WAIT_SECONDS: Final = 1800
_NOTHING: Final = ("didn't contain changes", "No updates are to be performed", "no changes")


class CannotDeploy(Exception):
    """The message is a sentence that says what is missing and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    stage: str
    bucket: str
    parameters: Mapping[str, str]
    client: Callable[[str], Any]
    """Makes a client of a service."""
    prepare: Callable[[dict[str, Any], str, str], dict[str, Any]] = with_code
    """What is handed to CloudFormation; something that stands in for it may not know SAM."""

    @property
    def stack(self) -> str:
        return f"lapse-{self.stage}"


@dataclass(frozen=True, slots=True)
class Planned:
    change_set: str | None
    kind: str
    changes: tuple[str, ...]


def plan(target: Target, zip: Path, template: Path) -> Planned:
    """Uploads what is built and has CloudFormation say what would change. Raises CannotDeploy."""
    content = zip.read_bytes()
    key = f"lapse/{sha256(content).hexdigest()}.zip"
    wanted = target.prepare(json.loads(template.read_text()), target.bucket, key)
    body = json.dumps(wanted, sort_keys=True, separators=(",", ":"))
    s3, cloudformation = target.client("s3"), target.client("cloudformation")
    s3.put_object(Bucket=target.bucket, Key=key, Body=content)
    template_key = f"lapse/{sha256(body.encode()).hexdigest()}.json"
    s3.put_object(Bucket=target.bucket, Key=template_key, Body=body.encode())
    kind = "UPDATE" if _exists(cloudformation, target.stack) else "CREATE"
    name = f"at-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    cloudformation.create_change_set(
        StackName=target.stack,
        ChangeSetName=name,
        ChangeSetType=kind,
        TemplateURL=_url(s3, target.bucket, template_key),
        Capabilities=CAPABILITIES,
        Parameters=_parameters(target, wanted, kind),
        Tags=[{"Key": "lapse:stage", "Value": target.stage}],
    )
    return _described(cloudformation, target.stack, name, kind)


def carry_out(target: Target, planned: Planned) -> dict[str, str]:
    """What the stack says of itself afterwards. Raises CannotDeploy with the first thing that went wrong."""
    cloudformation = target.client("cloudformation")
    if planned.change_set is not None:
        since = datetime.now(UTC)
        cloudformation.execute_change_set(StackName=target.stack, ChangeSetName=planned.change_set)
        status = _settled(cloudformation, target.stack)
        if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            raise CannotDeploy(
                f"The stack ended as {status}, and is as it was before: "
                f"{_why(cloudformation, target.stack, since)}"
            )
    (stack,) = cloudformation.describe_stacks(StackName=target.stack)["Stacks"]
    return {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}


def forget(target: Target, planned: Planned) -> None:
    """A change set that was only looked at. One that would have created a stack leaves an empty one behind."""
    if planned.change_set is None:
        return
    cloudformation = target.client("cloudformation")
    cloudformation.delete_change_set(StackName=target.stack, ChangeSetName=planned.change_set)
    if planned.kind == "CREATE":
        cloudformation.delete_stack(StackName=target.stack)


def remove(target: Target) -> list[str]:
    """Takes the stack away, and says what it left: what customers own outlives it. Raises CannotDeploy."""
    cloudformation = target.client("cloudformation")
    left = _kept(cloudformation, target.stack)
    since = datetime.now(UTC)
    (stack,) = cloudformation.describe_stacks(StackName=target.stack)["Stacks"]
    cloudformation.delete_stack(StackName=stack["StackId"])
    # By its id a stack can still be asked about when it is gone.
    status = _settled(cloudformation, stack["StackId"])
    if status != "DELETE_COMPLETE":
        why = _why(cloudformation, stack["StackId"], since)
        raise CannotDeploy(f"The stack ended as {status}: {why}")
    return left


def kept(target: Target) -> list[str]:
    """What outlives the stack. Raises CannotDeploy where there is none."""
    cloudformation = target.client("cloudformation")
    if not _exists(cloudformation, target.stack):
        raise CannotDeploy(f"There is no stack {target.stack} in this account and region.")
    return _kept(cloudformation, target.stack)


def _kept(cloudformation: Any, stack: str) -> list[str]:
    template = cloudformation.get_template(StackName=stack, TemplateStage="Processed")
    body = template["TemplateBody"]
    resources = (json.loads(body) if isinstance(body, str) else body)["Resources"]
    return [
        cloudformation.describe_stack_resource(StackName=stack, LogicalResourceId=name)[
            "StackResourceDetail"
        ]["PhysicalResourceId"]
        for name, one in sorted(resources.items())
        if one.get("DeletionPolicy") == "Retain"
    ]


def missing_secrets(target: Target, needed: tuple[str, ...]) -> list[str]:
    """Names of secrets that nobody has made yet."""
    client, absent = target.client("secretsmanager"), []
    for name in needed:
        try:
            client.describe_secret(SecretId=f"lapse/{target.stage}/{name}")
        except client.exceptions.ResourceNotFoundException:
            absent.append(f"lapse/{target.stage}/{name}")
    return absent


def _exists(cloudformation: Any, stack: str) -> bool:
    from botocore.exceptions import ClientError

    try:
        (found,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return False
        raise
    # Left behind by a change set that nobody carried out.
    return str(found["StackStatus"]) != "REVIEW_IN_PROGRESS"


def _url(s3: Any, bucket: str, key: str) -> str:
    """As CloudFormation reads it: the object's own address, without what a link would be signed with."""
    signed: str = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key})
    return signed.partition("?")[0]


def _parameters(target: Target, template: Mapping[str, Any], kind: str) -> list[dict[str, Any]]:
    given = {"Stage": target.stage, **target.parameters}
    known: Mapping[str, Any] = template["Parameters"]
    if stray := sorted(given.keys() - known.keys()):
        raise CannotDeploy(
            f"There is no parameter {', '.join(stray)}. There are: {', '.join(sorted(known))}."
        )
    unsaid = [name for name, one in known.items() if "Default" not in one and name not in given]
    if unsaid and kind == "CREATE":
        raise CannotDeploy(f"The first deployment must say {', '.join(sorted(unsaid))}.")
    kept = (known.keys() - given.keys()) & _had(target) if kind == "UPDATE" else set()
    return [
        *({"ParameterKey": name, "ParameterValue": value} for name, value in sorted(given.items())),
        # A parameter that the stack does not know yet has its default.
        *({"ParameterKey": name, "UsePreviousValue": True} for name in sorted(kept)),
    ]


def _had(target: Target) -> set[str]:
    (stack,) = target.client("cloudformation").describe_stacks(StackName=target.stack)["Stacks"]
    return {one["ParameterKey"] for one in stack.get("Parameters", [])}


def _described(cloudformation: Any, stack: str, name: str, kind: str) -> Planned:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        found = cloudformation.describe_change_set(StackName=stack, ChangeSetName=name)
        if found["Status"] == "CREATE_COMPLETE":
            return Planned(name, kind, tuple(_lines(cloudformation, stack, name)))
        if found["Status"] == "FAILED":
            reason = str(found.get("StatusReason", ""))
            cloudformation.delete_change_set(StackName=stack, ChangeSetName=name)
            if any(words in reason for words in _NOTHING):
                return Planned(None, kind, ())
            raise CannotDeploy(f"CloudFormation refuses the template: {reason}")
        if time.monotonic() > deadline:
            raise CannotDeploy("CloudFormation did not say what would change.")
        time.sleep(1)


def _lines(cloudformation: Any, stack: str, name: str) -> list[str]:
    lines: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = cloudformation.describe_change_set(StackName=stack, ChangeSetName=name, **after)
        for one in page.get("Changes", []):
            change = one["ResourceChange"]
            replaced = " (REPLACED)" if change.get("Replacement") == "True" else ""
            lines.append(
                f"{change['Action']:<7} {change['ResourceType']:<36} {change['LogicalResourceId']}{replaced}"
            )
        if not page.get("NextToken"):
            return sorted(lines)
        after = {"NextToken": page["NextToken"]}


def _settled(cloudformation: Any, stack: str) -> str:
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        (found,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
        status = str(found["StackStatus"])
        if not status.endswith("_IN_PROGRESS"):
            return status
        time.sleep(1)
    raise CannotDeploy("CloudFormation is still at it. Look there before you try again.")


def _why(cloudformation: Any, stack: str, since: datetime) -> str:
    """The first failure: those after it only follow from it."""
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    failed = [
        f"{one['LogicalResourceId']}: {one.get('ResourceStatusReason', '')}"
        for one in reversed(events)
        if str(one["ResourceStatus"]).endswith("_FAILED")
    ]
    return failed[0] if failed else "no resource says why"
