"""`lapse kill-switch`: stops everything that leaves, and lets it go on. `lapse shadow`: what would have been done."""

from __future__ import annotations

import argparse
from typing import Any

from chalicelib import switching
from chalicelib.wiring import World
from infra.cli.desk import Groups, command, say_json, say_table

BY = "lapse kill-switch"


def add(groups: Groups) -> None:
    group = groups.add_parser("kill-switch", help="stops everything that leaves, in seconds")
    commands = group.add_subparsers(metavar="COMMAND", required=True)
    command(commands, "show", "how it and every capability stand", _show)
    for name, help_ in (
        ("on", "nothing leaves any more: Stripe, carriers, mail, events, deletions"),
        ("off", "everything goes on, and what fell due meanwhile is done"),
    ):
        one = command(commands, name, help_, _turn)
        one.add_argument("--reason", required=True, help="why: it is kept for good")
        one.set_defaults(on=name == "on")
    shadow = groups.add_parser("shadow", help="what would have been done, had it been on")
    commands = shadow.add_subparsers(metavar="COMMAND", required=True)
    one = command(commands, "report", "step by step, in the order in which it fell due", _report)
    one.add_argument("--account", metavar="ID", help="of one account only")
    one.add_argument("--limit", type=int, default=switching.MOST_NOTED, metavar="N")


def _show(world: World, given: argparse.Namespace) -> int:
    shown = switching.shown(world)
    if given.json:
        say_json(shown)
        return 0
    say_table([_in_words(shown["kill_switch"])], ("kill_switch", "since", "by", "reason"))
    print()
    say_table(shown["capabilities"], ("name", "mode", "says"))
    return 0


def _in_words(standing: dict[str, Any]) -> dict[str, Any]:
    return {**standing, "kill_switch": "on" if standing["on"] else "off"}


def _turn(world: World, given: argparse.Namespace) -> int:
    reason = given.reason.strip()
    if not 0 < len(reason) <= 500:
        raise LookupError("say why, in 1 to 500 characters")
    switching.turn(world, on=given.on, by=BY, reason=reason)
    return _show(world, given)


def _report(world: World, given: argparse.Namespace) -> int:
    found, more = switching.would_have(world, given.account, max(1, given.limit))
    if given.json:
        say_json({"data": found, "has_more": more})
        return 0
    lines = [{**one, "would": _counted(one["would"])} for one in found]
    say_table(lines, ("due_at", "account_id", "capability", "step", "would", "still_due"))
    if more:
        print(f"\nand more: --limit {given.limit * 10}")
    return 0


def _counted(would: dict[str, Any]) -> str:
    """Amounts and counts in one cell: `count=3 amount=126usd`."""
    return " ".join(f"{name}={_value(value)}" for name, value in would.items())


def _value(value: Any) -> str:
    return f"{value['amount']}{value['currency']}" if isinstance(value, dict) else str(value)
