"""What is different where something on this machine stands in for AWS: `make trial`, by `AWS_ENDPOINT_URL`.

It knows no SAM, so it is handed what AWS's own would make of the template. An API's name leads nowhere there, so it is
reached by its id. And its CloudFormation leaves out two properties of a table: they are set as the template has them.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from infra.packaging.expanding import expanded, with_code

_API = re.compile(r"https://(\w+)\.execute-api\.[^/]+/(\w+)")


def address() -> str | None:
    """Where it is; None at AWS itself."""
    url = os.environ.get("AWS_ENDPOINT_URL", "").rstrip("/")
    return url if urlsplit(url).hostname in ("127.0.0.1", "localhost") else None


def prepare(sam: dict[str, Any], bucket: str, key: str) -> dict[str, Any]:
    """What CloudFormation is handed."""
    return (with_code if address() is None else expanded)(sam, bucket, key)


def reachable(url: str) -> str:
    """The address of an API as it is reached from here."""
    here = address()
    return url if here is None else _API.sub(rf"{here}/restapis/\1/\2/_user_request_", url)


def complete(client: Callable[[str], Any], template: Path, table: str) -> None:
    """What its CloudFormation leaves out."""
    if address() is None:
        return
    properties = json.loads(template.read_text())["Resources"]["Table"]["Properties"]
    dynamodb = client("dynamodb")
    dynamodb.update_continuous_backups(
        TableName=table,
        PointInTimeRecoverySpecification=properties["PointInTimeRecoverySpecification"],
    )
    wanted = properties["TimeToLiveSpecification"]
    found = dynamodb.describe_time_to_live(TableName=table)["TimeToLiveDescription"]
    if found["TimeToLiveStatus"] != "ENABLED":
        dynamodb.update_time_to_live(TableName=table, TimeToLiveSpecification=wanted)
