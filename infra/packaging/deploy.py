"""`make deploy STAGE=… BUCKET=…`: puts what `make package` built into the AWS account that the environment is logged in to.

It says first what is missing, then what would change, and changes it unless it is only to be looked at.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from infra.packaging.dependencies import ROOT
from infra.packaging.deploying import CannotDeploy, Target, carry_out, forget, missing_secrets, plan

NEEDED = ("stripe", "webhook")


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    try:
        return _deploy(given)
    except CannotDeploy as error:
        print(error, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make deploy", description=__doc__)
    parser.add_argument("--stage", default="")
    parser.add_argument("--bucket", default="", help="where zip and template are uploaded to")
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--dry-run", action="store_true", help="only say what would change")
    parser.add_argument("parameters", nargs="*", metavar="NAME=VALUE")
    return parser


def _deploy(given: argparse.Namespace) -> int:
    target = _target(given)
    zip, template = given.build / "deployment.zip", given.build / "template.json"
    if not (zip.exists() and template.exists()):
        raise CannotDeploy(f"There is no build in {given.build}: make package makes one.")
    _check_login(target)
    if absent := missing_secrets(target, NEEDED):
        raise CannotDeploy(
            f"Secrets Manager has no {', '.join(absent)}. Make them first: docs/how-to/deploy.md says what goes in."
        )
    planned = plan(target, zip, template)
    for line in planned.changes or ("Nothing would change.",):
        print(line)
    if given.dry_run:
        forget(target, planned)
        print("Nothing was changed.")
        return 0
    for name, value in sorted(carry_out(target, planned).items()):
        print(f"{name}: {value}")
    return 0


def _target(given: argparse.Namespace) -> Target:
    if not re.fullmatch(r"[a-z][a-z0-9-]{1,19}", given.stage):
        raise CannotDeploy("Say which stage, in small letters: make deploy STAGE=prod BUCKET=…")
    if not given.bucket:
        raise CannotDeploy("Say which bucket zip and template go to: make deploy STAGE=… BUCKET=…")
    pairs = [one.partition("=") for one in given.parameters]
    if wrong := [name for name, equals, _ in pairs if not equals]:
        raise CannotDeploy(f"{wrong[0]} has no value: write {wrong[0]}=…")
    return Target(
        stage=given.stage,
        bucket=given.bucket,
        parameters={name: value for name, _, value in pairs},
        client=_client,
    )


def _client(service: str) -> Any:
    import boto3

    return boto3.client(service)


def _check_login(target: Target) -> None:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        found = target.client("sts").get_caller_identity()
        target.client("s3").head_bucket(Bucket=target.bucket)
    except ClientError as error:
        if error.operation_name == "HeadBucket":
            raise CannotDeploy(
                f"The bucket {target.bucket} is not there, or not yours: aws s3 mb s3://{target.bucket}"
            ) from None
        raise CannotDeploy(f"AWS does not accept this login: {error}") from None
    except BotoCoreError as error:
        raise CannotDeploy(
            f"Nobody is logged in to AWS here, or no region is set ({error}). Set AWS_PROFILE and AWS_REGION."
        ) from None
    print(f"Account {found['Account']}, stack {target.stack}")


if __name__ == "__main__":
    raise SystemExit(main())
