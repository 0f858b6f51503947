"""`make demo`: the real local stack, and some customers who live on it for more than a year, in seconds.

It exits with 0 only if everything that was promised happened exactly once, at its second, and nothing else did. It
speaks to the product as outsiders do, through its public routes and the local controls; it knows no rule but
those its stories quote from the companies' documents.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from time import monotonic
from types import FrameType
from typing import TextIO

from infra.local.demo.api import Api, Unexpected
from infra.local.demo.play import Lived, play
from infra.local.demo.printing import Screen
from infra.local.demo.stories import START, Story, stories
from infra.local.options import Options
from infra.local.stack import Stack

INTERRUPTED = 130


def main(wanted: Sequence[Story] | None = None, out: TextIO | None = None) -> int:
    """Raises CannotStart with a sentence."""
    began = monotonic()
    screen = Screen(out or sys.stdout)
    told = wanted if wanted is not None else stories()
    stop_at_once_when_told()
    try:
        lives = _play(told, screen)
    except KeyboardInterrupt:
        screen.say("Stopped before it was over.")
        return INTERRUPTED
    except Unexpected as error:
        # Not one story's trouble: the stack itself does not do what all of them need.
        screen.say(f"The demo could not go on. {error}")
        return 1
    screen.legend()
    for life in lives:
        screen.account(life)
    screen.closing(lives, monotonic() - began)
    return 1 if any(life.findings() for life in lives) else 0


def _play(told: Sequence[Story], screen: Screen) -> list[Lived]:
    screen.say(f"Playing {len(told)} li{'fe' if len(told) == 1 else 'ves'} on a stack of its own …")
    # A free port, nothing kept, its own first instant: it gets in nobody's way, and each run is the same.
    stack = Stack(Options(port=0, start=START)).start()
    try:
        return play(Api(stack.url), told, screen.progress)
    finally:
        stack.stop()


def stop_at_once_when_told() -> None:
    """Nobody waits for a demo: Ctrl-C stops it in the middle, and the stack with it."""

    def told(_signal: int, _frame: FrameType | None) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # The stack is stopping now; a second Ctrl-C must not leave half of it behind.
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, told)
