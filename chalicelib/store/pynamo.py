"""Our rows in PynamoDB's words: the model, its two indexes, and the connection.

It sends nothing; dynamo.py does.
"""

from threading import Lock
from typing import Any, Final

from botocore.config import Config
from botocore.session import Session
from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.connection import Connection
from pynamodb.connection.base import MetaTable
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection
from pynamodb.models import Model

from chalicelib.store.expressions import Item
from chalicelib.store.rows import Stored, loaded
from chalicelib.store.table import Row


class DueIndex(GlobalSecondaryIndex["Record"]):  # type: ignore[no-untyped-call]
    class Meta:
        index_name = "due"
        projection = KeysOnlyProjection()

    due_kind = UnicodeAttribute(hash_key=True)
    due_at = UnicodeAttribute(range_key=True)


class DirectoryIndex(GlobalSecondaryIndex["Record"]):  # type: ignore[no-untyped-call]
    class Meta:
        index_name = "directory"
        projection = KeysOnlyProjection()

    dir_kind = UnicodeAttribute(hash_key=True)
    dir_key = UnicodeAttribute(range_key=True)


class Record(Model):
    """Every row, whatever it is about.

    It has no discriminator on purpose. With one, PynamoDB filters each query by an attribute that a
    KEYS_ONLY index does not hold, and DynamoDB answers that nothing is ever due.
    """

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    doc = UnicodeAttribute(null=True)
    state = UnicodeAttribute(null=True)
    claimed_until = UnicodeAttribute(null=True)
    op = UnicodeAttribute(null=True)
    due_kind = UnicodeAttribute(null=True)
    due_at = UnicodeAttribute(null=True)
    dir_kind = UnicodeAttribute(null=True)
    dir_key = UnicodeAttribute(null=True)
    version = NumberAttribute(null=True)
    attempts = NumberAttribute(null=True)
    expires_at = NumberAttribute(null=True)

    due = DueIndex()
    directory = DirectoryIndex()


_ATTRIBUTES: Final = frozenset(Record.get_attributes())


class LeanConnection(Connection):
    """PynamoDB's connection with one client for everything and without work nobody asked for."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._making = Lock()

    @property
    def session(self) -> Session:
        session = super().session
        # PynamoDB merges its own settings over these. botocore works its user agent out anew
        # twice a request unless it is told one.
        session.set_default_client_config(Config(user_agent="lapse"))
        return session

    @property
    def client(self) -> Any:
        # Two threads asking at once would each make a client, at 50 ms and a TLS context apiece.
        with self._making:
            client = super().client
            # botocore works the same endpoint out anew for each request, a tenth of what one costs. Without its rules
            # it keeps to the one that it found when the client was made.
            client._ruleset_resolver = None  # noqa: SLF001 - there is no public way to say so
            return client


def row_of(item: Item) -> Row:
    """The attributes we know. What newer code wrote beside them stays in the table, unread."""
    values: Stored = {}
    for name, typed in item.items():
        if name in _ATTRIBUTES:
            ((letter, value),) = typed.items()
            values[name] = int(value) if letter == "N" else value
    return loaded(values)


def schema() -> dict[str, Any]:
    """Keys, attributes and indexes, in the words in which PynamoDB's connection takes them."""
    # PynamoDB's own create_table asks the same of it; it has no other name for its schema.
    return dict(Record._get_schema())  # noqa: SLF001


def meta_table(name: str) -> MetaTable:
    """What PynamoDB would otherwise ask DynamoDB for with a DescribeTable."""
    known = schema()
    return MetaTable(
        {
            "TableName": name,
            "KeySchema": known["key_schema"],
            "AttributeDefinitions": known["attribute_definitions"],
            "GlobalSecondaryIndexes": [
                {"IndexName": index["index_name"], "KeySchema": index["key_schema"]}
                for index in known["global_secondary_indexes"]
            ],
        }
    )
