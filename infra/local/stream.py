"""Stands where DynamoDB Streams and their Lambda stand: new history entries are published before anybody looks.

It hands the app's stream handler records shaped like DynamoDB's. They are kept in memory only: what a killed stack had
not published yet is found by the app's own catch-up.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from threading import Lock, RLock
from typing import Any, Protocol

from chalicelib.store import keys
from chalicelib.store.table import Action, Key, Put
from infra.local.due_watch import DueWatch

Record = dict[str, Any]
Failed = dict[str, list[dict[str, str]]]
Receive = Callable[[Sequence[Record]], Failed]


def readers(world: Callable[[], Any], *each: Callable[[Any, Sequence[Record]], Failed]) -> Receive:
    """The stream's several functions, one after the other. What one of them could not take comes again to all."""

    def receive(records: Sequence[Record]) -> Failed:
        failed = [one for act in each for one in act(world(), records)["batchItemFailures"]]
        return {"batchItemFailures": failed}

    return receive


class HistoryWatch(DueWatch):
    """Takes note of every history entry that was put, besides what is due."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._fresh_lock = Lock()
        self._fresh: dict[Key, None] = {}
        self._somebody_is_told = False

    def _learn(self, action: Action) -> None:
        super()._learn(action)
        self._note_fresh(action)

    def _suspect(self, action: Action) -> None:
        super()._suspect(action)
        self._note_fresh(action)

    def _note_fresh(self, action: Action) -> None:
        if isinstance(action, Put) and action.row["sk"].startswith(keys.HISTORY):
            with self._fresh_lock:
                self._fresh[Key(action.row["pk"], action.row["sk"])] = None
                self._somebody_is_told |= bool(action.row["doc"].get("data", {}).get("notices"))

    @property
    def somebody_is_told(self) -> bool:
        """Whether an entry that is not taken yet holds a notice for a customer."""
        return self._somebody_is_told

    def take_fresh(self) -> list[Key]:
        with self._fresh_lock:
            found, self._fresh = list(self._fresh), {}
            self._somebody_is_told = False
        return found

    def put_again(self, fresh: Sequence[Key]) -> None:
        with self._fresh_lock:
            self._fresh = dict.fromkeys(fresh) | self._fresh


class Stream:
    def __init__(self, watch: HistoryWatch, receive: Receive) -> None:
        self._watch = watch
        self._receive = receive
        # One publisher at a time: whoever asks second finds everything published when it is its turn.
        self._flowing = RLock()

    def flow(self) -> None:
        """Brings what is new to the handler. What it could not take comes again the next time."""
        with self._flowing:
            while fresh := self._watch.take_fresh():
                answer = self._receive([record(n, key) for n, key in enumerate(fresh)])
                failed = [int(one["itemIdentifier"]) for one in answer["batchItemFailures"]]
                if failed:
                    self._watch.put_again(fresh[min(failed) :])
                    return

    def flow_if_somebody_is_told(self) -> None:
        """While the clock moves, mail leaves at its own instant; events carry theirs, so they may wait until the move
        is over, which makes two years pass in half the time."""
        if self._watch.somebody_is_told:
            self.flow()


def record(n: int, key: Key) -> Record:
    return {
        "eventName": "INSERT",
        "dynamodb": {
            "Keys": {"pk": {"S": key.pk}, "sk": {"S": key.sk}},
            "SequenceNumber": str(n),
        },
    }


class Outside(Protocol):
    def next_at(self) -> datetime | None: ...

    def run_due(self) -> list[str]: ...


class OutsideThenStream:
    """What happens at Stripe by itself, and then what became news by it or by a job before."""

    def __init__(self, outside: Outside, stream: Stream) -> None:
        self._outside = outside
        self._stream = stream

    def next_at(self) -> datetime | None:
        return self._outside.next_at()

    def run_due(self) -> list[str]:
        did = self._outside.run_due()
        self._stream.flow_if_somebody_is_told()
        return did
