"""The three tables every test of the store runs against, and how to leave one out, with the reason.

The fixtures are in tests/store/conftest.py; other parts of the suite may import what they need here.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from chalicelib.store.dynamo import DynamoTable
from chalicelib.store.table import Row
from infra.local.ministack import TOOL_PYTHON, MinistackError, how_to_install

REGION = "us-east-1"
KINDS = ("memory", "moto", "ministack")


def every_table_but(**reasons: str) -> pytest.MarkDecorator:
    """Runs a test against every table, and says why where one cannot show it."""
    return _tables(KINDS, reasons)


def only_dynamo_tables_but(**reasons: str) -> pytest.MarkDecorator:
    """The same for what only a table behind HTTP has."""
    return _tables(("moto", "ministack"), reasons)


def only_ministack() -> pytest.MarkDecorator:
    """For what botocore is told instead of a table: any one of them will do."""
    return _tables(("ministack",), {})


def _tables(kinds: Iterable[str], reasons: Mapping[str, str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        "table",
        [
            pytest.param(
                kind, marks=pytest.mark.skip(reason=reasons[kind]) if kind in reasons else ()
            )
            for kind in kinds
        ],
        indirect=True,
    )


def ministack_python() -> Path:
    python = Path(os.environ.get("LAPSE_MINISTACK_PYTHON") or TOOL_PYTHON)
    if not python.exists():
        # Not skipped: without it nothing here shows what a transaction does under load.
        raise MinistackError(how_to_install(python))
    return python


def row(pk: str, sk: str, **attributes: Any) -> Row:
    return {"pk": pk, "sk": sk, **attributes}


def clear(table: DynamoTable) -> None:
    """Takes every row out again, so that the next test finds an empty table."""
    client = table.client
    while items := client.scan(TableName=table.name, Limit=500)["Items"]:
        for start in range(0, len(items), 25):
            deletes = [
                {"DeleteRequest": {"Key": {"pk": item["pk"], "sk": item["sk"]}}}
                for item in items[start : start + 25]
            ]
            client.batch_write_item(RequestItems={table.name: deletes})


@contextmanager
def hooked(table: DynamoTable, event: str, handler: Any) -> Iterator[None]:
    """Lets a test look at, or answer, what botocore is about to do."""
    events = table.client.meta.events
    events.register(event, handler)
    try:
        yield
    finally:
        events.unregister(event, handler)


@contextmanager
def requests(table: DynamoTable) -> Iterator[list[str]]:
    """The operations asked for over HTTP meanwhile, one entry for each request sent."""
    sent: list[str] = []

    def note(request: Any, **_: Any) -> None:
        target = request.headers["X-Amz-Target"]
        sent.append((target.decode() if isinstance(target, bytes) else target).split(".")[1])

    with hooked(table, "before-send.dynamodb.*", note):
        yield sent
