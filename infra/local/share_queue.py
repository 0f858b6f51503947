"""Stands where the queues of shares stand: what a sweep or a walk gives away is done by another run of the same job, in its turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from chalicelib import log, sharing
from chalicelib.sharing import Share

MOST_TRIES = 3
"""As deployed: then it lies with what was not finished, and what it stood for is still due."""


class Taker(Protocol):
    @property
    def name(self) -> str: ...

    def take(self, world: Any, share: Share, /) -> Any: ...


class LocalShares:
    def __init__(self, takers: Mapping[str, Taker], world: Callable[[], Any]) -> None:
        self._takers = takers
        self._world = world
        self._waiting: dict[str, str] = {}
        self._tries: dict[str, int] = {}
        self._known: set[str] = set()
        self.unfinished: list[str] = []

    def put(self, shares: Sequence[Share], turn: str) -> None:
        for share in shares:
            name = f"{share.name}:{turn}"
            if name not in self._known:
                self._known.add(name)
                self._waiting[name] = share.text()

    def flow(self) -> Iterator[tuple[str, str]]:
        """Lets everything be done that waits: which job did what."""
        while self._waiting:
            name, text = next(iter(self._waiting.items()))
            del self._waiting[name]
            share = sharing.read(text)
            taker = self._takers[share.kind]
            try:
                did = str(taker.take(self._world(), share).did)
            except Exception as error:  # noqa: BLE001 - as a function that fails: its message comes again
                log.problem("share_failed", error, job=taker.name)
                self._again(name, text)
                continue
            if did:
                yield taker.name, did

    def _again(self, name: str, text: str) -> None:
        self._tries[name] = self._tries.get(name, 0) + 1
        if self._tries[name] < MOST_TRIES:
            self._waiting[name] = text
        else:
            self.unfinished.append(text)


def takers(schedule: Sequence[Any]) -> dict[str, Taker]:
    """Kind of what is due, or of a walk → the job that shares it out."""
    return {kind: job for job in schedule for kind in job.shared}
