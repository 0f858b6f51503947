"""`lapse backfill`: adopts the customers and subscriptions of an existing Stripe account. Dry unless told to `--apply`.

Dry, it says what would become of every customer, and writes a map of the prices that no plan has. Applied, it goes on
where it was interrupted. The exit code is 0 only when everybody is here and nobody is left over; 1 when somebody is, or
when it was interrupted; 2 when it could not be begun.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, TextIO

from chalicelib import backfilling, importing
from chalicelib.backfilling import Mapped, Options, Run
from chalicelib.gateways.stripe import StripeRefused, StripeUnavailable
from chalicelib.importing import Bad, BadLine
from chalicelib.store.job_notes import Overtaken
from chalicelib.store.records import to_doc
from chalicelib.store.table import StoreError
from chalicelib.wiring import World
from infra.cli.desk import Groups, command, confirmed, patiently, say_json, say_table

IGNORE = "ignore"
WIDTH = 30
FIRST = 50


def add(groups: Groups) -> None:
    one = command(
        groups, "backfill", "adopt an existing Stripe account; with --apply, does it", _run
    )
    one.description = __doc__
    one.formatter_class = argparse.RawDescriptionHelpFormatter
    one.add_argument("--policy", metavar="NAME", help="what all of them were promised")
    one.add_argument(
        "--metadata-key",
        metavar="KEY",
        default="account_id",
        help="the customer's metadata that names its account (default: account_id)",
    )
    one.add_argument(
        "--accounts",
        metavar="FILE",
        help="CSV with stripe_customer_id,account_id and, if you like, policy, email, currency,"
        " time_zone, locale",
    )
    one.add_argument(
        "--prices",
        metavar="FILE",
        help="the map of prices: written by a dry run if it is not there, read if it is",
    )
    one.add_argument("--apply", action="store_true", help="do it, instead of saying it")
    one.add_argument(
        "--make-up-for-the-past",
        action="store_true",
        help="also carry out, at once, what was due before the adoption: releases, lapses, purges",
    )
    one.add_argument("--numbers", metavar="FILE", help="import numbers from a CSV instead")
    one.add_argument("--messages", metavar="FILE", help="import scheduled messages instead")
    one.add_argument(
        "--already-paid",
        action="store_true",
        help="the imported messages were paid in the other system: bring as much forward",
    )
    one.add_argument("--skip-bad", action="store_true", help="import the good lines of a CSV")
    confirmed(one)


def _run(world: World, given: argparse.Namespace) -> int:
    if given.numbers or given.messages:
        return _import(world, given)
    try:
        options = _options(world, given)
    except (Bad, OSError) as error:
        raise LookupError(str(error)) from error
    with patiently():
        return _adopt(world, given, options) if given.apply else _plan(world, given, options)


def _plan(world: World, given: argparse.Namespace, options: Options) -> int:
    made = backfilling.plan(world, options, Bar(None))
    wrote = _write_map(given.prices, made.prices) if made.prices else None
    if given.json:
        say_json({
            "applied": False,
            "status": "planned",
            "customers": made.customers,
            "subscriptions": dict(made.subscriptions),
            "outcomes": dict(made.outcomes),
            "unknown_prices": [
                {"price": price, "lookup_key": key, "subscriptions": n}
                for (price, key), n in made.prices.items()
            ],
            "left_over": [to_doc(one) for one in made.left_over],
        })  # fmt: skip
    else:
        print(f"{made.customers} customers, {made.subscriptions.total()} subscriptions")
        for what, n in sorted(made.outcomes.items()):
            print(f"  {n} {what}")
        if made.left_over:
            print()
            say_table(to_docs(made.left_over[:FIRST]), ("subject", "kind", "says"))
            if len(made.left_over) > FIRST:
                print(f"… and {len(made.left_over) - FIRST} more: --json names them all")
        print("\nnothing was done: --apply does it")
    if wrote:
        print(f"wrote {wrote}: fill it in, then give it again as --prices", file=sys.stderr)
    return 1 if made.left_over else 0


def _adopt(world: World, given: argparse.Namespace, options: Options) -> int:
    total = sum(1 for _ in backfilling.every_customer(world))
    problem: str | None = None
    try:
        backfilling.adopt_all(world, options, progress=Bar(total))
    except Overtaken:
        problem = "another backfill is running"
    except (StripeUnavailable, StripeRefused, StoreError) as error:
        problem = str(error)
    except KeyboardInterrupt:
        problem = "interrupted at the keyboard"
    run = backfilling.last_run(world)
    left = list(backfilling.left_over(world))
    said = _said(run, problem)
    if given.json:
        say_json({**said, "left_over": [to_doc(one) for one in left]})
    else:
        print(f"{said['status']}: {said['customers']} customers looked at")
        for what, n in sorted(said["counts"].items()):
            print(f"  {n} {what}")
        if left:
            say_table(to_docs(left[:FIRST]), ("subject", "kind", "says"))
        if problem:
            print(f"it stopped: {problem}. Run it again, and it goes on from there.")
    return 0 if said["status"] == "complete" else 1


def _said(run: Run | None, problem: str | None) -> dict[str, Any]:
    """Complete is said only of a run that came to its end with nobody left over."""
    interrupted = run is None or run.status == "running" or problem is not None
    return {
        "applied": True,
        "status": "interrupted" if interrupted or run is None else run.status,
        "customers": run.customers if run else 0,
        "counts": dict(run.counts) if run else {},
        "stopped_by": problem,
    }


def to_docs(found: Any) -> list[dict[str, Any]]:
    return [to_doc(one) for one in found]


# -- what is read


def _options(world: World, given: argparse.Namespace) -> Options:
    if given.policy is not None and given.policy not in world.policies.names():
        raise Bad(
            f"there is no policy {given.policy!r}: one of {', '.join(world.policies.names())}"
        )
    return Options(
        policy=given.policy,
        metadata_key=given.metadata_key,
        mapped=_accounts(given.accounts) if given.accounts else {},
        ignored_prices=_prices(world, given.prices),
        makes_up_for_the_past=given.make_up_for_the_past,
    )


def _accounts(path: str) -> Mapping[str, Mapped]:
    names = {one.name for one in fields(Mapped)}
    found: dict[str, Mapped] = {}
    with _readable(path), Path(path).open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        if not {"stripe_customer_id", "account_id"} <= set(rows.fieldnames or ()):
            raise Bad(f"{path}: the first line must name stripe_customer_id and account_id")
        wrong: list[str] = []
        for row in rows:
            customer = (row.get("stripe_customer_id") or "").strip()
            values = {n: v.strip() for n, v in row.items() if n in names and v and v.strip()}
            if not customer or "account_id" not in values:
                wrong.append(f"line {rows.line_num}: a customer or an account is missing")
            elif customer in found:
                wrong.append(f"line {rows.line_num}: {customer} stands there twice")
            else:
                found[customer] = Mapped(**values)
    if wrong:
        raise Bad(f"{path}: " + "; ".join(wrong))
    return found


@contextmanager
def _readable(path: str) -> Iterator[None]:
    """Whatever the readers of CSV and TOML trip over is the file's fault."""
    try:
        yield
    except (ValueError, csv.Error, RecursionError) as error:
        # Not text, no TOML, or a number beyond what Python reads: all of them are ValueErrors.
        raise Bad(f"{path}: cannot be read: {error}") from error


