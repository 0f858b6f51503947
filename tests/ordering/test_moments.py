"""A stage that was taken back is as it was, to the last thing that could remember something; so what is told once from
every moment ends as if each order had been told from the beginning."""

import sys
from collections import deque
from collections.abc import Set
from datetime import datetime, timedelta
from itertools import permutations
from types import BuiltinFunctionType, FunctionType, MappingProxyType, MethodType, ModuleType

import pytest

from chalicelib.store.keys import account
from chalicelib.store.table import Delete, Put, Update
from tests.ordering.moments import Ways
from tests.ordering.test_six_events import NAMES, Life, settled, told
from tests.support.everything_at_stripe import Scene
from tests.support.invariants import Witness, check_all
from tests.support.logged import unlogged
from tests.support.stage import END
from tests.support.stripe_shapes import charge

NUMBER = "+14155550101"


@unlogged()
def test_what_is_told_once_ends_as_when_every_order_is_told_from_the_beginning():
    """One sixth of one life's orders, plainly: nothing is taken back, nothing is known from before."""
    ways = Life("unpaid")
    first, *others = reversed(NAMES["unpaid"])
    plainly, ends = 0, set()
    for rest in permutations(others):
        order = (first, *rest)
        scene, events = told("unpaid")
        there = ways.begins
        for heard in (*order, *reversed(order)):
            assert scene.deliver(events[heard])[0] == 200
            plainly += 1
            there = ways.hear(there, heard)
            assert there == Ways(scene).begins, order
        _, ending = ways.after(there, "ending", lambda: settled(ways.stage))
        assert ending == settled(scene), order
        ends.add(there)

    assert plainly == 120 * 12
    # Otherwise nothing was taken back here, or everything is taken for the same.
    assert ways.told < plainly / 2
    assert len(ends) > 1


# -- all that a moment holds


def left():
    """A scene on which everything was used: a number was given back, the process learnt, jobs remember their runs."""
    scene, witness = Scene(), Witness()
    scene.subscribe()
    scene.number(NUMBER)
    ways = Ways(scene, witness)

    def leave():
        scene.subscribe("sub_2", "cus_2")
        scene.cancel()
        scene.truth.advance("ch_9", [charge("ch_9")], 0)
        for at in (END, END + timedelta(days=13), END + timedelta(days=14)):
            scene.move(at)
            scene.run_schedule()
            check_all(scene.world, scene.table, scene.carrier, witness)
        scene.truth.lag = timedelta(seconds=1)
        scene.world.rests["bus"] = (at, at)

    return ways, leave


def test_everything_that_could_remember_something_is_as_it_was():
    ways, leave = left()
    # What the product's modules keep from here on (which class is stored how) they have learnt by then.
    leave()
    ways.take_back(ways.begins)
    before = everything(ways)

    leave()
    after = everything(ways)
    ways.take_back(ways.begins)

    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert everything(ways) == before
    # Or nothing would have had to be taken back.
    assert set(PARTS) <= changed


PARTS = (
    "stage.table._partitions.'A#acme'.rows.'account'.'version'",
    *("stage.table._indexes.'due'.groups", "stage._ids._next"),
    *("stage.carrier._clock.at", "stage.carrier._notebook._notes.'carrier numbers'.'+14155550101'"),
    *("stage.truth._things", "stage.truth._reached", "stage.truth._ids._next", "stage.truth.lag"),
    *("stage.world.customers", "stage.world.marks", "stage.world.rests"),
    *("stage.world.carriers._gate._read_at", "witness.owners", "witness.ended"),
)


def test_stripe_lists_things_in_the_same_order_again():
    ways, leave = left()
    before = list(ways.stage.truth._things)

    leave()
    ways.take_back(ways.begins)

    assert list(ways.stage.truth._things) == before


