"""The CloudFormation that AWS makes of our template: SAM expanded on this machine, asking nobody.

For the linter, and for whatever stands in for AWS: what is checked is what would be made.
"""

from __future__ import annotations

import copy
import json
from typing import Any, cast

Json = dict[str, Any]


class _NoManagedPolicies:
    """Ours name none."""

    def load(self) -> dict[str, str]:
        return {}


def expanded(sam: Json, bucket: str = "artifacts", key: str = "deployment.zip") -> Json:
    import boto3
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    template = with_code(sam, bucket, key)
    session = boto3.session.Session(region_name="us-east-1")
    translator = Translator({}, Parser(), boto_session=session)
    return cast("Json", translator.translate(template, {}))


def with_code(sam: Json, bucket: str, key: str) -> Json:
    """The template with the zip where it was uploaded to."""
    template = copy.deepcopy(sam)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = {"Bucket": bucket, "Key": key}
    # No object is shared any more: the translator changes what it is given.
    return cast("Json", json.loads(json.dumps(template)))
