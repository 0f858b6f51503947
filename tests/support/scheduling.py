"""Scheduled messages by the hundred, and what they cost the table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any, TypeVar

from chalicelib import scheduling
from chalicelib.domain.messages import ScheduledMessage
from chalicelib.domain.money import Money
from chalicelib.store import holdings, keys
from chalicelib.store.memory import MemoryTable
from chalicelib.store.table import Action, Key, Page, Put, Table
from tests.support.stage import END, Stage

DAY = timedelta(days=1)
T = TypeVar("T")


def messages(
    *ids: str,
    price: int = 7,
    channel: str = "sms",
    send_at: datetime = END + 10 * DAY,
) -> list[ScheduledMessage]:
    return [
        ScheduledMessage(id=id, channel=channel, send_at=send_at, price=Money(price, "usd"))
        for id in ids
    ]


def many(count: int, prefix: str = "m") -> list[str]:
    return [f"{prefix}{n:05d}" for n in range(count)]


def subscribed(stage: Stage, *accounts: str) -> Stage:
    for n, name in enumerate(accounts or ("acme",)):
        stage.account(name, customer=f"cus_{n}")
        stage.subscribe(f"sub_{n}", f"cus_{n}")
    return stage


def register(
    stage: Stage, those: list[ScheduledMessage], account: str = "acme"
) -> scheduling.Outcomes:
    return scheduling.register(stage.world, stage.load(account), those)


def state(stage: Stage, id: str, account: str = "acme") -> str:
    found = holdings.message(stage.table, account, id)
    assert found is not None
    return found.state


def books_something(actions: Sequence[Action]) -> bool:
    return any(isinstance(a, Put) and a.row["sk"].startswith(keys.ENTRY) for a in actions)


class Counted:
    """Counts what is asked of the table, and how large the transactions are that move money."""

    def __init__(self, inner: Table) -> None:
        self.inner = inner
        self.transactions: list[int] = []
        self.queries: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def transact(self, actions: Sequence[Action]) -> None:
        if books_something(actions):
            self.transactions.append(len(actions))
        assert len(actions) <= 100
        self.inner.transact(actions)

    def query(self, pk: str, prefix: str = "", **more: Any) -> Page:
        self.queries.append(prefix)
        return self.inner.query(pk, prefix, **more)


def counting(stage: Stage) -> Counted:
    counted = Counted(stage.table)
    stage.world = replace(stage.world, table=counted)
    return counted


def tidied_up(stage: Stage, *ids: str) -> None:
    """What DynamoDB does by itself some time after `expires_at`."""
    assert isinstance(stage.table, MemoryTable)
    for id in ids:
        stage.table._partitions[keys.partition("acme")].remove(keys.MESSAGE + id)


def leaving(count: int) -> Stage:
    stage = subscribed(Stage())
    ids = many(count)
    for start in range(0, count, 90):
        register(stage, messages(*ids[start : start + 90]))
    stage.cancel("sub_0")
    stage.move(END)
    return stage


def key_of(action: Any) -> Key:
    key: Key = action.key
    return key


def result(stage: Stage, account: str) -> dict[str, Any]:
    """What the history keeps of the step: the whole of it, however many runs it took."""
    page = stage.table.query(keys.partition(account), keys.HISTORY, limit=1000)
    (found,) = [row["doc"] for row in page.rows if row["doc"]["what"] == "step.messages_credited"]
    data: dict[str, Any] = found["data"]
    return data


def together(work: Callable[[int], T]) -> list[T]:
    barrier = Barrier(8)

    def begin(number: int) -> T:
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(begin, range(8)))
