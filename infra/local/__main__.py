"""`python -m infra.local run`: starts the local stack, says where everything is, and stops it when asked."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from threading import Event, Thread
from types import FrameType

from infra.local.endpoints import CannotStart
from infra.local.options import Options, from_environment


def main(arguments: Sequence[str] | None = None) -> int:
    asked = parser().parse_args(arguments)
    stop = Event()
    stop_when_told(stop)
    if asked.end_with_parent:
        stop_when_orphaned(stop)
    try:
        return run(from_environment(os.environ), stop)
    except CannotStart as error:
        print(error, file=sys.stderr)
        return 1


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m infra.local", description=__doc__)
    top.add_argument("what", choices=("run",))
    top.add_argument(
        "--end-with-parent",
        action="store_true",
        help="stop cleanly when the process that started this one is gone (make, when killed)",
    )
    return top


def run(options: Options, stop: Event) -> int:
    from infra.local.banner import banner
    from infra.local.stack import Stack

    print("Starting …", flush=True)
    stack = Stack(options).start()
    try:
        print(banner(stack, options), flush=True)
        stop.wait()
        print("\nStopping …", flush=True)
    finally:
        stack.stop()
    return 0


def stop_when_told(stop: Event) -> None:
    """Ctrl-C and a polite kill both end it cleanly; a second one does not interrupt the saving."""

    told_before: list[int] = []

    def told(number: int, _frame: FrameType | None) -> None:
        # A polite kill of the whole group comes twice, from the killer and from make. Event.set is not re-entrant:
        # the second signal, arriving inside the first one's set, would wait for ever for a lock we hold ourselves.
        if not told_before:
            told_before.append(number)
            stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, told)


def stop_when_orphaned(stop: Event) -> None:
    parent = os.getppid()

    def watch() -> None:
        while not stop.wait(0.2):
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGTERM)
                return

    Thread(target=watch, name="parent", daemon=True).start()


if __name__ == "__main__":
    raise SystemExit(main())