CHANGES = {
    "a row": lambda scene: scene.table.write(Put({"pk": "A#x", "sk": "y", "doc": {}})),
    "a row's version": lambda scene: scene.table.write(Update(account("acme"), {"version": 99})),
    "a row less": lambda scene: scene.table.write(Delete(account("bravo"))),
    "the time": lambda scene: scene.move(END),
    "a thing at Stripe": lambda scene: scene.truth.change("sub_1", status="past_due"),
    "how far a thing has come": lambda scene: scene.truth.advance("ch_1", [charge()], 0),
    "how far its clock lags": lambda scene: setattr(scene.truth, "lag", timedelta(seconds=1)),
    "an id": lambda scene: scene.world.new_id(),
    "an id at Stripe": lambda scene: scene.truth.event("x", {}),
    "a number": lambda scene: scene.carrier.rent_number("+14155550102", "PN1"),
    "a customer it met": lambda scene: scene.world.customers.update(cus_7="acme"),
    "when it did something": lambda scene: scene.world.marks.update(x=scene.now),
    "who is left alone": lambda scene: scene.world.rests.update(x=(scene.now, scene.now)),
    "the kill switch": lambda scene: scene.world.gate.is_killed(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_one_thing_that_differs_makes_another_moment(change):
    ways, _ = left()

    change(ways.stage)
    changed = ways.now()
    ways.take_back(ways.begins)

    assert changed != ways.begins
    assert ways.now() == ways.begins
    ways.take_back(changed)
    assert ways.now() == changed


SEEN = ({"owners": {"cus_1": "x"}}, {"ended": {"x": END}}, {"fees": {"x"}}, {"books": {"x": 1}})


@pytest.mark.parametrize("seen", SEEN, ids=str)
def test_what_the_witness_saw_makes_another_moment(seen):
    ways, _ = left()

    vars(ways.witness).update(seen)
    changed = ways.now()
    ways.take_back(ways.begins)

    assert changed != ways.begins
    assert ways.witness == Witness()


# -- what follows a moment


def test_what_happened_once_at_a_moment_is_not_told_again_there_and_is_told_elsewhere():
    ways, _ = left()
    happened = []

    def wait():
        happened.append(ways.stage.now)
        ways.stage.move(ways.stage.now + timedelta(days=1))
        return len(happened)

    later, first = ways.after(ways.begins, "wait", wait)
    assert ways.after(ways.begins, "wait", wait) == (later, first)
    latest, second = ways.after(later, "wait", wait)

    assert (first, second) == (1, 2)
    assert happened == [ways.begins.clock, later.clock]
    assert latest.clock - later.clock == timedelta(days=1)


def test_what_breaks_off_is_not_where_the_next_begins():
    ways, _ = left()

    def break_off():
        ways.stage.move(END)
        raise ValueError

    with pytest.raises(ValueError):
        ways.after(ways.begins, "break off", break_off)
    _, at = ways.after(ways.begins, "look", lambda: ways.stage.now)

    assert at == ways.begins.clock


# -- looking through all there is


def everything(ways):
    """Whatever can be reached from the stage, the witness and the product's modules: where it is → what it is."""
    found = {}
    _look(ways.stage, "stage", found, set())
    _look(ways.witness, "witness", found, set())
    for name, module in sorted(sys.modules.items()):
        if name.startswith("chalicelib"):
            for inner, value in vars(module).items():
                if isinstance(value, dict | list | set | deque) and not inner.startswith("__"):
                    _look(value, f"{name}.{inner}", found, set())
    return {where: what for where, what in found.items() if where != "stage.truth.asked"}


def _look(thing, where, found, seen):
    if isinstance(thing, type | ModuleType | BuiltinFunctionType):
        found[where] = thing.__name__
    elif isinstance(thing, str | bytes | int | float | datetime | timedelta | Set | None):
        found[where] = sorted(map(repr, thing)) if isinstance(thing, Set) else repr(thing)
    elif id(thing) not in seen:
        seen.add(id(thing))
        inner = dict(_within(thing))
        found[where] = f"{type(thing).__name__} of {len(inner)}"
        for name, one in inner.items():
            _look(one, f"{where}.{name}", found, seen)


def _within(thing):
    """Name and value of each part, in an order that does not depend on how they came there."""
    if isinstance(thing, FunctionType):
        cells = zip(thing.__code__.co_freevars, thing.__closure__ or (), strict=True)
        held = [(name, cell.cell_contents) for name, cell in cells]
        return [("given", thing.__defaults__), *held]
    if isinstance(thing, MethodType):
        return [("self", thing.__self__)]
    if isinstance(thing, dict | MappingProxyType):
        return [(repr(name), thing[name]) for name in sorted(thing, key=repr)]
    if isinstance(thing, list | tuple | deque):
        return enumerate(thing)
    held = {name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())}
    held |= getattr(thing, "__dict__", {}).keys()
    # Not by `getattr`, which a gate answers.
    return [(name, _own(thing, name)) for name in sorted(held)]


def _own(thing, name):
    try:
        return object.__getattribute__(thing, name)
    except AttributeError:
        return "not yet"
