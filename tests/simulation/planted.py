"""Bugs planted on purpose, each in a copy of the project, to see whether the simulated worlds find them.

    python -m tests.simulation.planted                 every bug, until found (at most 500 worlds each)
    python -m tests.simulation.planted --write docs/proof.md
    python -m tests.simulation.planted --write docs/proof.md --resume     goes on where that was interrupted
    python -m tests.simulation.planted --write docs/proof.md --only early-release     that row anew, the others stay

A bug that no world finds becomes a new invariant or a new fault.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LONGEST = 240
"""Characters of a row's last cell."""
COPIED = ("app.py", "chalicelib", "infra", "tests", "pyproject.toml")


@dataclass(frozen=True)
class Bug:
    name: str
    what: str
    file: str
    right: str
    wrong: str


BUGS = (
    Bug("early-release", "numbers are released a day early", "policies/smarter-contact.toml",
        "release_after_hours = 336", "release_after_hours = 312"),
    Bug("early-lapse", "registrations lapse a day early", "policies/smarter-contact.toml",
        "lapse_after_hours = 720", "lapse_after_hours = 696"),
    Bug("short-year", "a year is 365 days", "domain/moments.py",
        "        return moment.replace(year=moment.year + years)\n",
        "        return moment + timedelta(days=365 * years)\n"),
    Bug("access-at-the-end", "a flipped comparison: access at the end itself", "domain/access.py",
        "    return until is not None and now < until",
        "    return until is not None and now <= until"),
    Bug("flag-only", "only cancel_at_period_end is read, not cancel_at", "domain/ending.py",
        "    if subscription.cancel_at is not None:\n        return subscription.cancel_at\n", ""),
    Bug("contract-cut", "a contract ends with Stripe's period", "domain/ending.py",
        "    contract = contract_end(account, subscription)\n    if contract is None:",
        "    contract = None\n    if contract is None:"),
    Bug("fee-at-the-end", "a fee falls due at the very end", "domain/needs.py",
        "(end is None or end > moment)", "(end is None or end >= moment)"),
    Bug("drifting-fees", "a fee date is counted from the one before: the 31st drifts", "domain/number_fees.py",
        "    return _first_from(cycle or number.bought_at, months_after(date, 1))",
        "    return months_after(date, 1)"),
    Bug("fee-cause", "a fee's cause lacks its date: the second month is never charged",
        "domain/number_fees.py",
        'f"number_fee:{e164}:{rfc3339(date)}"', 'f"number_fee:{e164}"'),
    Bug("lost-condition-account", "the account is saved whatever its version", "store/accounts.py",
        '        If(equals={"version": before.version}),\n', "        If(),\n"),
    Bug("lost-condition-wallet", "the wallet is saved whatever its version", "store/wallet.py",
        '        If(equals={"version": version}),\n', "        If(),\n"),
    Bug("lost-condition-cause", "a cause may be booked twice", "store/wallet.py",
        '"doc": {"seq": entry.seq, **said}}, If(absent=True))', '"doc": {"seq": entry.seq, **said}}, If())'),
    Bug("lost-condition-message", "a message's outcome may be overwritten", "store/holdings.py",
        '        If(equals={"state": "scheduled"}),\n', "        If(),\n"),
    Bug("duplicate-history", "a fact may be told twice", "store/accounts.py",
        '    return Put({"pk": key.pk, "sk": key.sk, "doc": doc}, If(absent=True))\n\n\ndef _step_changes',
        '    return Put({"pk": key.pk, "sk": key.sk, "doc": doc}, If())\n\n\ndef _step_changes'),
    Bug("stale-as-of", "that Stripe spoke is not remembered when nothing changed", "store/accounts.py",
        "    if account == before.account:\n        return before\n", "    return before\n"),
    Bug("tie-is-news", "of two events in one second the later delivery wins", "domain/from_stripe.py",
        'return "news" if created > known.as_of else "ask"', 'return "news" if created >= known.as_of else "ask"'),
    Bug("older-is-news", "an older event passes as news", "domain/from_stripe.py",
        'return "news" if created > known.as_of else "ask"', 'return "news"'),
    Bug("not-asked-release", "Stripe is not asked before numbers are released", "sweeping.py",
        "        at_carrier.release_numbers, _always, needs_the_end=True, claims=True",
        "        at_carrier.release_numbers, _never, needs_the_end=False, claims=True"),
    Bug("hold-ignored", "a legal hold does not hold the purge", "domain/holding.py",
        "    if step.kind == DATA_PURGED and account.legal_hold is not None:",
        "    if False:"),
    Bug("held-anyway", "a step that an operator holds is carried out", "domain/holding.py",
        "    return step.id in account.held or bool(held_by_cases(account, step))",
        "    return bool(held_by_cases(account, step))"),
    Bug("case-ignored", "an open case does not hold the purge", "domain/open_cases.py",
        "    return tuple(id for id, case in account.cases.items() if case.holds_purge)", "    return ()"),
    Bug("sent-after-the-end", "a message may be sent after the end", "scheduling.py",
        "        if _is_withdrawn(world, account, message):", "        if False:"),
    Bug("credited-too-much", "another live plan does not keep its messages", "domain/crediting.py",
        "    return frozenset(_channels(policy, ended.plan)) - kept",
        "    return frozenset(_channels(policy, ended.plan))"),
    Bug("deleted-twice", "a deleted message keeps its state", "scheduling.py",
        "        wallet.post(world.table, account.id, posting, [outcome])",
        "        wallet.post(world.table, account.id, posting, [])"),
    Bug("settled-wrong", "after a lost answer the carrier's word is turned round", "effects/at_carrier.py",
        "    if held:\n        _tell_kept(task, thing)", "    if not held:\n        _tell_kept(task, thing)"),
    Bug("never-settled", "nobody asks what became of a call that was cut short", "domain/settling.py",
        "        if call.startswith(things) and not _is_made_again(account, ends, called_at):", "        if False:"),
    Bug("key-of-before", "a number that came back is released under the key of then", "effects/at_carrier.py",
        "{_name(thing)}:{since}:{due_of(task)}", "{_name(thing)}:{due_of(task)}"),
    Bug("called-off-unasked", "nobody asks after a call whose step was called off", "domain/settling.py",
        "ends.due <= called_at and not is_called_off(account, ends)", "ends.due <= called_at"),
    Bug("purged-registered", "what is still to lapse does not hold up the purge", "effects/purge_data.py",
        "    if purging.is_still_registered(account, policy):", "    if False:"),
    Bug("dispute-unasked", "nobody asks a bank before a purge", "sweeping.py",
        "        hears_disputes=True,\n", ""),
    Bug("refund-not-looked-for", "a refund is made without looking whether it was", "effects/refund.py",
        "    return max(mine, key=lambda one: one.in_force, default=None)", "    return None"),
    Bug("top-up-per-event", "a top-up is booked per event, not per session", "domain/top_ups.py",
        "        cause=cause_of(paid.id),", '        cause=f"{cause_of(paid.id)}:{at.timestamp()}",'),
    Bug("role-unchecked", "members may remove numbers", "handlers/routes.py",
        '        whose="number", find=number, roles=ADMINS | SERVICE,',
        '        whose="number", find=number, roles=ANYBODY,'),
    Bug("parked-for-ever", "parked events are never tried again", "sweeping.py",
        "        reason = _still_unusable(world, event)\n", '        reason = "later"\n'),
    Bug("seats-stay", "seats are not emptied at the end", "domain/decide.py",
        '            after = seats.emptied(after, step.subject or "")', "            pass"),
    Bug("unpublished", "an event that could not be sent counts as sent", "ways.py",
        "                stopped_by = error\n                break\n", "                pass\n"),
)  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    bug: Bug
    seeds: int | None
    """How many worlds it took; None if none of them found it."""
    said: str


