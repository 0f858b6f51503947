"""The fixture `table`, as in tests/store: in memory, mocked and the real DynamoDB server."""

from tests.store.conftest import ministack_table, moto_client, table

__all__ = ["ministack_table", "moto_client", "table"]
