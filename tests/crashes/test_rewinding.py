"""Whatever can change is put back, of every kind there is; and what cannot be is refused."""

import random
from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import dataclass
from functools import partial
from itertools import count
from types import MappingProxyType

import pytest

from tests.crashes.rewinding import CannotBePutBack, Memento


@dataclass(frozen=True, slots=True)
class Frozen:
    inside: dict[str, int]


class Slotted:
    __slots__ = ("__hidden", "late")

    def __init__(self):
        self.__hidden = 1

    def change(self):
        self.__hidden, self.late = 2, 3


class Thing:
    def __init__(self, **members):
        vars(self).update(members)


class Noted(dict):
    def __init__(self, **members):
        super().__init__(**members)
        self.note = "old"


def counted():
    at = 0

    def go_on():
        nonlocal at
        at += 1
        return at

    return go_on


def shown():
    of = {}
    return of, MappingProxyType(of)


KINDS = {
    "dict": (lambda: {"a": 1, "b": 2}, lambda it: (it.pop("a"), it.update(c=3, a=1)), lambda it: list(it.items())),
    "dict in another order": (
        lambda: {"a": 1, "b": 2}, lambda it: it.update(a=it.pop("a")), lambda it: list(it.items()),
    ),
    "counter": (lambda: Counter("aab"), lambda it: it.update("ac"), dict),
    "ordered": (lambda: OrderedDict(a=1, b=2), lambda it: it.move_to_end("a"), lambda it: list(it.items())),
    "with a default": (lambda: defaultdict(list), lambda it: it["a"].append(1), dict),
    "dict with members": (lambda: Noted(a=1), lambda it: setattr(it, "note", it.pop("a")), lambda it: (dict(it), vars(it))),
    "list": (lambda: [1, [2]], lambda it: (it.append(3), it[1].clear()), str),
    "set": (lambda: {1, 2}, lambda it: it.symmetric_difference_update({1, 3}), sorted),
    "deque": (lambda: deque([1, 2], maxlen=2), lambda it: it.append(3), list),
    "in a tuple": (lambda: ({1: [1]}, frozenset()), lambda it: it[0][1].append(2), str),
    "by a key": (lambda: {Thing(a=1): 1}, lambda it: setattr(next(iter(it)), "a", 2), lambda it: next(iter(it)).a),
    "object": (lambda: Thing(a=1), lambda it: it.__dict__.update(b=it.__dict__.pop("a")), lambda it: dict(vars(it))),
    "frozen": (lambda: Frozen({"a": 1}), lambda it: object.__setattr__(it, "inside", {}), str),
    "slots": (Slotted, lambda it: it.change(), lambda it: (it._Slotted__hidden, hasattr(it, "late"))),
    "closure": (counted, lambda it: it(), lambda it: it.__closure__[0].cell_contents),
    "default": (lambda: lambda at=[]: at, lambda it: it().append(1), lambda it: str(it())),
    "method": (lambda: [].append, lambda it: it(1), lambda it: str(it.__self__)),
    "partial": (lambda: partial(setattr, Thing(a=1), "a"), lambda it: it(2), lambda it: it.args[0].a),
    "proxy": (shown, lambda it: it[0].update(a=1), lambda it: dict(it[1])),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_put_back_in_place_as_often_as_it_is_changed(kind):
    make, change, look = KINDS[kind]
    it = make()
    first = look(it)
    memento = Memento(Thing(it=it))
    assert not memento.changed()

    for _ in range(3):
        change(it)
        assert look(it) != first
        assert memento.changed()

        memento.put_back()

        assert look(it) == first
        assert not memento.changed()


def test_what_took_the_place_of_another_and_is_like_it_does_not_stay():
    inner = [1]
    world = {"inner": inner, "elsewhere": inner}
    memento = Memento(world)

    inner.append(2)
    world["inner"] = [1, 2]
    memento.put_back()
    world["elsewhere"].append(3)

    assert world["inner"] is inner


@pytest.mark.parametrize(
    "one",
    [
        iter([1]),
        count(),
        (n for n in ""),
        random.Random(3),
        ValueError([]),
        map(str, []),
        memoryview(b""),
    ],
    ids=lambda one: type(one).__name__,
)
def test_what_cannot_be_put_back_is_refused_by_its_name(one):
    with pytest.raises(CannotBePutBack, match=rf"^Thing.*\['deep'\].*: .*{type(one).__name__}$"):
        Memento(Thing(deep={"er": one}))