def main(arguments: Sequence[str] | None = None) -> int:
    top = argparse.ArgumentParser(prog="planted", description=__doc__)
    top.add_argument("--seeds", type=int, default=500, help="worlds at most, for each bug")
    top.add_argument("--only", action="append", help="only this bug; may be given several times")
    top.add_argument("--jobs", type=int, default=2)
    top.add_argument("--write", type=Path, help="write the table into this file, bug by bug")
    top.add_argument("--resume", action="store_true", help="keep what that file says was found")
    given = top.parse_args(arguments)
    chosen = [bug for bug in BUGS if given.only is None or bug.name in given.only]
    verdicts = found_before(given.write) if given.write and (given.resume or given.only) else {}
    if given.resume:
        chosen = [bug for bug in chosen if bug.name not in verdicts]
    with ThreadPoolExecutor(given.jobs) as pool:
        hunting = [pool.submit(hunt, bug, given.seeds) for bug in chosen]
        for done in as_completed(hunting):
            verdict = done.result()
            print(line(verdict), flush=True)
            verdicts[verdict.bug.name] = verdict
            if given.write:
                given.write.write_text(page(verdicts, given.seeds), encoding="utf-8")
    missed = [bug.name for bug in chosen if verdicts[bug.name].seeds is None]
    print(
        f"{len(chosen) - len(missed)} of {len(chosen)} found."
        + (f" Not: {missed}" if missed else "")
    )
    return 1 if missed else 0


