"""`lapse maintenance`: work on the systems. It extends access by as many calendar days, where the policy promises so.

`announce`, `edit` and `withdraw` only say what they would do, unless they are told to `--apply`: what was announced once
is never taken back from whoever was told of it.
"""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

from chalicelib import maintaining, overseeing
from chalicelib.domain.maintenance import KINDS, Window
from chalicelib.domain.moments import from_rfc3339
from chalicelib.maintaining import Asked, NotAWindow, UnknownWindow
from chalicelib.store.maintenance import Overtaken
from chalicelib.wiring import World
from infra.cli.desk import Groups, command, inert, say_json, say_table

FIRST = 100


def add(groups: Groups) -> None:
    group = groups.add_parser("maintenance", help="work on the systems, and whom it extends")
    commands = group.add_subparsers(metavar="COMMAND", required=True)
    command(commands, "list", "all announced work, the last announced first", _list)
    new = command(commands, "announce", "announce work; with --apply, does it", _announce)
    _times(new, required=True)
    new.add_argument("--kind", choices=KINDS, default=KINDS[0])
    new.add_argument("--reason", required=True, help="for the customers, in one sentence")
    _policies(new)
    edit = command(commands, "edit", "move announced work; with --apply, does it", _edit)
    edit.add_argument("id", metavar="ID")
    _times(edit, required=False)
    edit.add_argument("--kind", choices=KINDS)
    edit.add_argument("--reason")
    _policies(edit)
    off = command(commands, "withdraw", "withdraw announced work; with --apply, does it", _withdraw)
    off.add_argument("id", metavar="ID")
    for one in (new, edit, off):
        one.add_argument("--apply", action="store_true", help="do it, instead of saying it")
        one.add_argument("--by", default=None, help="who announces it (default: your user name)")


def _times(parser: argparse.ArgumentParser, *, required: bool) -> None:
    for name in ("--starts-at", "--ends-at"):
        parser.add_argument(
            name, type=_instant, required=required, metavar="INSTANT", help="2026-12-01T02:00:00Z"
        )


def _policies(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--policy",
        action="append",
        metavar="POLICY",
        help="whose customers it concerns; default: all policies that promise an extension",
    )


def _instant(text: str) -> datetime:
    try:
        return from_rfc3339(text)
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError("an instant such as 2026-12-01T02:00:00Z") from error


def _list(world: World, given: argparse.Namespace) -> int:
    found, more = maintaining.windows_shown(world, limit=FIRST, after=None)
    shown = [_shown(world, one) for one in found]
    if given.json:
        say_json({"windows": shown, "has_more": more is not None})
        return 0
    columns = ("id", "starts_at", "ends_at", "kind", "withdrawn", "policies", "told", "reason")
    say_table([{**one, "policies": ", ".join(one["policies"])} for one in shown], columns)
    if more is not None:
        print(f"\nthe last {FIRST} are shown")
    return 0


def _announce(world: World, given: argparse.Namespace) -> int:
    asked = Asked(
        starts_at=given.starts_at,
        ends_at=given.ends_at,
        kind=given.kind,
        reason=given.reason.strip() or None,
        policies=tuple(given.policy) if given.policy else None,
    )
    return _settle(world, given, None, lambda: maintaining.announced(world, asked, _who(given)))


def _edit(world: World, given: argparse.Namespace) -> int:
    asked = Asked(
        starts_at=given.starts_at,
        ends_at=given.ends_at,
        kind=given.kind,
        reason=(given.reason or "").strip() or None,
        policies=tuple(given.policy) if given.policy else None,
    )
    return _change(world, given, asked)


def _withdraw(world: World, given: argparse.Namespace) -> int:
    return _change(world, given, Asked(withdrawn=True))


def _change(world: World, given: argparse.Namespace, asked: Asked) -> int:
    known = _known(world, given.id)
    return _settle(
        world, given, known, lambda: maintaining.changed(world, known, asked, _who(given))
    )


def _settle(
    world: World, given: argparse.Namespace, before: Window | None, made: Callable[[], Window]
) -> int:
    try:
        window = made()
        if given.apply and window != before:
            maintaining.begin_to_tell(world, maintaining.save(world, window))
    except NotAWindow as error:
        return _refuse(error.detail)
    except Overtaken:
        return _refuse("somebody else changed this window just now: look again")
    if given.json:
        say_json({"applied": bool(given.apply), "window": _shown(world, window)})
    else:
        _say(world, given, window, before)
    return 0


def _refuse(why: str) -> int:
    print(f"lapse: {why}", file=sys.stderr)
    return 1


def _say(world: World, given: argparse.Namespace, window: Window, before: Window | None) -> None:
    shown = _shown(world, window)
    print(f"{window.id}  {shown['starts_at']} to {shown['ends_at']}  {inert(window.reason)}")
    for name, days in shown["days"].items():
        print(f"  {name}: {len(days)} calendar days ({days[0]} to {days[-1]})")
    for one in shown["warnings"]:
        print(f"  warning: {one['detail']}")
    if window == before:
        print("it is so already: nothing to do")
    elif given.apply:
        print(f"told so far: {shown['told']}; the job {maintaining.JOB} tells the rest")
    else:
        print("nothing was done: --apply does it, and cannot be taken back from whoever was told")


def _shown(world: World, window: Window) -> dict[str, Any]:
    shown = overseeing.window_shown(world, window)
    walk = shown["telling"]
    told = f"{walk['counts'].get('told', 0)} ({walk['status']})" if walk else "nobody yet"
    return {**shown, "told": told}


def _known(world: World, window_id: str) -> Window:
    try:
        return maintaining.must_know(world, window_id)
    except (UnknownWindow, ValueError):
        raise LookupError(f"there is no maintenance window {window_id!r}") from None


def _who(given: argparse.Namespace) -> str:
    return f"cli:{given.by or getpass.getuser()}"
