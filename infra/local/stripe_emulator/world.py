"""What the emulated account holds: objects, ids, the moment it is, and what is due when.

The only place that stores. It knows no resource: which fields mean "due" is told to it by
`due.py`. Objects are plain dictionaries in the newest API shape; members starting with an
underscore are ours and never leave the emulator. A nested value is replaced, never changed in
place, so a shallow copy of an object is a faithful picture of how it was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from .errors import missing
from .state import StateFile
from .timers import Timers

Json = dict[str, Any]
DueAt = Callable[[Json], int | None]

_ALPHABET = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LETTERS = bytes(_ALPHABET[byte % len(_ALPHABET)] for byte in range(256))

# Members by which objects are looked up often enough that walking all of them would be felt.
_INDEXED: dict[str, tuple[str, ...]] = {
    "subscription": ("customer",),
    "invoice": ("customer", "_subscription"),
    "charge": ("customer", "payment_intent", "_invoice"),
    "payment_intent": ("customer",),
    "payment_method": ("customer",),
    "invoice_payment": ("invoice",),
    "refund": ("charge", "payment_intent"),
    "dispute": ("charge", "payment_intent"),
    "price": ("lookup_key", "product"),
    "checkout.session": ("customer", "subscription"),
    "_delivery": ("event",),
}


class World:
    """The emulator's memory. Every change goes through `add`, `change` and `remove`."""

    def __init__(
        self,
        *,
        start: int,
        base_url: str,
        due: dict[str, tuple[int, DueAt]],
        state: StateFile | None,
    ) -> None:
        self.base_url = base_url
        self.request: Json = {"id": None, "idempotency_key": None}
        self.timers = Timers()
        self.post = Timers()
        self._objects: dict[str, dict[str, Json]] = {}
        self._index: dict[tuple[str, str, Any], dict[str, None]] = {}
        self._due = due
        self._state = state
        self._undo: list[Callable[[], None]] | None = []
        self._changed: dict[tuple[str, str], None] = {}
        self._removed: dict[tuple[str, str], None] = {}
        for kind, identity, body in state.read() if state else ():
            self._hold(kind, identity, body)
        if self.find("_meta", "meta") is None:
            # The start is part of every id, so that two stacks started apart never share one.
            self.add({"object": "_meta", "id": "meta", "count": 0, "start": start, "at": start})
        self._meta = self.get("_meta", "meta")
        # Not the start: what came due while nobody ran us still happens at its own moment.
        self.at: int = self._meta["at"]

    def new_id(self, prefix: str, length: int = 24) -> str:
        self._meta["count"] += 1
        self._changed[("_meta", "meta")] = None
        text = f"{self._meta['start']}/{prefix}/{self._meta['count']}"
        letters = hashlib.blake2b(text.encode(), digest_size=length).digest().translate(_LETTERS)
        return f"{prefix}_{letters.decode()}"

    def add(self, thing: Json) -> Json:
        kind, identity = thing["object"], thing["id"]
        self._hold(kind, identity, thing)
        self._changed[(kind, identity)] = None
        self._removed.pop((kind, identity), None)
        self._remember(lambda: self.remove(thing))
        return thing

    def change(self, thing: Json, **values: Any) -> Json:
        """Replaces members and returns what those that really changed were before."""
        before = {
            name: thing.get(name)
            for name, value in values.items()
            if name not in thing or thing[name] != value
        }
        if before:
            self._remember_members(thing, before)
            # The old value is still in place here, which is how its index entry is found.
            self._unindex(thing, before)
            thing.update(values)
            self._hold(thing["object"], thing["id"], thing)
            self._changed[(thing["object"], thing["id"])] = None
        return before

    def touch(self, thing: Json) -> None:
        """Sets the thing's timer again after it was taken off."""
        self._hold(thing["object"], thing["id"], thing)

    def remove(self, thing: Json) -> None:
        key = (thing["object"], thing["id"])
        self._unindex(thing, thing)
        del self._objects[key[0]][key[1]]
        self.timers.set(key, None)
        self.post.set(key, None)
        self._changed.pop(key, None)
        self._removed[key] = None
        self._remember(lambda: self._put_back(thing))

    def get(self, kind: str, identity: str, param: str = "id", status: int = 404) -> Json:
        thing = self._objects.get(kind, {}).get(identity)
        if thing is None:
            raise missing(kind, identity, param, status)
        return thing

    def find(self, kind: str, identity: str | None) -> Json | None:
        return self._objects.get(kind, {}).get(identity) if identity else None

    def anything(self, identity: str) -> Json | None:
        """The object with this id, of whatever kind: what `expand` follows."""
        for kind, things in self._objects.items():
            if not kind.startswith("_") and identity in things:
                return things[identity]
        return None

    def all(self, kind: str) -> Iterator[Json]:
        """Oldest first. The answer is a copy: the caller may change what it walks over."""
        return iter(list(self._objects.get(kind, {}).values()))

    def newest(self, kind: str) -> Iterator[Json]:
        return reversed(self._objects.get(kind, {}).values())

    def where(self, kind: str, member: str, value: Any) -> list[Json]:
        """Oldest first, by an indexed member."""
        things = self._objects.get(kind, {})
        return [things[identity] for identity in self._index.get((kind, member, value), ())]

    def kinds(self) -> list[str]:
        return list(self._objects)

    def rollback(self) -> None:
        """Takes back everything since the last commit: a refused call leaves nothing behind."""
        undo, self._undo = self._undo or [], None
        for step in reversed(undo):
            step()
        self._undo = []

    def commit(self) -> None:
        """Writes what changed since the last commit, in one transaction."""
        if self._state and (self._changed or self._removed):
            self._meta["at"] = self.at
            self._changed[("_meta", "meta")] = None
            changed = [(kind, name, self._objects[kind][name]) for kind, name in self._changed]
            self._state.write(changed, list(self._removed))
        self._changed.clear()
        self._removed.clear()
        self._undo = []

    def copy(self, kind: str) -> dict[str, Json]:
        return {
            identity: msgspec.json.decode(msgspec.json.encode(thing))
            for identity, thing in self._objects.get(kind, {}).items()
        }

    def _put_back(self, thing: Json) -> None:
        self.add(thing)

    def _remember(self, step: Callable[[], None]) -> None:
        if self._undo is not None:
            self._undo.append(step)

    def _remember_members(self, thing: Json, before: Json) -> None:
        added = [name for name in before if name not in thing]

        def undo() -> None:
            self._unindex(thing, before)
            thing.update(before)
            for name in added:
                del thing[name]
            self._hold(thing["object"], thing["id"], thing)
            self._changed[(thing["object"], thing["id"])] = None

        self._remember(undo)

    def _hold(self, kind: str, identity: str, thing: Json) -> None:
        self._objects.setdefault(kind, {})[identity] = thing
        for member in _INDEXED.get(kind, ()):
            value = thing.get(member)
            if value is not None:
                self._index.setdefault((kind, member, value), {})[identity] = None
        if kind in self._due:
            rank, due_at = self._due[kind]
            timers = self.post if kind == "_delivery" else self.timers
            timers.set((kind, identity), due_at(thing), rank)

    def _unindex(self, thing: Json, members: Json) -> None:
        for member in _INDEXED.get(thing["object"], ()):
            if member in members and thing.get(member) is not None:
                ids = self._index.get((thing["object"], member, thing[member]), {})
                ids.pop(thing["id"], None)