def found_before(file: Path) -> dict[str, Verdict]:
    """By the table that an earlier run wrote."""
    bugs = {bug.name: bug for bug in BUGS}
    rows = (
        [cell.strip() for cell in line.strip("|\n").split(" | ")]
        for line in (file.read_text(encoding="utf-8").splitlines() if file.exists() else ())
        if line.startswith("| ")
    )
    return {
        name: Verdict(bugs[name], int(seeds), said)
        for name, _, _, seeds, said in rows
        if name in bugs and seeds.isdecimal()
    }


def hunt(bug: Bug, seeds: int) -> Verdict:
    with tempfile.TemporaryDirectory(prefix="planted-") as folder:
        copy = Path(folder)
        copy_to(copy)
        plant(copy, bug)
        ran = subprocess.run(
            [sys.executable, "-m", "tests.simulation.main", "--seeds", str(seeds), "--until-found"],
            cwd=copy, capture_output=True, text=True, check=False,
        )  # fmt: skip
    found = re.search(r"^Found after (\d+) worlds?: (.*)$", ran.stdout, re.MULTILINE)
    if found:
        return Verdict(bug, int(found[1]), sentence(found[2]))
    if ran.returncode != 0:
        raise RuntimeError(f"{bug.name}: the worlds could not be played:\n{ran.stderr[-2000:]}")
    return Verdict(bug, None, "")


def copy_to(copy: Path) -> None:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name)
        else:
            shutil.copy(source, copy / name)


def plant(copy: Path, bug: Bug) -> None:
    """Raises LookupError when the place is not there any more, or not the only one: then the list is out of date."""
    file = copy / "chalicelib" / bug.file
    text = file.read_text(encoding="utf-8")
    if text.count(bug.right) != 1:
        raise LookupError(
            f"{bug.name}: {bug.file} has it {text.count(bug.right)} times: {bug.right!r}"
        )
    file.write_text(text.replace(bug.right, bug.wrong), encoding="utf-8")


def line(verdict: Verdict) -> str:
    found = "NOT FOUND" if verdict.seeds is None else f"{verdict.seeds} worlds"
    return f"{verdict.bug.name:24} {found:12} {verdict.said[:100]}"


def page(verdicts: Mapping[str, Verdict], seeds: int) -> str:
    rows = [_row(bug, verdicts.get(bug.name)) for bug in BUGS]
    found = sum(v.seeds is not None for v in verdicts.values())
    return "\n".join([
        "# Proof", "",
        "Nobody should have to believe that no cent is doubled and no number released early. `make simulate` plays",
        "seeded worlds: the real app, rules, jobs and Stripe emulator, with customers, time and faults chosen by the",
        "seed, and checks the invariants after every act. Would it have caught the bug? Each of these was planted in a",
        "copy of the project, one at a time, and worlds were played until one of them did not hold.", "",
        "This page is written by the command that measures it:", "",
        "    .venv/bin/python -m tests.simulation.planted --write docs/proof.md", "",
        f"{found} of {len(BUGS)} were found, within {seeds} worlds each.", "",
        "| bug | what is wrong | where | worlds until found | what the world said |",
        "|---|---|---|---|---|", *rows, "",
    ])  # fmt: skip


def _row(bug: Bug, verdict: Verdict | None) -> str:
    told = (
        ("not measured yet", "")
        if verdict is None
        else (verdict.seeds or "not found", verdict.said)
    )
    return f"| {bug.name} | {bug.what} | `{bug.file}` | {told[0]} | {told[1]} |"


def sentence(said: str) -> str:
    """What the world said, without the line of code that said it, for people."""
    plain = re.sub(r"\s*\(\w+\.py:\d+\)$", "", said).removeprefix("AssertionError: ")
    return textwrap.shorten(plain, LONGEST, placeholder=" …").replace("|", "/")


if __name__ == "__main__":
    sys.exit(main())
