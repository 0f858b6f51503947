"""`lapse ledger verify`: is every cent where it was booked? Reads the table, changes nothing.

Every hash, every sum and every balance is computed again. The first entry that is wrong is named, with what is wrong
with it. The exit code is 0 when all is well, 1 when something is broken, 2 when it could not be checked.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from chalicelib import wiring
from chalicelib.settings import SettingsError
from chalicelib.store import accounts, wallet
from chalicelib.store.table import StoreError, Table
from infra.cli.desk import say_wrong_settings


@dataclass(frozen=True)
class Verdict:
    account_id: str
    entries: int
    broken_entry: int | None = None
    what: str | None = None

    def __str__(self) -> str:
        if self.what is None:
            return f"{self.account_id}: {self.entries} entries, all as booked"
        return f"{self.account_id}: entry {self.broken_entry} is broken: {self.what}"


def add(groups: argparse._SubParsersAction) -> None:
    group = groups.add_parser("ledger", help="the wallets' books")
    commands = group.add_subparsers(metavar="COMMAND", required=True)
    verify = commands.add_parser(
        "verify",
        help="compute every hash and balance again, and name the first broken entry",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    which = verify.add_mutually_exclusive_group(required=True)
    which.add_argument("account", nargs="?", help="the account whose ledger is checked")
    which.add_argument("--all", action="store_true", help="check every account's")
    verify.add_argument("--json", action="store_true", help="answer in JSON")
    verify.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    try:
        table, shards = wiring.table()
        chosen = accounts.ids(table, shards) if given.all else _known(table, given.account)
        return report(verdicts(table, chosen), as_json=given.json)
    except SettingsError as error:
        say_wrong_settings(error, given)
    except LookupError as error:
        print(f"lapse: {error.args[0]}", file=sys.stderr)
    except StoreError as error:
        print(f"lapse: the table could not be read: {error}", file=sys.stderr)
    return 2


def _known(table: Table, account_id: str) -> list[str]:
    try:
        found = accounts.load(table, account_id)
    except ValueError:
        found = None
    if found is None:
        raise LookupError(f"there is no account {account_id!r}")
    return [account_id]


def verdicts(table: Table, account_ids: Iterable[str]) -> Iterable[Verdict]:
    for account_id in account_ids:
        entries, broken = wallet.verify(table, account_id)
        if broken is None:
            yield Verdict(account_id, entries)
        else:
            yield Verdict(account_id, entries, broken.seq, broken.what)


def report(found: Iterable[Verdict], *, as_json: bool) -> int:
    """Prints what was found as it is found, or all of it as one JSON document. Answers the exit code."""
    seen: list[Verdict] = []
    for verdict in found:
        seen.append(verdict)
        if not as_json:
            print(verdict)
    broken = [one for one in seen if one.what is not None]
    entries = sum(one.entries for one in seen)
    if as_json:
        said = {
            "ok": not broken,
            "accounts": len(seen),
            "entries": entries,
            "broken": [asdict(one) for one in broken],
        }
        print(json.dumps(said, indent=2))
    else:
        print(f"{len(seen)} ledgers, {entries} entries, {len(broken)} broken")
    return 1 if broken else 0
