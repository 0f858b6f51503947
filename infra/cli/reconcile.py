"""`lapse reconcile`: what differs between Stripe and us. Dry unless told to `--apply`."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any

from chalicelib import log, reconciling_accounts, reconciling_lists, walking
from chalicelib.domain.drift import WHAT_TO_DO
from chalicelib.reconciling_accounts import DRIFTED, EQUAL, JOB, NOT_LIVE, REPAIRED, Seen
from chalicelib.store import accounts
from chalicelib.wiring import World
from infra.cli.desk import Groups, command, must_know, patiently, say_json, say_table

COULD_NOT = "could not be looked at"


def add(groups: Groups) -> None:
    one = command(
        groups, "reconcile", "what differs from Stripe; with --apply, puts it right", _run
    )
    one.add_argument("--account", metavar="ID", help="only this account")
    one.add_argument("--apply", action="store_true", help="repair it, instead of saying it")


def _run(world: World, given: argparse.Namespace) -> int:
    """1 when something is left for a person, or could not be looked at."""
    with patiently():
        counts, seen, lists = (
            _applied(world) if given.apply and not given.account else _looked_at(world, given)
        )
    lines = [_line(one, drift) for one in seen for drift in one.drifts]
    report = _report(counts, lists)
    if given.json:
        say_json({"applied": bool(given.apply), **report, "drift": lines})
    else:
        say_table(lines, ("account_id", "kind", "subject", "repaired", "what_to_do"))
        print()
        for name in ("looked_at", "equal", "nothing_live", "drifted", "repaired", "could_not"):
            print(f"{name.replace('_', ' ')}: {_told(report[name])}")
        print(f"at Stripe: {_told(report['at_stripe'])}")
        if not given.apply and (report["drifted"] or report["at_stripe"]):
            print("\nnothing was changed: --apply repairs what Stripe's word can repair")
    left = report["could_not"] or any(not line["repaired"] for line in lines)
    left_at_stripe = [what for what in report["at_stripe"] if what.startswith(DRIFTED)]
    return 1 if left or left_at_stripe else 0


def _looked_at(
    world: World, given: argparse.Namespace
) -> tuple[Counter[str], list[Seen], dict[str, int]]:
    """Account by account, in this process: nothing is kept of how far it came."""
    counts: Counter[str] = Counter()
    seen: list[Seen] = []
    one_only = given.account is not None
    ids = [must_know(world, given.account).id] if one_only else None
    for id in ids or accounts.ids(world.table, world.settings.due_shards):
        try:
            found = reconciling_accounts.visit(world, id, apply=given.apply, always=one_only)
        except Exception as error:  # noqa: BLE001 - isolated: counted, and the next one is looked at
            log.problem("reconcile_failed", error, account=id)
            counts[COULD_NOT] += 1
            continue
        if given.apply:
            reconciling_accounts.note(world, found)
        counts[found.outcome] += 1
        seen += [found] if found.drifts else []
    lists = {} if one_only else reconciling_lists.survey_lists(world).counts
    return counts, seen, {what: n for what, n in lists.items() if what != EQUAL}


def _applied(world: World) -> tuple[Counter[str], list[Seen], dict[str, int]]:
    """The very walk the schedule makes, with its checkpoint: interrupted, it is gone on with by the next."""
    seen: list[Seen] = []

    def one(account_id: str) -> str:
        found = reconciling_accounts.visit(world, account_id, apply=True)
        reconciling_accounts.note(world, found)
        seen.extend([found] if found.drifts else [])
        return found.outcome

    reconciling_lists.read_lists(world, lambda: False, again=True)
    walked = walking.again(world, JOB, one)
    counts = Counter(dict(walked.walk.counts))
    counts[COULD_NOT] += walked.walk.failing + walked.walk.given_up
    at = reconciling_lists.place(world)
    lists = {} if at is None else {what: n for what, n in at.counts.items() if what != EQUAL}
    if at is not None and at.ended_at is None:
        counts[COULD_NOT] += 1
    return +counts, seen, lists


def _report(counts: Counter[str], lists: dict[str, int]) -> dict[str, Any]:
    def by_kind(word: str) -> dict[str, int]:
        told: Counter[str] = Counter()
        for outcome, n in counts.items():
            if outcome.startswith(f"{word}: "):
                told.update(dict.fromkeys(outcome.removeprefix(f"{word}: ").split(", "), n))
        return dict(told)

    return {
        "looked_at": counts.total() - counts[COULD_NOT],
        "equal": counts[EQUAL],
        "nothing_live": counts[NOT_LIVE],
        "drifted": by_kind(DRIFTED),
        "repaired": by_kind(REPAIRED),
        "could_not": counts[COULD_NOT],
        "at_stripe": lists,
    }


def _line(seen: Seen, one: Any) -> dict[str, Any]:
    return {
        "account_id": seen.account_id,
        "kind": one.kind,
        "subject": one.subject,
        "repaired": one in seen.repaired,
        "what_to_do": WHAT_TO_DO.get(one.kind, "" if one in seen.repaired else "--apply"),
    }


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{n} {what}" for what, n in sorted(value.items())) or "nothing"
    return str(value)