def _prices(world: World, path: str | None) -> frozenset[str]:
    """The prices that are to be left alone. One that is mapped to a plan must be known to its policy by now: events
    will bring it again, and nobody reads this file then."""
    if path is None or not Path(path).exists():
        return frozenset()
    with _readable(path):
        mapped = tomllib.loads(Path(path).read_text(encoding="utf-8")).get("prices", {})
    if not isinstance(mapped, dict):
        raise Bad(f"{path}: prices must be a table: [prices], and below it a line for each price")
    wrong: list[str] = []
    ignored: set[str] = set()
    for price, plan in mapped.items():
        policy, _, name = str(plan).partition(":")
        if plan == IGNORE:
            ignored.add(price)
        elif not plan:
            wrong.append(f"{price} is not filled in")
        elif policy not in world.policies.names() or name not in world.policies.get(policy).plans:
            wrong.append(f"{price}: there is no plan {plan!r} (POLICY:PLAN, or {IGNORE!r})")
        elif price not in world.policies.get(policy).plans[name].stripe_prices:
            wrong.append(f"{price}: add it to stripe_prices of [plans.{name}] in {policy}.toml")
    if wrong:
        raise Bad(f"{path}: " + "; ".join(wrong))
    return frozenset(ignored)


def _write_map(path: str | None, prices: Mapping[tuple[str, str | None], int]) -> str | None:
    """Never over what somebody has begun to fill in."""
    if path is None or Path(path).exists():
        return None
    lines = [
        "# Prices at Stripe that no plan of the policy has. Write POLICY:PLAN behind each, and add it to that plan's",
        f'# `stripe_prices` in the policy file; or write "{IGNORE}" where it is no plan of yours.',
        "[prices]",
    ]
    for (price, key), n in sorted(prices.items()):
        lines.append(f'"{price}" = ""  # {key or "no lookup key"}, {n} subscriptions')
    try:
        Path(path).write_text("\n".join(lines) + "\n", encoding="utf-8")
    except OSError as error:
        # What would become of everybody was worked out all the same, and is said.
        print(f"lapse: {path} cannot be written: {error.strerror}", file=sys.stderr)
        return None
    return path


