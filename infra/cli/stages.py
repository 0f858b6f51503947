"""`lapse --stage NAME …`: the command acts with the very settings that the functions of that stage were deployed with.

They are read from the functions at AWS, by the login of whoever types. Settings of our own that stand in the
environment are put aside, so that no command ever acts half on one stage and half on another.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from infra.aws.settings import SHARE_QUEUE
from infra.packaging import stand_in
from infra.packaging.template import logical_id

ASKED = ("webhook", "pay_decided_cases")
"""Every function is told the same, but for the key that pays back: only the second one knows where it lies."""


class NoStage(Exception):
    """The message is a sentence that says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Stage:
    name: str
    settings: Mapping[str, str]
    webhook_url: str
    """Where Stripe reaches it."""


def use(name: str, own: Collection[str] = ()) -> Stage:
    """Its settings become the environment's, but for those that the command wants of whoever types. Raises NoStage."""
    stage = _found(name)
    for setting in [one for one in os.environ if one.startswith("LAPSE_") and one not in own]:
        del os.environ[setting]
    os.environ.update({key: text for key, text in stage.settings.items() if key not in own})
    return stage


def _found(name: str) -> Stage:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        cloudformation, functions = _client("cloudformation"), _client("lambda")
        (stack,) = cloudformation.describe_stacks(StackName=f"lapse-{name}")["Stacks"]
        settings: dict[str, str] = {}
        for function in ASKED:
            about = cloudformation.describe_stack_resource(
                StackName=f"lapse-{name}", LogicalResourceId=logical_id(function)
            )["StackResourceDetail"]
            told = functions.get_function_configuration(FunctionName=about["PhysicalResourceId"])
            settings |= told["Environment"]["Variables"]
    except ClientError as error:
        if "does not exist" in str(error):
            raise NoStage(
                f"there is no stack lapse-{name} in this account and region: make deploy STAGE={name} makes it"
            ) from None
        raise NoStage(f"AWS refuses to tell of the stage {name}: {error}") from None
    except BotoCoreError as error:
        raise NoStage(
            f"nobody is logged in to AWS here, or no region is set ({error}): set AWS_PROFILE and AWS_REGION"
        ) from None
    said = {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}
    ours = {
        key: text
        for key, text in settings.items()
        # A queue is one function's own: nobody else gives shares to it.
        if key.startswith("LAPSE_") and key != SHARE_QUEUE
    }
    public = ours.get("LAPSE_PUBLIC_URL", "").rstrip("/")
    url = f"{public}/webhooks/stripe" if public else stand_in.reachable(said["WebhookURL"])
    return Stage(name, ours, url)


def _client(service: str) -> Any:
    from botocore.session import get_session

    return get_session().create_client(service)
