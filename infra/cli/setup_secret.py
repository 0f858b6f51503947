"""`lapse setup secret PLACE`: puts a secret where a setting says that it lies, without showing it to anybody.

It is typed unseen, or comes by a pipe: never on the command line, where every process and the shell's history see it.
What lay there before can be had back once: pasting the wrong one is a mistake that is easily made.
"""

from __future__ import annotations

import argparse
import sys

from chalicelib import settings as settings_
from infra.cli import secret_places
from infra.cli.secret_places import NoPlace


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser(
        "secret", help="put a secret where a setting says that it lies; it is typed, or piped in"
    )
    parser.add_argument("place", metavar="PLACE", help="secretsmanager:NAME#KEY or ssm:NAME")
    parser.add_argument(
        "--previous", action="store_true", help="put back what lay there before the last change"
    )
    parser.set_defaults(run=_run)


def _run(given: argparse.Namespace) -> int:
    from botocore.exceptions import BotoCoreError, ClientError

    region = settings_.region()
    try:
        secret_places.parse(given.place)
        if given.previous:
            secret_places.put_back(given.place, region=region)
        else:
            secret_places.put(given.place, _text(), region=region)
    except (NoPlace, ValueError) as error:
        print(f"lapse: {error.args[0]}", file=sys.stderr)
        return 2
    except (ClientError, BotoCoreError) as error:
        print(f"lapse: AWS did not take it: {error}", file=sys.stderr)
        return 1
    print(f"{given.place} holds {'what it held before' if given.previous else 'it'} now")
    return 0


def _text() -> str:
    if sys.stdin.isatty():
        from getpass import getpass

        text = getpass("The secret (it is not shown): ")
    else:
        text = sys.stdin.read()
    if not text.strip():
        raise ValueError("nothing was changed: no secret was given")
    return text.strip()
