"""What the table's stream brings: new history entries. Each only says which account has news.

Only what was put for the first time counts: a purge rewrites history entries, and must never publish one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chalicelib import log
from chalicelib.effects.effect import OutOfTime
from chalicelib.store import keys
from chalicelib.store.table import Key
from chalicelib.wiring import World

Record = Mapping[str, Any]
"""One change of a row, as DynamoDB Streams tells it."""
Act = Callable[[World, str, OutOfTime], int]


def receive(
    world: World, records: Sequence[Record], out_of_time: OutOfTime = lambda: False
) -> dict[str, list[dict[str, str]]]:
    """Publishes the accounts that these records are about. Answers which record to begin with again.

    A failure concerns the table itself: what goes wrong with a single event or mail is kept beside it, with its own
    next try.
    """
    from chalicelib.publishing import publish

    return _each(world, records, publish, out_of_time)


def send(
    world: World, records: Sequence[Record], out_of_time: OutOfTime = lambda: False
) -> dict[str, list[dict[str, str]]]:
    """As `receive`, for HTTP endpoints: in a function of its own, so that whoever keeps us waiting holds up nobody
    but themselves."""
    from chalicelib.delivering import deliver

    return _each(world, records, deliver, out_of_time)


def _each(
    world: World, records: Sequence[Record], act: Act, out_of_time: OutOfTime
) -> dict[str, list[dict[str, str]]]:
    news: dict[str, str] = {}
    for record in records:
        account_id = account_with_news(record)
        if account_id is not None:
            news.setdefault(account_id, str(record["dynamodb"]["SequenceNumber"]))
    failed = [
        first
        for account_id, first in news.items()
        if not _done(world, account_id, act, out_of_time)
    ]
    # Lambda begins again at the first one named; what left since then leaves again.
    return {"batchItemFailures": [{"itemIdentifier": first} for first in failed[:1]]}


def account_with_news(record: Record) -> str | None:
    if record.get("eventName") != "INSERT":
        return None
    row = record["dynamodb"]["Keys"]
    key = Key(row["pk"]["S"], row["sk"]["S"])
    return keys.account_of(key) if key.sk.startswith(keys.HISTORY) else None


def _done(world: World, account_id: str, act: Act, out_of_time: OutOfTime) -> bool:
    try:
        act(world, account_id, out_of_time)
    except Exception as error:  # noqa: BLE001 - the others of the batch do not wait for this one
        log.problem("publishing_failed", error, account=account_id)
        return False
    return True
