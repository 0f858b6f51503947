"""The same world on a real part: what the app writes goes through PynamoDB and botocore into moto or ministack.

The seed decides everything, also which call of the store fails. So a world on a real part is the one in memory, act by
act, answer by answer and row by row; where it is not, one of the stores is wrong.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from itertools import zip_longest
from random import Random
from unittest.mock import patch

from moto import mock_aws

from chalicelib.store.dynamo import DynamoTable
from chalicelib.store.pynamo import row_of
from chalicelib.store.rows import Stored, loaded, stored
from chalicelib.store.table import Action, Check, Delete, Key, Put, Update
from infra.local.endpoints import change_environment, keep_aws_at_home
from infra.local.ministack import Ministack
from tests.simulation.plan import FAULTS, STARTS, Act, Plan
from tests.simulation.play import Played, play
from tests.simulation.reading import NotingTable, Snapshot, Whole
from tests.support.stores import REGION, clear, hooked, ministack_python


class NotingDynamo(DynamoTable):
    """Remembers which partitions were written to, until somebody has looked."""

    def __init__(self, endpoint: str) -> None:
        super().__init__("worlds", region=REGION, endpoint=endpoint)
        self.written: set[str] = set()

    def make(self) -> None:
        self.create_table()
        # It would delete by the machine's own time what by the world's clock is still needed.
        tidying = {"Enabled": False, "AttributeName": "expires_at"}
        self.client.update_time_to_live(TableName=self.name, TimeToLiveSpecification=tidying)

    def write(self, action: Action) -> None:
        self._note([action])
        super().write(action)

    def transact(self, actions: Sequence[Action]) -> None:
        self._note(actions)
        super().transact(actions)

    def _note(self, actions: Sequence[Action]) -> None:
        self.written |= {_partition(one) for one in actions if not isinstance(one, Check)}

    def rows(self, pk: str) -> dict[str, Stored]:
        found: dict[str, Stored] = {}
        after: str | None = None
        while True:
            page = self.query(pk, limit=1000, after=after)
            found |= {row["sk"]: stored(row) for row in page.rows}
            if (after := page.after) is None:
                return found

    def snapshot(self) -> Snapshot:
        found: Snapshot = {}
        for page in self.client.get_paginator("scan").paginate(
            TableName=self.name, ConsistentRead=True
        ):
            for item in page["Items"]:
                row = row_of(item)
                found.setdefault(row["pk"], {})[row["sk"]] = stored(row)
        return found

    def go_back(self, to: Snapshot) -> None:
        now = self.snapshot()
        for pk in {*now, *to}:
            was, rows = now.get(pk, {}), to.get(pk, {})
            for sk in {*was, *rows}:
                if sk not in rows:
                    self.write(Delete(Key(pk, sk)))
                elif was.get(sk) != rows[sk]:
                    self.write(Put(loaded(rows[sk])))


def _partition(action: Put | Update | Delete) -> str:
    return str(action.row["pk"]) if isinstance(action, Put) else action.key.pk


@contextmanager
def on_memory() -> Iterator[Whole]:
    yield NotingTable()


@contextmanager
def on_moto() -> Iterator[Whole]:
    with mock_aws():
        # Named, so that no setting of whoever runs this leads anywhere else: only this address is mocked.
        table = NotingDynamo(f"https://dynamodb.{REGION}.amazonaws.com")
        # moto copies the whole table around each transaction, and with it every record of its stream.
        with hooked(table, "provide-client-params.dynamodb.CreateTable", _without_a_stream):
            table.make()
        yield table


def _without_a_stream(params: dict[str, object], **_: object) -> None:
    del params["StreamSpecification"]


@contextmanager
def on_ministack() -> Iterator[Whole]:
    with Ministack(ministack_python()) as ministack, on_a(ministack) as table:
        yield table


@contextmanager
def on_a(running: Ministack) -> Iterator[Whole]:
    """An empty table in one that runs already."""
    with patch.dict(os.environ):
        change_environment(keep_aws_at_home(os.environ, running.url))
        table = NotingDynamo(running.url)
        table.make()
        clear(table)
        try:
            yield table
        finally:
            table.client.close()


STORES: Mapping[str, Callable[[], AbstractContextManager[Whole]]] = {
    "memory": on_memory,
    "moto": on_moto,
    "ministack": on_ministack,
}


CANNOT: Mapping[str, Mapping[str, str]] = {
    "moto": {
        "short_pages": "moto 5.2 says of a page that is just full that it was the last one; DynamoDB and ministack do not",
    },
}
"""What a part cannot show, fault by fault: the world is played without it, in memory as well."""


def without_what_it_cannot(plan: Plan, store: str) -> tuple[Plan, list[str]]:
    """The world as this part can play it, and why it is not quite the one that was asked for."""
    lacks = {fault: why for fault, why in CANNOT.get(store, {}).items() if fault in plan.faults}
    left = {fault: rate for fault, rate in plan.faults.items() if fault not in lacks}
    return replace(plan, faults=left), [f"without {fault}: {why}" for fault, why in lacks.items()]


def differences(plan: Plan, real: Played, table: Whole) -> list[str]:
    """What the same world, played in memory, did or left otherwise: the first thing it did, and each row it left."""
    memory = NotingTable()
    model = play(plan, memory)
    trails = zip_longest(model.trail, real.trail, fillvalue="nothing more")
    did = [f"in memory “{was.strip()}”, here “{now.strip()}”" for was, now in trails if was != now]
    if model.faults != real.faults:
        did.append(f"in memory {model.faults} faults, here {real.faults}")
    was, now = _flat(memory.snapshot()), _flat(table.snapshot())
    return did[:1] + [
        f"{pk} {sk}: in memory {was.get((pk, sk))}, here {now.get((pk, sk))}"
        for pk, sk in sorted({*was, *now})
        if was.get((pk, sk)) != now.get((pk, sk))
    ]


def _flat(whole: Snapshot) -> dict[tuple[str, str], Stored]:
    return {(pk, sk): values for pk, rows in whole.items() for sk, values in rows.items()}


WHOLE_LIFE = (
    *("subscribe", "buy_numbers", "register", "schedule", "send", "delete_message", "top_up"),
    *("charge_usage", "assign_seat", "back_up", "ask_refund", "decide", "dispute", "close_dispute"),
    *("cancel", "export", "remove_number", "jump_days", "restore", "jump_weeks", "appeal"),
    *("leave_and_return", "jump_months"),
)
"""What a real part has to have seen once, in one world: what cannot be undone comes in the finale."""


def whole_life(seed: int) -> Plan:
    random = Random(seed)
    return Plan(
        seed=seed,
        start=STARTS[0],
        policies=("smarter-contact",),
        faults={name: FAULTS[name] for name in SUFFERED},
        acts=tuple(Act(n, verb, 0, random.getrandbits(32)) for n, verb in enumerate(WHOLE_LIFE)),
        finale=True,
        looks_back=False,
        restores=True,
        hears_everything=False,
    )


SUFFERED = ("short_pages", "contended", "throttled", "answer_lost", "stale_index", "meanwhile")
"""Faults of the store: a real part must bear being asked like this, and asked again."""
