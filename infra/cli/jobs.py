"""`lapse jobs`: the schedule, what waits for each job, and a run by hand.

`run` only says what it would take up, unless it is told to `--apply`.
"""

from __future__ import annotations

import argparse
from typing import Any

from chalicelib import overseeing
from chalicelib.handlers.jobs import JOBS, SCHEDULE, Job
from chalicelib.wiring import World
from infra.cli.desk import Groups, command, confirmed, say_json, say_table

FIRST = 100


def add(groups: Groups) -> None:
    group = groups.add_parser("jobs", help="the scheduled jobs, and what waits for each")
    commands = group.add_subparsers(metavar="COMMAND", required=True)
    command(commands, "list", "the schedule, and what waits", _list)
    one = command(commands, "run", "what a job would do now; with --apply, does it", _run)
    one.add_argument("name", metavar="NAME")
    how = one.add_mutually_exclusive_group()
    how.add_argument("--dry-run", action="store_true", help="only say it (as without --apply)")
    how.add_argument("--apply", action="store_true", help="do it, instead of saying it")
    confirmed(one)


def _list(world: World, given: argparse.Namespace) -> int:
    shown = [_shown(world, job) for job in SCHEDULE]
    if given.json:
        say_json(shown)
    else:
        say_table(shown, ("name", "rate", "waiting", "oldest_due_at", "says"))
    return 0


def _shown(world: World, job: Job) -> dict[str, Any]:
    waits = overseeing.backlog(world, job.due_kinds)
    return {
        "name": job.name,
        "rate": job.rate,
        "says": job.says,
        "waiting": f"{waits['count']}{'+' if waits['at_least'] else ''}",
        "oldest_due_at": waits["oldest_due_at"],
    }


def _run(world: World, given: argparse.Namespace) -> int:
    job = JOBS.get(given.name)
    if job is None:
        raise LookupError(f"there is no job {given.name!r}: one of {', '.join(JOBS)}")
    if given.apply:
        did = job.run(world).did
        if given.json:
            say_json({"job": job.name, "applied": True, "did": did})
        else:
            print(did or "nothing was due")
        return 0
    first = overseeing.waiting(world, job.due_kinds, limit=FIRST)
    if given.json:
        say_json({"job": job.name, "applied": False, "would_take_up": first})
        return 0
    say_table(first, ("due_at", "account_id", "step", "what"))
    print(f"\nnothing was done: `lapse jobs run {job.name} --apply` does it")
    return 0
