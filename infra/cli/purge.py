"""`lapse purge`: what the next purges would delete, who approved them, the proofs of those that are over, and what must
not come back with a backup.
"""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from chalicelib import purge_plans, recounting, tombstones
from chalicelib.domain.account import Account, Hold
from chalicelib.domain.approving import CannotApprove, is_proposed_by
from chalicelib.domain.erasure import is_genuine
from chalicelib.domain.facts import PurgeApproved
from chalicelib.domain.moments import from_rfc3339
from chalicelib.gateways.files import FilesUnavailable
from chalicelib.gateways.jwks import KeysUnavailable
from chalicelib.gateways.tokens import TokenError, Tokens
from chalicelib.lifecycle import tell
from chalicelib.store import accounts, purges
from chalicelib.wiring import World
from infra.cli.desk import Groups, command, harmless, inert, must_know, run, say_json, say_table

MOST = 100
LARGEST_TOKEN = 16 * 1024


def add(groups: Groups) -> None:
    group = groups.add_parser("purge", help="what is deleted for good: plans, approvals, proofs")
    what = group.add_mutually_exclusive_group()
    what.add_argument("--plan", action="store_true", help="what would be deleted; deletes nothing")
    what.add_argument(
        "--reapply",
        action="store_true",
        help="after a restore: deletes again what had been deleted, and a backup brought back",
    )
    group.add_argument("--account", metavar="ACCOUNT", help="only this one, due or not")
    group.add_argument("--until", type=_instant, help="plan: what is due by then, instead of now")
    group.add_argument(
        "--dry-run", action="store_true", help="reapply: say what it would do, and do nothing"
    )
    group.add_argument("--json", action="store_true", help="answer in JSON")
    group.set_defaults(run=lambda given: run(_plan_or_reapply, given))
    commands = group.add_subparsers(metavar="COMMAND")
    one = command(commands, "approve", "proposes a purge, or approves another's proposal", _approve)
    one.add_argument("account", metavar="ACCOUNT")
    one.add_argument("--reason", required=True, help="why, for the history")
    one.add_argument(
        "--token-file",
        required=True,
        metavar="FILE",
        help="your own operator token, as your issuer signed it: it says who you are (- for stdin)",
    )
    one = command(commands, "certificate", "what was deleted of an account, and when", _certificate)
    one.add_argument("account", metavar="ACCOUNT")
    one = command(commands, "verify", "computes the hashes of certificates again", _verify)
    one.add_argument("account", metavar="ACCOUNT", nargs="?", help="without one: every account's")


def _instant(text: str) -> datetime:
    try:
        return from_rfc3339(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            "an instant looks like this: 2027-02-28T12:00:00Z"
        ) from error


def _plan_or_reapply(world: World, given: argparse.Namespace) -> int:
    if given.reapply:
        return _reapply(world, given)
    if given.plan:
        return _plan(world, given)
    raise LookupError("say what: --plan, --reapply, approve, certificate or verify (see --help)")


# -- what would be deleted


def _plan(world: World, given: argparse.Namespace) -> int:
    if given.account is not None:
        wanted = [must_know(world, given.account)]
    else:
        wanted = list(purge_plans.due(world, given.until or world.clock.now(), MOST))
    shown = [purge_plans.plan(world, account) for account in wanted]
    if given.json:
        say_json(shown)
        return 0
    say_table(
        [
            {**one, "held_by": ", ".join(one["held_by"]), "purger": name, **_counted(counts)}
            for one in shown
            for name, counts in (one["would_delete"] or {"-": {}}).items()
        ],
        ("due_at", "account_id", "purger", "would_delete", "held_by"),
    )
    print("\nnothing was deleted: a purge that is due, and not held, is done by the job purge_data")
    return 0


def _counted(counts: dict[str, Any]) -> dict[str, Any]:
    if counts.get("counts") is None:
        return {"would_delete": counts.get("unknown_because", "-")}
    said = ", ".join(f"{count} {kind}" for kind, count in counts["counts"].items()) or "nothing"
    return {"would_delete": f"{said}{' and more' if counts['at_least'] else ''}"}


# -- whose word it needs


def _approve(world: World, given: argparse.Namespace) -> int:
    account = must_know(world, given.account)
    if not given.reason.strip():
        raise LookupError("say why: --reason")
    try:
        by = _operator(world, given.token_file)
        word = Hold(at=world.clock.now(), by=by, reason=given.reason.strip()[:1000])
        account = _told(world, account.id, word)
    except (CannotApprove, TokenError, KeysUnavailable, PermissionError) as error:
        print(f"lapse: {error}", file=sys.stderr)
        return 1
    shown = recounting.approval_shown(account, world.policies.get(account.policy)) or {}
    if given.json:
        say_json({"account_id": account.id, **shown})
    else:
        print(f"{shown['state']}: the purge of {inert(account.id)} on {shown['due_at']}")
    return 0


