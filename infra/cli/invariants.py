"""`lapse invariants`: does everything hold that must? Reads the table, changes nothing.

The exit code is 0 when all holds, 1 when something does not, 2 when it could not be looked at.
"""

from __future__ import annotations

import argparse

from chalicelib import checking, log
from chalicelib.store import accounts
from chalicelib.wiring import World
from infra.cli.desk import Groups, command, must_know, say_json, say_table


def add(groups: Groups) -> None:
    one = command(groups, "invariants", "what must hold of every account, and does not", _run)
    one.add_argument("--account", metavar="ID", help="only this account")


def _run(world: World, given: argparse.Namespace) -> int:
    ids = [must_know(world, given.account).id] if given.account else None
    looked_at, could_not, lines = 0, [], []
    for id in ids or accounts.ids(world.table, world.settings.due_shards):
        try:
            found = checking.check(world, id)
        except Exception as error:  # noqa: BLE001 - isolated: named, and the next one is looked at
            log.problem("check_failed", error, account=id)
            could_not.append(id)
            continue
        looked_at += 1
        lines += [
            {"account_id": id, "rule": one.rule, "subject": one.subject, "says": one.says}
            for one in found
        ]
    if given.json:
        say_json({"looked_at": looked_at, "could_not": could_not, "violations": lines})
    else:
        for line in lines:
            say_table([line], ("account_id", "rule", "subject"))
            print(f"  {line['says']}")
        print(f"{looked_at} accounts, {len(lines)} violations, {len(could_not)} not looked at")
    return 1 if lines or could_not else 0
