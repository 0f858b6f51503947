"""`lapse account`: one account, what happened to it and what will."""

from __future__ import annotations

import argparse
from typing import Any

from chalicelib import recounting
from chalicelib.wiring import World
from infra.cli.desk import Groups, command, inert, must_know, say_json, say_table

STEPS = ("due_at", "title", "subject", "attempts", "last_error", "next_try_at", "promises", "key")


def add(groups: Groups) -> None:
    group = groups.add_parser("account", help="one account: what it is, what happened, what will")
    commands = group.add_subparsers(metavar="COMMAND", required=True)
    for name, help_, run in (
        ("show", "who it is, and its subscriptions", _show),
        ("timeline", "what happened, what failed, what is on hold, what is to come", _timeline),
    ):
        command(commands, name, help_, run).add_argument("id", metavar="ID")


def _show(world: World, given: argparse.Namespace) -> int:
    shown = recounting.account_shown(must_know(world, given.id), world.clock.now())
    if given.json:
        say_json(shown)
        return 0
    for name in ("account_id", "policy", "email", "stripe_customer_id"):
        print(f"{name.replace('_', ' ')}: {inert(shown[name]) or '-'}")
    say_table(shown["subscriptions"], ("id", "plan", "status"))
    return 0


def _timeline(world: World, given: argparse.Namespace) -> int:
    shown = recounting.timeline_shown(world, must_know(world, given.id))
    if given.json:
        say_json(shown)
        return 0
    if shown["legal_hold"]:
        print(f"legal hold: {inert(shown['legal_hold']['reason'])}")
    print("past")
    past = [{**one, "reason": one["why"]["reason"]} for one in shown["past"]]
    say_table(past, ("at", "what", "by", "reason"))
    for name in ("failed", "held", "future"):
        print(f"\n{name}")
        say_table([_line(one) for one in shown[name]], _columns(name))
    return 0


def _columns(name: str) -> tuple[str, ...]:
    return (*STEPS[:3], "reason", "key") if name == "held" else STEPS


def _line(step: dict[str, Any]) -> dict[str, Any]:
    promises = ", ".join(step.get("why", {}).get("promises", ()))
    reason = step.get("held", {}).get("reason")
    return {"title": step["kind"], **step, "promises": promises, "reason": reason}
