"""The fixture `table`: each test of the store runs against every table there is."""

from collections.abc import Iterator

import pytest

from chalicelib.store.dynamo import DynamoTable
from chalicelib.store.memory import MemoryTable
from chalicelib.store.table import Table
from infra.local.ministack import Ministack
from tests.support.stores import KINDS, REGION, clear, ministack_python


@pytest.fixture(scope="session")
def ministack_table() -> Iterator[DynamoTable]:
    with Ministack(ministack_python()) as ministack:
        table = DynamoTable("lapse-tests", region=REGION, endpoint=ministack.url)
        table.create_table()
        yield table
        table.client.close()


@pytest.fixture(scope="session")
def moto_client() -> DynamoTable:
    """Made once: a client costs ten times what a mocked table costs."""
    return DynamoTable("lapse-tests", region=REGION)


@pytest.fixture(params=KINDS)
def table(request: pytest.FixtureRequest) -> Iterator[Table]:
    match request.param:
        case "memory":
            yield MemoryTable()
        case "moto":
            # Here, because others take the ministack above, and need not wait for this.
            from moto import mock_aws

            with mock_aws():
                moto = request.getfixturevalue("moto_client")
                moto.create_table()
                yield moto
        case "ministack":
            ministack = request.getfixturevalue("ministack_table")
            yield ministack
            clear(ministack)
