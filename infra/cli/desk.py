"""What the operator's commands share: the world they look at, their tables, and how they fail.

The exit code is 0 when all is well, 1 when what was asked for could not be done, 2 when it could not be looked at.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from chalicelib import wiring
from chalicelib.domain.account import Account
from chalicelib.domain.capabilities import SwitchedOff
from chalicelib.gateways import patience
from chalicelib.gateways.files import FilesUnavailable
from chalicelib.gateways.stripe import StripeRefused, StripeUnavailable
from chalicelib.gateways.stripe_reader import Unreadable
from chalicelib.settings import SettingsError
from chalicelib.store import accounts
from chalicelib.store.table import StoreError
from chalicelib.wiring import World

Groups = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for it
Show = Callable[[World, argparse.Namespace], int]
WIDEST = 60
PATIENCE_SECONDS = 60.0


class NotConfirmed(Exception):
    """Nobody typed the words."""


def command(commands: Groups, name: str, help_: str, show: Show) -> argparse.ArgumentParser:
    """A command that acts in the configured world and can answer in JSON."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=help_)
    parser.add_argument("--json", action="store_true", help="answer in JSON")
    parser.set_defaults(run=lambda given: run(show, given))
    return parser


def run(show: Show, given: argparse.Namespace) -> int:
    try:
        _must_be_confirmed(given)
        return show(wiring.world(), given)
    except SettingsError as error:
        say_wrong_settings(error, given)
    except (LookupError, NotConfirmed) as error:
        print(f"lapse: {error.args[0]}", file=sys.stderr)
    except StripeUnavailable as error:
        print(f"lapse: Stripe could not be asked: {error}", file=sys.stderr)
    except StripeRefused as refused:
        print(f"lapse: Stripe refused: {harmless(refused.message)}", file=sys.stderr)
    except Unreadable as error:
        print(f"lapse: Stripe's answer cannot be read: {error}", file=sys.stderr)
    except FilesUnavailable as error:
        print(f"lapse: the files could not be read: {error}", file=sys.stderr)
    except SwitchedOff as off:
        why = "the kill switch is on" if off.killed else f"{off.capability} is {off.mode}"
        print(f"lapse: nothing was done: {why}", file=sys.stderr)
    except StoreError as error:
        print(f"lapse: the table could not be read: {error}", file=sys.stderr)
    return 2


def say_wrong_settings(error: SettingsError, given: argparse.Namespace) -> None:
    print(f"lapse: {error.args[0]}", file=sys.stderr)
    if not given.stage:
        print(
            "lapse: all of a deployed stage's settings are taken with `lapse --stage NAME …`",
            file=sys.stderr,
        )


def must_know(world: World, account_id: str) -> Account:
    try:
        found = accounts.load(world.table, account_id)
    except ValueError:
        found = None
    if found is None:
        raise LookupError(f"there is no account {account_id!r}")
    return found.account


def patiently() -> AbstractContextManager[None]:
    """Whoever asks Stripe in here may be kept waiting for a minute: nobody's page waits for the answer."""
    return patience.within(lambda: PATIENCE_SECONDS)


def confirmed(parser: argparse.ArgumentParser) -> None:
    """With `--apply` at a terminal, the command has its own name typed before it does anything. A script says
    `--apply` on purpose, and is not asked."""
    parser.set_defaults(confirms=parser.prog.removeprefix("lapse "))


def _must_be_confirmed(given: argparse.Namespace) -> None:
    words = getattr(given, "confirms", None)
    if words is None or not given.apply or not sys.stdin.isatty():
        return
    if input(f"This may do what cannot be undone. Type {words!r} to go on: ").strip() != words:
        raise NotConfirmed("nothing was done: that was something else")


def say_json(what: object) -> None:
    print(json.dumps(what, indent=2, default=str))


def say_table(lines: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Left-aligned, one line each; an empty table says so."""
    if not lines:
        print("nothing")
        return
    cells = [[name.replace("_", " ") for name in columns]]
    cells += [[_cell(line.get(name)) for name in columns] for line in lines]
    widths = [max(len(row[n]) for row in cells) for n in range(len(columns))]
    for row in cells:
        print("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    """One line, and nothing in it that a terminal would obey."""
    text = "yes" if value is True else "" if value in (None, False) else str(value)
    plain = harmless(text)
    return plain if len(plain) <= WIDEST else plain[: WIDEST - 1] + "…"


inert = _cell


def harmless(text: str) -> str:
    """All of it, for what has to be found again by its name."""
    return "".join(c if c.isprintable() else "?" for c in text)
