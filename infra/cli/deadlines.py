"""`lapse deadlines`: what is due next, of all accounts, soonest first."""

from __future__ import annotations

import argparse
from datetime import datetime

from chalicelib import overseeing
from chalicelib.domain.moments import from_rfc3339
from chalicelib.domain.steps import KINDS
from chalicelib.recounting import Shown
from chalicelib.wiring import World
from infra.cli.desk import Groups, command, say_json, say_table

MOST = 1000
PAGE = 100


def add(groups: Groups) -> None:
    one = command(groups, "deadlines", "what is due next, of all accounts", _show)
    kinds = (*overseeing.OF_CASES, *KINDS)
    one.add_argument(
        "--until",
        type=_instant,
        metavar="INSTANT",
        help="only what is due by then, such as 2026-12-01T00:00:00Z",
    )
    one.add_argument("--kind", choices=kinds, metavar="KIND", help=f"only this: {', '.join(kinds)}")
    one.add_argument(
        "--limit", type=_count, default=20, metavar="N", help=f"1 to {MOST}, by default 20"
    )


def _instant(text: str) -> datetime:
    try:
        return from_rfc3339(text)
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError("no instant such as 2026-12-01T00:00:00Z") from error


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= MOST:
        raise argparse.ArgumentTypeError(f"a whole number from 1 to {MOST}")
    return int(text)


def _show(world: World, given: argparse.Namespace) -> int:
    found: list[Shown] = []
    after: str | None = None
    while len(found) < given.limit:
        page, after = overseeing.deadlines_shown(
            world,
            until=given.until,
            kind=given.kind,
            limit=min(PAGE, given.limit - len(found)),
            after=after,
        )
        found += page
        if after is None:
            break
    if given.json:
        say_json({"data": found, "has_more": after is not None})
        return 0
    say_table(found, ("due_at", "overdue", "account_id", "kind", "attempts", "last_error"))
    if after is not None:
        print("… and more: raise --limit, or narrow with --until or --kind")
    return 0
