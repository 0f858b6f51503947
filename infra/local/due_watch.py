"""Knows what is due next without asking the table: a Table that takes note of every due date written.

The index stays the truth, and every sweep reads only that. The notes say when a sweep is worth running, so that
two years pass in seconds. What was written since the clock last stood still is read again when it begins to move;
while it moves nobody else writes, so the notes cannot fall behind.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from threading import Lock

from chalicelib.store.table import (
    Action,
    Check,
    Delete,
    DuePage,
    Key,
    Page,
    Put,
    Row,
    Table,
    Unavailable,
    Update,
)

END_OF_TIME = "9999-12-31T23:59:59Z"
LAST = chr(0x10FFFF)
"""Sorts behind every due_kind."""

Entry = tuple[str, str, str, str]
"""due_at, due_kind, pk, sk."""
Place = tuple[str, str]
"""pk, sk: a Key, as it is looked up several times for every row that is written."""


class DueWatch:
    """A Table in front of another. Its notes may name a step that is gone, never miss one that is there."""

    def __init__(self, table: Table, due_kinds: Iterable[str], shards: int) -> None:
        self._table = table
        self._groups = [f"{kind}#{shard}" for kind in due_kinds for shard in range(shards)]
        self._lock = Lock()
        self._noted: dict[Place, tuple[str, str]] = {}
        self._sorted: list[Entry] = []
        self._filled = False
        self._in_doubt: set[Place] = set()
        """What requests wrote since: two at once may have been noted in the other order."""
        self._answer_lost: set[Place] = set()

    # -- what is due

    def catch_up(self) -> None:
        """Looks up what may be noted wrong. The first time that is the whole index."""
        if not self._filled:
            self.refill()
        with self._lock:
            doubtful, self._in_doubt, self._answer_lost = self._in_doubt, set(), set()
        keys = [Key(*place) for place in doubtful]
        found = self._table.get_many(keys)
        for key in keys:
            row = found.get(key, {})
            self._note((key.pk, key.sk), row.get("due_kind"), row.get("due_at"))

    def trust(self) -> None:
        """Says that everything written since `catch_up` was written by one thread, one thing after another."""
        with self._lock:
            self._in_doubt = set(self._answer_lost)

    def refill(self) -> None:
        """Reads the whole index anew. It costs a query for every kind and shard."""
        with self._lock:
            self._noted, self._sorted = {}, []
            self._in_doubt, self._answer_lost = set(), set()
        for group in self._groups:
            after: str | None = None
            while True:
                page = self._table.due(group, END_OF_TIME, limit=1000, after=after)
                for due in page.due:
                    self._note((due.key.pk, due.key.sk), group, due.due_at)
                if (after := page.after) is None:
                    break
        self._filled = True

    def next_after(self, moment: str) -> str | None:
        """The first due date later than this one."""
        with self._lock:
            place = bisect_right(self._sorted, (moment, LAST, LAST, LAST))
            return self._sorted[place][0] if place < len(self._sorted) else None

    def kinds_until(self, moment: str) -> set[str]:
        """The kinds of which something is due by now."""
        return {due_kind.rpartition("#")[0] for _, due_kind, _, _ in self.until(moment)}

    def until(self, moment: str) -> list[Entry]:
        """What is due by now."""
        with self._lock:
            return self._sorted[: bisect_right(self._sorted, (moment, LAST, LAST, LAST))]

    def keys_until(self, moment: str) -> list[Key]:
        return [Key(pk, sk) for _, _, pk, sk in self.until(moment)]

    # -- taking note

    def _learn(self, action: Action) -> None:
        if isinstance(action, Put):
            row = action.row
            self._note((row["pk"], row["sk"]), row.get("due_kind"), row.get("due_at"))
        elif isinstance(action, Update):
            place, changes = _place(action), action.set
            kind, at = self._noted.get(place, (None, None))
            self._note(place, changes.get("due_kind", kind), changes.get("due_at", at))
        elif isinstance(action, Delete):
            self._note(_place(action), None, None)

    def _suspect(self, action: Action) -> None:
        """The answer was lost: what would be due if it was carried out is noted, nothing is crossed out."""
        if isinstance(action, Check):
            return
        with self._lock:
            self._answer_lost.add(_place(action))
        values = action.row if isinstance(action, Put) else getattr(action, "set", {})
        if values.get("due_at") is not None:
            self._learn(action)

    def _doubt(self, actions: Sequence[Action]) -> None:
        with self._lock:
            for action in actions:
                if isinstance(action, Check):
                    continue
                place = _place(action)
                if place in self._noted or _touches_index(action):
                    self._in_doubt.add(place)

    def _note(self, place: Place, due_kind: str | None, due_at: str | None) -> None:
        wanted = None if due_kind is None or due_at is None else (due_kind, due_at)
        with self._lock:
            known = self._noted.get(place)
            if known == wanted:
                return
            if known is not None:
                kind, at = self._noted.pop(place)
                del self._sorted[bisect_left(self._sorted, (at, kind, *place))]
            if wanted is not None:
                kind, at = self._noted[place] = wanted
                insort(self._sorted, (at, kind, *place))

    # -- the table, as it is

    def get(self, key: Key) -> Row | None:
        return self._table.get(key)

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Row]:
        return self._table.get_many(keys)

    def query(
        self,
        pk: str,
        prefix: str = "",
        *,
        limit: int = 100,
        after: str | None = None,
        newest_first: bool = False,
    ) -> Page:
        return self._table.query(pk, prefix, limit=limit, after=after, newest_first=newest_first)

    def due(
        self, due_kind: str, until: str, *, limit: int = 100, after: str | None = None
    ) -> DuePage:
        return self._table.due(due_kind, until, limit=limit, after=after)

    def directory(
        self, dir_kind: str, prefix: str = "", *, limit: int = 100, after: str | None = None
    ) -> DuePage:
        return self._table.directory(dir_kind, prefix, limit=limit, after=after)

    def write(self, action: Action) -> None:
        self._doubt([action])
        try:
            self._table.write(action)
        except Unavailable:
            self._suspect(action)
            raise
        self._learn(action)

    def transact(self, actions: Sequence[Action]) -> None:
        self._doubt(actions)
        try:
            self._table.transact(actions)
        except Unavailable:
            for action in actions:
                self._suspect(action)
            raise
        for action in actions:
            self._learn(action)


def _place(action: Put | Update | Delete) -> Place:
    if isinstance(action, Put):
        return action.row["pk"], action.row["sk"]
    return action.key.pk, action.key.sk


def _touches_index(action: Action) -> bool:
    values = action.row if isinstance(action, Put) else getattr(action, "set", {})
    return "due_at" in values or "due_kind" in values
