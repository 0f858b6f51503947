"""The same ministack, and the same table in it, as the tests of the store."""

from tests.store.conftest import ministack_table

__all__ = ["ministack_table"]
