"""`lapse-sim`: plays seeded worlds and says what did not hold, with the shortest history and the command that replays it.

lapse-sim --seeds 300          worlds 0 to 299, on every core
lapse-sim --seed 12            one world, exactly as it always is; what happened is printed
lapse-sim --seed 12 --keep 0,4,9   only these acts of it
lapse-sim --seed 12 --store ministack   the same on a real part, and what comes out otherwise than in memory
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext

from tests.simulation.plan import Plan, plan
from tests.simulation.play import Played, Violation, play, shortest
from tests.support.logged import unlogged

AT_ONCE = 10
"""Worlds that one process plays before it says how they went."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.seed is None and (given.keep or given.store != "memory"):
        parser.error("--keep and --store are for one world: say which with --seed")
    # Whoever called this may go on, and log.
    with nullcontext() if given.log else unlogged():
        return _played(given)


def _played(given: argparse.Namespace) -> int:
    if given.seed is not None:
        return _one(given.seed, given.keep, given.store)
    if given.until_found:
        return _until_found(range(given.start, given.start + given.seeds))
    return _many(range(given.start, given.start + given.seeds), given.jobs)


def _parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="lapse-sim",
        description="Plays worlds in which everything may go wrong, and checks what must hold all the same.",
    )
    top.add_argument("--seeds", type=_count, default=100, help="how many worlds (default 100)")
    top.add_argument("--start", type=int, default=0, help="the first of them (default 0)")
    top.add_argument("--seed", type=int, help="replay this one world and print what happened")
    top.add_argument("--keep", type=_numbers, help="only these acts of it, such as 0,4,9")
    top.add_argument(
        "--store", choices=("memory", "moto", "ministack"), default="memory",
        help="with --seed: what it stands on (default memory); on the others it is also played in memory and compared",
    )  # fmt: skip
    top.add_argument("--jobs", type=_count, default=os.cpu_count() or 1, help="processes")
    top.add_argument("--until-found", action="store_true", help="stop at the first, one process")
    top.add_argument("--log", action="store_true", help="show what the app logs as well")
    return top


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("a whole number of at least 1")
    return number


def _numbers(text: str) -> set[int]:
    return {int(part) for part in text.split(",") if part}


def _one(seed: int, keep: set[int] | None, store: str) -> int:
    # Costs a second, which worlds in memory need not pay.
    from tests.simulation.parts import STORES, differences, without_what_it_cannot

    chosen = plan(seed) if keep is None else plan(seed).only(keep)
    chosen, lacks = without_what_it_cannot(chosen, store)
    with STORES[store]() as table:
        played = play(chosen, table)
        otherwise = differences(chosen, played, table) if store != "memory" else []
    print("\n".join(played.trail))
    where = "" if store == "memory" else f" on {store}"
    print("".join(f"\nPlayed {why}." for why in lacks))
    for one in otherwise:
        print(f"Otherwise than in memory: {one}")
    if played.violation is not None:
        print(f"Seed {seed}{where}: {played.violation.said}")
    elif not otherwise:
        held = (
            "everything held" if store == "memory" else "everything held, row by row as in memory"
        )
        print(f"Seed {seed}{where}: {held} ({played.acts} acts, {played.faults} faults).")
    return 1 if played.violation or otherwise else 0


def _until_found(seeds: range) -> int:
    for n, seed in enumerate(seeds, 1):
        violation = play(plan(seed)).violation
        if violation is not None:
            print(f"Found after {n} worlds: {' '.join(violation.said.split())}")
            return 1
    print(f"Not found in {len(seeds)} worlds.")
    return 0


def _many(seeds: range, jobs: int) -> int:
    began, years, faults, found, done = time.monotonic(), 0.0, 0, 0, 0
    kinds: set[str] = set()
    for seed, played in _all_played(seeds, jobs):
        years, faults, done = years + played.account_years, faults + played.faults, done + 1
        if played.violation is not None:
            found += 1
            kind = played.violation.kind
            if kind in kinds:
                print(f"Seed {seed} does not hold either: {played.violation.said}", flush=True)
            else:
                kinds.add(kind)
                print(f"Seed {seed} does not hold. Looking for its shortest history …", flush=True)
                _tell(seed, shortest(played.violation))
        _progress(done, len(seeds))
    took = time.monotonic() - began
    print(
        f"{len(seeds)} worlds, {years:.0f} account-years, {faults} faults in {took:.0f} s"
        f" ({years / took:.0f} account-years a second): "
        + (f"{found} did not hold." if found else "everything held.")
    )
    return 1 if found else 0


def _progress(done: int, of: int) -> None:
    if sys.stderr.isatty():
        print(
            f"\r{done} of {of} worlds", end="" if done < of else "\n", file=sys.stderr, flush=True
        )


def _all_played(seeds: range, jobs: int) -> Iterator[tuple[int, Played]]:
    if jobs == 1:
        gc.freeze()
        yield from ((seed, play(plan(seed))) for seed in seeds)
        return
    pieces = [seeds[n : n + AT_ONCE] for n in range(0, len(seeds), AT_ONCE)]
    # A fresh interpreter each, so that no world inherits what another process had begun.
    with ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn")) as pool:
        for played in pool.map(_piece, pieces):
            yield from played


def _piece(seeds: Sequence[int]) -> list[tuple[int, Played]]:
    # What was imported stays; looking for garbage in it again and again is half of what garbage costs here.
    gc.freeze()
    with unlogged():
        return [(seed, play(plan(seed))) for seed in seeds]


def _tell(seed: int, short: Violation) -> None:
    print(f"\nSeed {seed}: {short.said}")
    print("The shortest history in which it does not:")
    print("\n".join(f"  {line}" for line in short.trail))
    print(f"Replay it: {replay(seed, short.plan)}\n", flush=True)


def replay(seed: int, short: Plan) -> str:
    kept = ",".join(str(act.n) for act in short.acts)
    return f"lapse-sim --seed {seed} --keep {kept}"


if __name__ == "__main__":
    sys.exit(main())
