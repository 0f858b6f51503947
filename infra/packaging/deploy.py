"""`make deploy STAGE=… BUCKET=…`: packages, and puts it into the AWS account that the environment is logged in to.

It says first what is missing, then what would change, and changes it unless it is only to be looked at.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from infra.packaging import stand_in
from infra.packaging.build import Build, build
from infra.packaging.dependencies import ROOT
from infra.packaging.deploying import (
    CannotDeploy,
    Planned,
    Target,
    carry_out,
    forget,
    kept,
    missing_secrets,
    plan,
    remove,
)
from infra.packaging.refusal import CannotPackage

NEEDED = ("stripe",)
"""Without it nothing works. The webhook's is put there by `lapse setup stripe`, which needs the address first."""


def main(arguments: Sequence[str] | None = None) -> int:
    given = _parser().parse_args(arguments)
    try:
        return _remove(given) if given.remove else _deploy(given)
    except CannotDeploy as error:
        print(error, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make deploy", description=__doc__)
    parser.add_argument("--stage", default="")
    parser.add_argument("--bucket", default="", help="where zip and template are uploaded to")
    parser.add_argument(
        "--build", type=Path, help="a build that is there already; without it, one is made"
    )
    parser.add_argument("--dry-run", action="store_true", help="only say what would change")
    parser.add_argument("--remove", action="store_true", help="take the stage away again")
    parser.add_argument("--sure", default="", help="the stage's name once more, to remove it")
    parser.add_argument("parameters", nargs="*", metavar="NAME=VALUE")
    return parser


def _deploy(given: argparse.Namespace) -> int:
    target = _target(given)
    _check_login(target)
    if absent := missing_secrets(target, NEEDED):
        raise CannotDeploy(
            f"Secrets Manager has no {', '.join(absent)}. Make them first: docs/how-to/deploy.md says what goes in."
        )
    _find_bucket(target)
    built = _built(given.build)
    planned = plan(target, built.zip, built.template)
    for line in _lines(planned):
        print(line)
    if given.dry_run:
        forget(target, planned)
        print("Nothing was changed.")
        return 0
    said = carry_out(target, planned)
    stand_in.complete(_client, built.template, said["TableName"])
    for name, value in sorted(said.items()):
        print(f"{name}: {stand_in.reachable(value)}")
    return 0


def _built(there: Path | None) -> Build:
    if there is None:
        try:
            made = build(ROOT / "build")
        except CannotPackage as error:
            raise CannotDeploy(str(error)) from None
        print("\n".join(made.lines()))
        return made
    found = Build(there / "deployment.zip", there / "template.json")
    if not (found.zip.exists() and found.template.exists()):
        raise CannotDeploy(f"There is no build in {there}: make package makes one.")
    return found


def _remove(given: argparse.Namespace) -> int:
    target = _target(given)
    _check_login(target)
    left = kept(target)
    if given.sure != given.stage:
        print(f"Everything of {target.stack} goes, but for {' and '.join(left)}.")
        print("Nothing that is due there would be done any more: no end, no refund, no purge.")
        print(f"Nothing was removed. Say SURE={given.stage} to do it.")
        return 0
    remove(target)
    print(
        f"{target.stack} is gone. {' and '.join(left)} are still there, with all that is in them."
    )
    return 0


def _lines(planned: Planned) -> Iterator[str]:
    """Where all of it is new, how many of each; else each thing that changes."""
    if planned.kind == "CREATE":
        kinds = Counter(line.split()[1] for line in planned.changes)
        yield from (f"Add {count:>4} {kind}" for kind, count in sorted(kinds.items()))
    else:
        yield from planned.changes or ("Nothing would change.",)


def _target(given: argparse.Namespace) -> Target:
    if not re.fullmatch(r"[a-z][a-z0-9-]{1,19}", given.stage):
        raise CannotDeploy("Say which stage, in small letters: make deploy STAGE=prod BUCKET=…")
    if not given.bucket and not given.remove:
        raise CannotDeploy("Say which bucket zip and template go to: make deploy STAGE=… BUCKET=…")
    pairs = [one.partition("=") for one in given.parameters]
    if wrong := [name for name, equals, _ in pairs if not equals]:
        raise CannotDeploy(f"{wrong[0]} has no value: write {wrong[0]}=…")
    return Target(
        stage=given.stage,
        bucket=given.bucket,
        parameters={name: value for name, _, value in pairs},
        client=_client,
        prepare=stand_in.prepare,
    )


def _client(service: str) -> Any:
    import boto3
    from botocore.config import Config

    # A stand-in on a busy machine takes its time, and the answer is worth waiting for.
    return boto3.client(service, config=Config(read_timeout=300))


def _check_login(target: Target) -> None:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        found = target.client("sts").get_caller_identity()
    except ClientError as error:
        raise CannotDeploy(f"AWS does not accept this login: {error}") from None
    except BotoCoreError as error:
        raise CannotDeploy(
            f"Nobody is logged in to AWS here, or no region is set ({error}). Set AWS_PROFILE and AWS_REGION."
        ) from None
    print(f"Account {found['Account']}, stack {target.stack}")


def _find_bucket(target: Target) -> None:
    """Made where there is none: it holds builds and nothing else. AWS keeps it private and encrypted by itself."""
    from botocore.exceptions import ClientError

    s3 = target.client("s3")
    try:
        s3.head_bucket(Bucket=target.bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("404", "NoSuchBucket"):
            raise CannotDeploy(
                f"The bucket {target.bucket} is not yours, or in another region: choose another name."
            ) from None
    else:
        return
    region = s3.meta.region_name
    where = {} if region == "us-east-1" else {"LocationConstraint": region}
    s3.create_bucket(
        Bucket=target.bucket, **({"CreateBucketConfiguration": where} if where else {})
    )
    print(f"The bucket {target.bucket} was made.")


if __name__ == "__main__":
    raise SystemExit(main())
