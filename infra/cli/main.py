"""`lapse`: the operator's command line. It only parses and prints; what it does, the app does."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from infra.cli import (
    account,
    backfill,
    case,
    deadlines,
    doctor,
    events,
    invariants,
    jobs,
    ledger,
    maintenance,
    number,
    policy,
    purge,
    reconcile,
    setup,
    stages,
    switches,
)

Groups = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for it

GROUPS: tuple[Callable[[Groups], None], ...] = (
    *(policy.add, ledger.add),
    *(account.add, deadlines.add, jobs.add, events.add, maintenance.add, number.add),
    *(doctor.add, setup.add, purge.add),
    *(reconcile.add, backfill.add, invariants.add, case.add),
    switches.add,
)
"""Each adds its commands; a command's `run` is given the arguments and answers the exit code."""


def main(arguments: Sequence[str] | None = None) -> int:
    top = parser()
    given = top.parse_args(arguments)
    if not hasattr(given, "run"):
        top.print_help()
        return 0
    try:
        if given.stage:
            given.deployed = stages.use(given.stage, getattr(given, "own", ()))
        code: int = given.run(given)
        sys.stdout.flush()
    except stages.NoStage as error:
        print(f"lapse: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # Whoever reads has seen enough (`| head`): not to be told again when the interpreter flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="lapse",
        description="Look after the subscriptions that are cancelled, resumed and ended with Lapse.",
    )
    top.add_argument("--version", action="version", version="lapse 0.1.0")
    top.add_argument(
        "--stage",
        metavar="NAME",
        help="act on this deployed stage, with the settings of its functions",
    )
    top.set_defaults(deployed=None)
    groups = top.add_subparsers(metavar="GROUP")
    for add in GROUPS:
        add(groups)
    return top
