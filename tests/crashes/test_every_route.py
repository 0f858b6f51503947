"""Every route that writes, broken at every call it makes in every way, and asked again: it ends as if nothing had
happened. A new one that is not in the listing is named here.
"""

import importlib
from contextlib import suppress
from datetime import timedelta

import pytest

from chalicelib import wiring
from chalicelib.handlers import doors
from tests.crashes.again import CAME_THROUGH, every_fault_of, from_here
from tests.crashes.every_route import ELSEWHERE, REQUESTS
from tests.crashes.lives import ending, through, with_files_of_its_own
from tests.support.endings import differences
from tests.support.faults import Crash, Plan

ASKED_AGAIN = timedelta(minutes=11)
"""Longer than a claim of whoever died holds."""
CALM = timedelta(hours=1)


def test_every_door_that_writes_is_in_the_listing():
    opened = doors._doors()
    writing = {f"{method} {path}" for path, handles in opened.items() for method in handles}
    writing -= {one for one in writing if one.startswith("GET ")}

    assert {request.name for request in REQUESTS} == writing - ELSEWHERE.keys()
    assert len(REQUESTS) + len(ELSEWHERE) == len(writing)


@pytest.mark.parametrize(("module", "name"), ELSEWHERE.values())
def test_the_story_of_a_door_elsewhere_is_there(module, name):
    assert callable(getattr(importlib.import_module(module), name))


def broken(ask, ready, plan):
    """How it ends when the first try goes as planned; and which calls that made."""
    life = ready.life
    with_files_of_its_own(life)
    wiring.use(through(life, plan))
    first = None
    with suppress(Crash):
        first = ask().status
    wiring.use(life.world)
    life.move(life.now + ASKED_AGAIN)
    again = ask()
    life.move(life.now + CALM)
    return first, again.status, plan.calls, ending(life, ready.table)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.name)
def test_a_request_broken_anywhere_and_made_again_ends_as_if_nothing_had_happened(request_):
    ready = request_.ready()
    request_.before(ready)
    ask = request_.asked(ready)
    told = from_here(lambda plan: broken(ask, ready, plan))
    first, again, calls, right = told(Plan())
    assert first == request_.answers
    assert calls

    for plan, where in every_fault_of(calls):
        _, later, _, end = told(plan)
        # Whoever was never answered is answered as if it were the first time, or as whoever asks twice.
        assert later in (first, again, request_.or_under_way), (where, later)
        assert not differences(end, right), where
    assert told(Plan()) == (first, again, calls, right), CAME_THROUGH