# -- numbers and messages


def _import(world: World, given: argparse.Namespace) -> int:
    """0 when every line is in; 1 when one is not: then nothing is, unless told to skip it."""
    path, columns, one, key = (
        (given.numbers, importing.NUMBER_COLUMNS, importing.number, "number")
        if given.numbers
        else (given.messages, importing.MESSAGE_COLUMNS, importing.message, "id")
    )
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            sheet = _read(world, file, columns, one, key)
    except (Bad, OSError, UnicodeDecodeError) as error:
        raise LookupError(f"{path}: {error}") from error
    does = given.apply and (not sheet.bad or given.skip_bad)
    failed: list[BadLine] = []
    if does and given.numbers:
        failed = importing.put_numbers(world, sheet.good)
    elif does:
        failed = importing.schedule_messages(world, sheet.good, are_paid=given.already_paid)
    bad = sorted([*sheet.bad, *failed], key=lambda line: line.line)
    done = len(sheet.good) - len(failed) if does else 0
    if given.json:
        say_json({
            "applied": bool(does), "good": len(sheet.good), "imported": done,
            "bad": [{"line": line.line, "reason": line.reason} for line in bad],
        })  # fmt: skip
    else:
        for line in bad:
            print(f"line {line.line}: {line.reason}")
        print(f"{len(sheet.good)} good lines, {len(bad)} bad, {done} imported")
        if given.apply and not does:
            print("nothing was imported: mend the bad lines, or --skip-bad")
        elif not given.apply:
            print("nothing was imported: --apply does it")
    return 1 if bad else 0


def _read(
    world: World, file: TextIO, columns: tuple[str, ...], one: Callable[..., Any], key: str
) -> importing.Sheet:
    return importing.read(world, file, columns, one, key)


# -- how far it is


class Bar:
    """A line at the terminal that is written over; nothing where nobody watches."""

    def __init__(self, total: int | None) -> None:
        self._total = total

    def __call__(self, done: int) -> None:
        if not sys.stderr.isatty():
            return
        if not self._total:
            print(f"\r{done} customers", end="", file=sys.stderr, flush=True)
            return
        full = WIDTH * min(done, self._total) // self._total
        bar = "#" * full + "." * (WIDTH - full)
        end = "\n" if done >= self._total else ""
        print(f"\r[{bar}] {done}/{self._total} customers", end=end, file=sys.stderr, flush=True)