def _told(world: World, account_id: str, word: Hold) -> Account:
    """The account as it is when the word was said. A run has no key that the next one could repeat, so the word is its
    own: said once more because the answer was lost, it stands, and is no second one."""
    try:
        fact = PurgeApproved(word=word)
        return tell(world, account_id, fact, id=f"cli:{world.new_id()}", by=word.by).account
    except CannotApprove:
        account = must_know(world, account_id)
        if not is_proposed_by(word, account, world.policies.get(account.policy)):
            raise
        return account


def _operator(world: World, file: str) -> str:
    """Who is at the keyboard, as the issuer of tokens says: two names that anybody may type are not two people."""
    try:
        with sys.stdin if file == "-" else Path(file).open(encoding="utf-8") as opened:
            token = opened.read(LARGEST_TOKEN + 1).strip()
    except (OSError, UnicodeDecodeError) as error:
        raise LookupError(f"the token cannot be read: {type(error).__name__}") from error
    caller = Tokens(world.settings).caller(f"Bearer {token}", world.clock.now())
    if "operator" not in caller.roles:
        raise PermissionError("this token is not an operator's")
    return caller.sub


# -- what was deleted


def _certificate(world: World, given: argparse.Namespace) -> int:
    found = purges.certificates(world.table, must_know(world, given.account).id)
    if given.json:
        say_json(found)
        return 0
    say_table(
        [
            {**one, "purger": name, "deleted": ", ".join(f"{n} {k}" for k, n in counts.items())}
            for one in found
            for name, counts in one["deleted"].items()
        ],
        ("finished_at", "due_at", "purger", "deleted", "id"),
    )
    for one in found:
        print(f"sha256 of {one['id']}: {one['sha256']}")
    return 0


def _verify(world: World, given: argparse.Namespace) -> int:
    """1 when one of them does not say what it said when it was sealed, or its tombstone says something else."""
    if given.account is not None:
        ids = [must_know(world, given.account).id]
    else:
        ids = list(accounts.ids(world.table, world.settings.due_shards))
    checked = [_checked(world, one) for id in ids for one in purges.certificates(world.table, id)]
    wrong = [one for one in checked if not one["genuine"]]
    if given.json:
        say_json({"certificates": len(checked), "wrong": wrong})
    else:
        print(f"{len(checked)} certificates, {len(wrong)} of them wrong")
        if wrong:
            say_table(wrong, ("account_id", "id", "because"))
    return 1 if wrong else 0


def _checked(world: World, certificate: dict[str, Any]) -> dict[str, Any]:
    named = {"account_id": certificate.get("account_id"), "id": certificate.get("id")}
    if not is_genuine(certificate):
        return {**named, "genuine": False, "because": "its content is not what its hash is of"}
    if world.files is not None:
        told = tombstones.sha256_of(world.files, certificate["account_id"], certificate["id"])
        if told != certificate["sha256"]:
            return {**named, "genuine": False, "because": "its tombstone is missing, or of another"}
    return {**named, "genuine": True}


# -- what must not come back


def _reapply(world: World, given: argparse.Namespace) -> int:
    """1 when something could not be deleted again: run it again."""
    if world.files is None:
        raise LookupError("set LAPSE_FILES_BUCKET: tombstones lie there")
    done: list[dict[str, Any]] = []
    illegible: tuple[str, ...] = ()
    try:
        for stone in tombstones.newest(world.files, given.account):
            done.append(tombstones.reapply(world, stone, dry=given.dry_run).shown())
            if not given.json:
                _say(done[-1])
    except tombstones.Illegible as error:
        illegible = error.names
    except FilesUnavailable as error:
        raise LookupError(f"the tombstones cannot be read: {error}") from error
    if given.json:
        say_json({"dry_run": given.dry_run, "accounts": done, "unreadable": [*illegible]})
    elif not done and not illegible:
        print("nothing")
    elif given.dry_run:
        print("\nnothing was done")
    for name in illegible:
        print(
            f"lapse: the tombstone {harmless(name)} cannot be read: put back an earlier version of that file, and run this again",
            file=sys.stderr,
        )
    return 1 if illegible or any(one["failed"] for one in done) else 0


def _say(one: dict[str, Any]) -> None:
    deleted = ", ".join(
        f"{count} {kind} ({name})"
        for name, counts in one["deleted"].items()
        for kind, count in counts.items()
    )
    failed = "; ".join(f"{name}: {why}" for name, why in one["failed"].items())
    newer = ", ".join(f"{count} left as newer ({name})" for name, count in one["newer"].items())
    words = [f"deleted {deleted or 'nothing'}", newer, failed and f"FAILED {failed}"]
    print(f"{inert(one['account_id'])}  purged {one['at']}  " + "; ".join(w for w in words if w))
