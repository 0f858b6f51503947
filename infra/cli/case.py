"""`lapse case`: what customers have asked and appealed against; replying and deciding as an operator does through the
API, with the very same checks. A decision is only said, unless it is told to `--apply`.
"""

from __future__ import annotations

import argparse
import json
from getpass import getuser
from typing import Any

from chalicelib.gateways.tokens import Caller
from chalicelib.handlers.call import Request
from chalicelib.handlers.calls import answer
from chalicelib.handlers.routes import ROUTES
from chalicelib.wiring import World
from infra.cli.desk import Groups, command, confirmed, inert, patiently, say_json, say_table

LIST = ("GET", "/v1/admin/cases")
SHOW = ("GET", "/v1/cases/{id}")
REPLY = ("POST", "/v1/cases/{id}/replies")
DECIDE = ("POST", "/v1/cases/{id}/decision")


def add(groups: Groups) -> None:
    group = groups.add_parser(
        "case", help="refund requests, appeals, disputes: show, reply, decide"
    )
    commands = group.add_subparsers(metavar="COMMAND", required=True)
    one = command(commands, "list", "the open ones, the next deadline first", _list)
    one.add_argument("--closed", action="store_true", help="those that are over")

    one = command(commands, "show", "one case, with its replies and its figures", _show)
    one.add_argument("id", metavar="ID")

    one = command(commands, "reply", "answer the customer", _reply)
    one.add_argument("id", metavar="ID")
    one.add_argument("--text", required=True)
    one.add_argument("--next-step-at", metavar="INSTANT", help="an interim reply: when it goes on")

    one = command(commands, "decide", "say what would be decided; with --apply, decide it", _decide)
    one.add_argument("id", metavar="ID")
    which = one.add_mutually_exclusive_group(required=True)
    which.add_argument("--approve", action="store_true")
    which.add_argument("--refuse", action="store_true")
    one.add_argument("--reason", required=True)
    one.add_argument("--amount", type=int, metavar="MINOR", help="less than what is payable")
    one.add_argument("--currency", metavar="CODE", help="of the amount")
    one.add_argument("--apply", action="store_true", help="do it, instead of saying it")
    confirmed(one)


class _Here:
    """Whoever can reach the table and holds Stripe's key is an operator; the history says who it was."""

    def caller(self, _authorization: str | None, _now: object) -> Caller:
        return Caller(
            sub=f"lapse:{getuser()}",
            email=None,
            account_id=None,
            roles=frozenset({"operator"}),
        )


def _asked(
    world: World, route: tuple[str, str], id: str = "", body: Any = None, **query: str
) -> tuple[int, Any]:
    (found,) = [one for one in ROUTES if (one.method, one.path) == route]
    raw = json.dumps(body).encode() if body is not None else b""
    params = {"id": id} if id else {}
    request = Request(params=params, query=query, headers={}, raw=raw, request_id=world.new_id())
    with patiently():
        given = answer(world, found, request, _Here())
    return given.status, given.body


def _list(world: World, given: argparse.Namespace) -> int:
    state = "closed" if given.closed else "open"
    _, body = _asked(world, LIST, state=state, limit="100")
    if given.json:
        say_json(body)
        return 0
    lines = [
        {**one, "due_at": first.get("due_at"), "overdue": first.get("overdue")}
        for one in body["data"]
        for first in (one["waiting_for"] or [{}])[:1]
    ]
    say_table(lines, ("due_at", "overdue", "account_id", "id", "kind", "state"))
    return 0


def _show(world: World, given: argparse.Namespace) -> int:
    return _told(given, *_asked(world, SHOW, given.id))


def _reply(world: World, given: argparse.Namespace) -> int:
    body: dict[str, Any] = {"text": given.text}
    if given.next_step_at:
        body |= {"interim": True, "next_step_at": given.next_step_at}
    return _told(given, *_asked(world, REPLY, given.id, body))


def _decide(world: World, given: argparse.Namespace) -> int:
    status, case = _asked(world, SHOW, given.id)
    if status != 200 or not given.apply:
        code = _told(given, status, case)
        if code == 0 and not given.json:
            word = "approved" if given.approve else "refused"
            print(f"\nnothing was decided: with --apply it is {word}")
        return code
    body: dict[str, Any] = {"approve": given.approve, "reason": given.reason}
    if given.amount is not None:
        body["amount"] = {"amount": given.amount, "currency": given.currency or ""}
    return _told(given, *_asked(world, DECIDE, given.id, body))


def _told(given: argparse.Namespace, status: int, body: Any) -> int:
    """1 when it was refused: the answer says why."""
    if given.json:
        say_json(body)
    elif status >= 400:
        print(f"{body['title']}: {inert(body['detail'])}")
        for one in body.get("errors", ()):
            print(f"  {one['pointer']}: {inert(one['detail'])}")
    else:
        for name, value in body.items():
            if name not in ("replies", "eligibility", "decision") and value not in (None, []):
                print(f"{name.replace('_', ' ')}: {inert(value)}")
        for name in ("eligibility", "decision"):
            if body.get(name):
                print(f"{name}: {json.dumps(body[name])}")
        for reply in body.get("replies", ()):
            print(f"- {reply['at']} {inert(reply.get('by_role', ''))}: {inert(reply.get('text'))}")
    return 0 if status < 400 else (2 if status >= 500 else 1)
