"""What was put back is what it was: held against a copy of the process, part by part, and by leaks that are planted."""

import gc
import os
import pickle
import random
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from itertools import count
from unittest.mock import patch

import pytest

from chalicelib import wiring
from chalicelib.domain import steps
from chalicelib.store.table import Key, StoreError
from tests.crashes import rewinding
from tests.crashes.again import (
    CAME_THROUGH,
    OF_THE_PROCESS,
    at_each,
    broken_anywhere,
    every_fault_of,
    from_here,
)
from tests.crashes.every_route import REQUESTS
from tests.crashes.lives import through, with_files_of_its_own
from tests.crashes.meanwhile import Meanwhile
from tests.crashes.rewinding import CannotBePutBack, Memento
from tests.crashes.stories import STORIES
from tests.crashes.test_contracts import by_phone, calling
from tests.crashes.test_sweeps import prepared, recover
from tests.support.faults import Crash, Fault, Plan
from tests.support.invariants import rows_of
from tests.support.stage import Stage

# -- against the copy that a fork makes


def in_a_copy(do):
    """What `do` answers in a copy of this process: nothing that it does is seen here, whatever it is."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        gc.disable()
        try:
            os.close(read)
            with os.fdopen(write, "wb") as out:
                out.write(pickle.dumps(do()))
        finally:
            # What a test runner does at its end must not be done twice.
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as answer:
        raw = answer.read()
    os.waitpid(child, 0)
    return pickle.loads(raw)


def a_sweep(kind):
    stage, witness = prepared(STORIES[kind])

    def told(plan):
        with suppress(Crash, StoreError):
            STORIES[kind].sweep(stage.through(plan))
        recover(stage, witness)
        return (
            plan.calls,
            _noted(stage.carrier),
            list(rows_of(stage.table)),
            vars(stage.truth)["_things"],
        )

    return told


def something_meanwhile(kind):
    stage, witness = prepared(STORIES[kind])

    def told(plan):
        meanwhile = Meanwhile(min(plan.faults, default=None), stage.run_schedule)
        STORIES[kind].sweep(stage.through(meanwhile))
        recover(stage, witness)
        return meanwhile.calls, _noted(stage.carrier), list(rows_of(stage.table))

    return told


def a_request(name):
    (request,) = [one for one in REQUESTS if one.name == name]
    ready = request.ready()
    request.before(ready)
    ask = request.asked(ready)

    def told(plan):
        with_files_of_its_own(ready.life)
        wiring.use(through(ready.life, plan))
        first = None
        with by_the_same_chance():
            with suppress(Crash):
                first = ask()
            return first, *_afterwards(ready.life, plan)

    return told


def a_call():
    life, webinar = by_phone()

    def told(plan):
        with_files_of_its_own(life)
        with by_the_same_chance():
            with suppress(Crash):
                calling(life, webinar, through(life, plan))
            return _afterwards(life, plan)

    return told


@contextmanager
def by_the_same_chance():
    """Whatever is drawn by lot is drawn again."""
    with patch.object(os, "urandom", random.Random(5).randbytes):
        yield


def _afterwards(life, plan):
    wiring.use(life.world)
    life.move(life.now + timedelta(hours=1))
    table = life.watch._table
    files = {name: len(b"".join(life.files.read(name))) for name in life.files.names("")}
    things = life.emulator._world._objects
    return plan.calls, _noted(life.carrier), list(rows_of(table)), files, things


def _noted(carrier):
    return {book: list(notes.items()) for book, notes in carrier._notebook._notes.items()}


TOLD = {
    "a sweep": partial(a_sweep, steps.NUMBERS_RELEASED),
    "a purge": partial(a_sweep, steps.DATA_PURGED),
    "the schedule meanwhile": partial(something_meanwhile, steps.NUMBER_RECOVERED),
    "a cancellation": partial(a_request, "POST /v1/subscriptions/{id}/cancellation"),
    "an export": partial(a_request, "POST /v1/exports"),
    "a call": a_call,
}


@pytest.mark.parametrize("story", TOLD)
def test_a_story_told_here_is_to_the_letter_what_it_is_in_a_copy_of_the_process(story):
    told = TOLD[story]()
    clean = in_a_copy(lambda: told(Plan()))
    (calls,) = [
        part for part in clean if part and isinstance(part, list) and hasattr(part[0], "faults")
    ]
    plans = [plan for plan, _ in every_fault_of(calls)]
    faults = [dict(plan.faults) for plan in plans[:: len(plans) // 10 or 1]]
    right = [in_a_copy(lambda f=f: told(Plan(f))) for f in faults]
    # What it answers is of parts of the world: it is written down before they are put back.
    again = from_here(lambda plan: pickle.loads(pickle.dumps(told(plan))))

    for order in (range(len(faults)), random.Random(7).sample(range(len(faults)), len(faults))):
        assert again(Plan()) == clean
        for n in order:
            assert again(Plan(faults[n])) == right[n], faults[n]
    assert len(set(map(str, right))) > 3


def test_the_process_acts_in_the_world_again_in_which_it_did():
    stage = Stage()
    wiring.use(stage.world)
    before = [getattr(module, name) for module, name in OF_THE_PROCESS]

    @from_here
    def told():
        for module, name in OF_THE_PROCESS:
            setattr(module, name, object())
        raise Crash

    with pytest.raises(Crash):
        told()

    after = [getattr(module, name) for module, name in OF_THE_PROCESS]
    assert all(one is other for one, other in zip(before, after, strict=True))


# -- what comes through is noticed


@pytest.fixture
def left_behind():
    yield LEFT_BEHIND
    LEFT_BEHIND.clear()


def test_what_a_module_keeps_comes_through_and_is_noticed(left_behind):
    """It is of the process, and not put back: it shows as the story is told once more after the last fault."""
    stage, _ = prepared(STORIES[steps.ACCESS_ENDS])

    def told(plan):
        world = stage.through(plan)
        STORIES[steps.ACCESS_ENDS].sweep(world)
        for key in LEFT_BEHIND:
            world.table.get(key)
        LEFT_BEHIND.append(Key("A#acme", "account"))

    with pytest.raises(AssertionError, match=CAME_THROUGH):
        broken_anywhere(told, lambda where: None)

    assert len(left_behind) > 10


def test_what_a_module_keeps_of_one_moment_is_noticed_at_the_next(left_behind):
    def at(moment):
        LEFT_BEHIND.append(Key("A#acme", str(moment)))

    with pytest.raises(AssertionError, match=CAME_THROUGH):
        at_each(lambda: 1 + len(LEFT_BEHIND), at)


LEFT_BEHIND: list[Key] = []


def test_our_modules_keep_nothing_of_a_story_that_is_told():
    contents = {}
    for name, value in _in_modules().items():
        with suppress(CannotBePutBack):
            contents[name] = Memento(value)
    for story in TOLD.values():
        told = from_here(story())
        before = _in_modules()
        for faults in ({}, {0: Fault.CRASH_BEFORE}, {1: Fault.THROTTLED}):
            told(Plan(faults))
        after = _in_modules()
        assert not {name for name, value in before.items() if after[name] is not value}

    assert {name for name, content in contents.items() if content.changed()} <= MAY_CHANGE
    # What cannot be looked into is of a type or for one; or it goes on from where it is.
    going_on = {name for name, one in _in_modules().items() if isinstance(one, Generator | count)}
    assert going_on <= NEVER_ASKED


MAY_CHANGE = {
    # The request under way: it is set as one begins.
    "infra.local.gateway.OneRequestPerThread._mine",
    # Policies as they are shipped, each read when it is first asked for.
    "tests.support.stage.POLICIES",
}
NEVER_ASKED = {
    # Of browsers, which no story here opens.
    "tests.support.browser._numbers",
}


def test_whatever_our_modules_remember_follows_from_what_they_were_asked_alone():
    remembering = {
        f"{one.__module__}.{one.__qualname__}"
        for one in _in_modules().values()
        if type(one) is type(rewinding._slots) and one.__module__.startswith(OURS)
    }

    assert remembering <= REMEMBERING


REMEMBERING = {
    # By the class, the route, the country and year, the type of event, the text of the key, the second, or the names.
    "chalicelib.store.compact._stored",
    "infra.local.gateway._likely",
    "infra.local.gateway._parts_of",
    "infra.local.gateway._is_binary",
    "infra.local.stripe_emulator.emulator._date",
    "infra.local.stripe_emulator.versions._private",
    "chalicelib.gateways.calendars.public_holidays",
    "tests.support.event_schemas._reader",
    "infra.local.tokens._key",
    "tests.support.life._signed",
    "tests.crashes.rewinding._slots",
    # Files as they are shipped.
    "chalicelib.pages._assets",
    "chalicelib.pages._template",
    "chalicelib.pages.version",
    "chalicelib.handlers.openapi.published",
    "tests.support.life.policies",
    # Of the machine and the process: the authorities it trusts, a key for tokens, a folder in which every telling has its own.
    "chalicelib.gateways.http._tls",
    "tests.support.life.signing_key",
    "tests.support.life.scratch",
    # What is loaded, as it is packed.
    "chalicelib.precompiled._declared",
}


def _in_modules():
    """Whatever has a name in a module of ours that a story may use, or in a class there."""
    modules = [
        one
        for name, one in list(sys.modules.items())
        # What a test remembers of its stories is not theirs.
        if name.startswith(OURS) and not name.rpartition(".")[2].startswith("test_")
    ]
    classes = {
        one: f"{one.__module__}.{one.__qualname__}"
        for module in modules
        for one in vars(module).values()
        if isinstance(one, type) and one.__module__.startswith(OURS)
    }
    places = {**{one: one.__name__ for one in modules}, **classes}
    return {
        f"{called}.{name}": value
        for place, called in places.items()
        for name, value in list(vars(place).items())
        if not (name.startswith("__") and name.endswith("__"))
    }


OURS = ("app", "chalicelib", "infra.local", "tests.support", "tests.crashes")
