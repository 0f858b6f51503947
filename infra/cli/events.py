"""`lapse events`: Stripe's events that could not be applied yet."""

from __future__ import annotations

import argparse

from chalicelib import log, overseeing, sweeping
from chalicelib.wiring import World
from infra.cli.desk import Groups, command, say_json, say_table

BY = "lapse events replay"


def add(groups: Groups) -> None:
    group = groups.add_parser("events", help="Stripe's events that wait to be applied")
    commands = group.add_subparsers(metavar="COMMAND", required=True)
    command(commands, "parked", "the first 100, soonest next try first", _parked)
    one = command(commands, "replay", "tries one again, now", _replay)
    one.add_argument("id", metavar="ID")


def _parked(world: World, given: argparse.Namespace) -> int:
    found, more = overseeing.parked_shown(world, limit=100)
    if given.json:
        say_json({"data": found, "has_more": more})
        return 0
    say_table(found, ("id", "type", "customer", "reason", "attempts", "parked_at", "next_try_at"))
    return 0


def _replay(world: World, given: argparse.Namespace) -> int:
    """1 when it still cannot be applied: it stays parked."""
    key = overseeing.find_parked(world, given.id)
    if key is None:
        raise LookupError(f"no event {given.id!r} is parked")
    outcome = sweeping.retry_one_parked(world, key)
    log.event("parked_replayed", event_id=given.id, by=BY)
    if given.json:
        say_json({"id": given.id, "applied": outcome == "done"})
    else:
        print("applied" if outcome == "done" else "it still cannot be applied, and stays parked")
    return 0 if outcome == "done" else 1
