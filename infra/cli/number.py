"""`lapse number recover`: gets a released number back for the account that had it, while its carrier still allows it.

It only says whether it can be had, unless it is told to `--apply` and the number is typed again: it costs rent.
"""

from __future__ import annotations

import argparse
import getpass
import sys

from chalicelib import recovering
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.number_fees import E164
from chalicelib.domain.recovering import CannotRecover
from chalicelib.gateways.stripe import StripeUnavailable
from chalicelib.handlers.admin_numbers import shown
from chalicelib.lifecycle import UnknownAccount, must_load
from chalicelib.wiring import World
from infra.cli.desk import Groups, command, inert, say_json

LONGEST_REASON = 500


def add(groups: Groups) -> None:
    group = groups.add_parser("number", help="one phone number: have it back after its release")
    commands = group.add_subparsers(metavar="COMMAND", required=True)
    one = command(
        commands, "recover", "whether it can be had back; with --apply, does it", _recover
    )
    one.add_argument("number", metavar="E164", type=_number)
    one.add_argument("--account", metavar="ID", required=True, help="whose number it was")
    one.add_argument("--reason", type=_reason, required=True, help="why, for the history")
    one.add_argument("--apply", action="store_true", help="do it, instead of saying it")
    one.add_argument("--confirm", metavar="E164", help="the number again, instead of typing it")


def _number(text: str) -> str:
    if not E164.fullmatch(text):
        raise argparse.ArgumentTypeError("a number is written as +14155550100")
    return text


def _reason(text: str) -> str:
    if not 0 < len(text.strip()) <= LONGEST_REASON:
        raise argparse.ArgumentTypeError(f"say why, in 1 to {LONGEST_REASON} characters")
    return text.strip()


def _recover(world: World, given: argparse.Namespace) -> int:
    try:
        return _done(world, given) if given.apply else _looked(world, given)
    except UnknownAccount as error:
        raise LookupError(f"there is no account {given.account!r}") from error
    except CannotRecover as error:
        return _refused(given, error.code, str(error))
    except StripeUnavailable:
        return _refused(
            given, "stripe_unavailable", "Stripe did not answer. Try again in a moment."
        )


def _looked(world: World, given: argparse.Namespace) -> int:
    account = must_load(world, given.account).account
    until = recovering.check(world, account, given.number)
    if given.json:
        said = rfc3339(until) if until else None
        say_json({"number": given.number, "recoverable_until": said, "applied": False})
    elif until is None:
        print(f"{account.id} has {given.number} already")
    else:
        print(f"{given.number} can be had back until {rfc3339(until)}")
        print("nothing was done: --apply does it")
    return 0


def _done(world: World, given: argparse.Namespace) -> int:
    if not _confirmed(given):
        return _refused(given, "not_confirmed", "The number was not typed again: nothing was done.")
    number, state = recovering.recover(
        world,
        given.account,
        given.number,
        reason=given.reason,
        id=f"cli:{world.new_id()}",
        by=f"cli:{getpass.getuser()}",
    )
    if given.json:
        say_json({**shown(given.account, number, state), "applied": True})
    elif state == recovering.RECOVERING:
        print(f"{number.provider} has not answered yet: it is asked again until it has")
    else:
        print(f"{number.e164} is {inert(given.account)}'s again")
    return 0


def _confirmed(given: argparse.Namespace) -> bool:
    if given.confirm is not None:
        return bool(given.confirm == given.number)
    print(f"{given.number} will be rented again. Type it to go on: ", end="", file=sys.stderr)
    sys.stderr.flush()
    return sys.stdin.readline().strip() == given.number


def _refused(given: argparse.Namespace, code: str, why: str) -> int:
    if given.json:
        say_json({"number": given.number, "code": code, "detail": why, "applied": False})
    else:
        print(f"lapse: {why}", file=sys.stderr)
    return 1
