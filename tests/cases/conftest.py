"""The fixture `table`, as in tests/store: in memory and the real DynamoDB server where a test asks for both."""

from tests.store.conftest import ministack_table, moto_client, table

__all__ = ["ministack_table", "moto_client", "table"]
