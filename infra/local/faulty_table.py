"""A Table whose calls fail when `/_faults` says so, in the table's own words."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from chalicelib.store.table import Action, DuePage, Key, Page, Row, Table, Unavailable
from infra.local.faults import Faults

Result = TypeVar("Result")

WORDS = {
    "error": "the local stack was told that DynamoDB answers an internal error",
    "throttle": "the local stack was told that DynamoDB is throttled beyond its retries",
    "timeout": "the local stack was told that DynamoDB does not answer",
    "answer_lost": "the local stack was told that DynamoDB's answer is lost",
}


class FaultyTable:
    def __init__(self, table: Table, faults: Faults) -> None:
        self._table = table
        self._faults = faults

    def _call(self, call: Callable[[], Result]) -> Result:
        return self._faults.around("dynamodb", call, lambda kind: Unavailable(WORDS[kind]))

    def get(self, key: Key) -> Row | None:
        return self._call(lambda: self._table.get(key))

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Row]:
        return self._call(lambda: self._table.get_many(keys))

    def query(
        self,
        pk: str,
        prefix: str = "",
        *,
        limit: int = 100,
        after: str | None = None,
        newest_first: bool = False,
    ) -> Page:
        return self._call(
            lambda: self._table.query(
                pk, prefix, limit=limit, after=after, newest_first=newest_first
            )
        )

    def due(
        self, due_kind: str, until: str, *, limit: int = 100, after: str | None = None
    ) -> DuePage:
        return self._call(lambda: self._table.due(due_kind, until, limit=limit, after=after))

    def directory(
        self, dir_kind: str, prefix: str = "", *, limit: int = 100, after: str | None = None
    ) -> DuePage:
        return self._call(lambda: self._table.directory(dir_kind, prefix, limit=limit, after=after))

    def write(self, action: Action) -> None:
        self._call(lambda: self._table.write(action))

    def transact(self, actions: Sequence[Action]) -> None:
        self._call(lambda: self._table.transact(actions))
