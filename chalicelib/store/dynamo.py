"""The table in DynamoDB, through PynamoDB.

It sends what it is given and turns every answer into a word of table.py. It decides nothing, and
keeps nothing but its one client, which is made when first needed.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from time import sleep
from typing import Any, Final
from uuid import uuid4

from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from pynamodb.exceptions import PynamoDBException
from pynamodb.expressions.condition import Condition

from chalicelib.store.answers import AlreadyThereError, Reason, cancellation, refusal, unanswered
from chalicelib.store.expressions import Item, key_item, request_of
from chalicelib.store.pynamo import LeanConnection, Record, meta_table, row_of, schema
from chalicelib.store.rows import (
    INDEXES,
    check_key,
    check_limit,
    check_writes,
    parts_of,
    position,
    prepare,
    prepared,
)
from chalicelib.store.table import (
    Action,
    Check,
    Delete,
    Due,
    DuePage,
    Key,
    Page,
    Put,
    Row,
    StoreError,
    Unavailable,
    Update,
)

CONNECT_SECONDS: Final = 2.0
READ_SECONDS: Final = 5.0
ATTEMPTS: Final = 3
BATCH_KEYS: Final = 100
BATCH_PAUSES: Final = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""How long to wait, each time DynamoDB leaves a part of a batch unanswered."""

ALONE: Final = {Put: "PutItem", Update: "UpdateItem", Delete: "DeleteItem"}
TOGETHER: Final = {Put: "Put", Update: "Update", Delete: "Delete", Check: "ConditionCheck"}
"""What DynamoDB calls an action by itself, and as a part of a transaction."""


class DynamoTable:
    """A Table kept by DynamoDB. The first call makes the client; making the table asks nothing."""

    def __init__(
        self,
        name: str,
        *,
        region: str,
        endpoint: str | None = None,
        connect_seconds: float = CONNECT_SECONDS,
        read_seconds: float = READ_SECONDS,
        attempts: int = ATTEMPTS,
        pause: Callable[[float], None] = sleep,
    ) -> None:
        self.name = name
        self._pause = pause
        self._connection = LeanConnection(
            region=region,
            host=endpoint,
            connect_timeout_seconds=connect_seconds,
            read_timeout_seconds=read_seconds,
            max_retry_attempts=attempts - 1,
            retry_configuration="LEGACY",
        )
        self._connection.add_meta_table(meta_table(name))

    @property
    def client(self) -> Any:
        """The one botocore client, for those who count or hinder its requests."""
        return self._connection.client

    def get(self, key: Key) -> Row | None:
        check_key(key)
        answer = _ask(self._connection.get_item, self.name, key.pk, key.sk, consistent_read=True)
        item = answer.get("Item")
        return row_of(item) if item else None

    def get_many(self, keys: Sequence[Key]) -> dict[Key, Row]:
        for key in keys:
            check_key(key)
        wanted = list(dict.fromkeys(keys))  # DynamoDB refuses a batch that names a key twice.
        found: dict[Key, Row] = {}
        for start in range(0, len(wanted), BATCH_KEYS):
            for row in self._get_batch(wanted[start : start + BATCH_KEYS]):
                found[Key(row["pk"], row["sk"])] = row
        return found

    def query(
        self,
        pk: str,
        prefix: str = "",
        *,
        limit: int = 100,
        after: str | None = None,
        newest_first: bool = False,
    ) -> Page:
        check_key(Key(pk, prefix or "-"))
        check_limit(limit)
        answer = _ask(
            self._connection.query,
            self.name,
            pk,
            range_key_condition=Record.sk.startswith(prefix) if prefix else None,
            consistent_read=True,
            exclusive_start_key=key_item(Key(pk, after)) if after is not None else None,
            limit=limit,
            scan_index_forward=not newest_first,
        )
        last = answer.get("LastEvaluatedKey")
        rows = [row_of(item) for item in answer["Items"]]
        return Page(rows, last["sk"]["S"] if last else None)

    def due(
        self, due_kind: str, until: str, *, limit: int = 100, after: str | None = None
    ) -> DuePage:
        check_key(Key(due_kind, until))
        return self._read_index("due", due_kind, Record.due_at <= until, limit, after)

    def directory(
        self, dir_kind: str, prefix: str = "", *, limit: int = 100, after: str | None = None
    ) -> DuePage:
        check_key(Key(dir_kind, prefix or "-"))
        starts = Record.dir_key.startswith(prefix) if prefix else None
        return self._read_index("directory", dir_kind, starts, limit, after)

    def write(self, action: Action) -> None:
        check_writes(action)
        request = request_of(self.name, prepare(action))
        _ask(self._connection.dispatch, ALONE[type(action)], request)

    def transact(self, actions: Sequence[Action]) -> None:
        parts = [
            {TOGETHER[type(one.action)]: request_of(self.name, one)} for one in prepared(actions)
        ]
        # The token makes botocore's own second attempt harmless: DynamoDB applies it once.
        request = {"TransactItems": parts, "ClientRequestToken": uuid4().hex}
        _ask(self._connection.dispatch, "TransactWriteItems", request, actions=len(parts))

    def create_table(self) -> None:
        """Makes the table with its indexes, for local use and tests. One that is there stays."""
        wanted = schema()
        try:
            _ask(
                self._connection.create_table,
                self.name,
                attribute_definitions=wanted["attribute_definitions"],
                key_schema=wanted["key_schema"],
                global_secondary_indexes=wanted["global_secondary_indexes"],
                billing_mode="PAY_PER_REQUEST",
                stream_specification={
                    "stream_enabled": True,
                    "stream_view_type": "NEW_AND_OLD_IMAGES",
                },
            )
        except AlreadyThereError:
            return
        self.client.get_waiter("table_exists").wait(
            TableName=self.name, WaiterConfig={"Delay": 1, "MaxAttempts": 30}
        )
        _ask(self._connection.update_time_to_live, self.name, "expires_at")

    def _get_batch(self, keys: Sequence[Key]) -> Iterator[Row]:
        pending = [key_item(key) for key in keys]
        for pause in (*BATCH_PAUSES, None):
            answer = _ask(self._connection.batch_get_item, self.name, pending, consistent_read=True)
            yield from map(row_of, answer["Responses"].get(self.name, ()))
            pending = answer.get("UnprocessedKeys", {}).get(self.name, {}).get("Keys", [])
            if not pending:
                return
            if pause is not None:
                self._pause(pause)
        raise Unavailable(f"BatchGetItem left {len(pending)} keys unanswered")

    def _read_index(
        self, index: str, group: str, sorts: Condition | None, limit: int, after: str | None
    ) -> DuePage:
        check_limit(limit)
        group_name, sort_name = INDEXES[index]
        answer = _ask(
            self._connection.query,
            self.name,
            group,
            range_key_condition=sorts,
            index_name=index,
            exclusive_start_key=_index_start(group_name, group, sort_name, after),
            limit=limit,
        )
        due = [
            Due(Key(item["pk"]["S"], item["sk"]["S"]), item[sort_name]["S"])
            for item in answer["Items"]
        ]
        last = answer.get("LastEvaluatedKey")
        if not last:
            return DuePage(due, None)
        return DuePage(due, position(last[sort_name]["S"], last["pk"]["S"], last["sk"]["S"]))


def _ask(operation: Callable[..., Any], *args: Any, actions: int = 1, **named: Any) -> Any:
    """Calls PynamoDB, which hands botocore's errors on as they are, or inside one of its own."""
    try:
        return operation(*args, **named)
    except ResponseParserError as error:
        raise unanswered("an answer nobody can read") from error
    except PynamoDBException as error:
        raise _in_our_words(error.cause, actions) from error
    except (BotoCoreError, ClientError) as error:
        raise _in_our_words(error, actions) from error


def _in_our_words(cause: Exception | None, actions: int) -> StoreError:
    if not isinstance(cause, ClientError):
        # botocore itself gave up: no connection, no answer in time, no credentials.
        return unanswered(type(cause).__name__)
    # PynamoDB's own error drops most of the answer; the one it stands for has it.
    answer = getattr(cause.__cause__, "response", cause.response)
    what = answer.get("Error", {})
    if what.get("Code") == "TransactionCanceledException":
        reasons = [_reason(said) for said in answer.get("CancellationReasons", ())]
        return cancellation(reasons, actions)
    status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    return refusal(Reason(what.get("Code", ""), what.get("Message", "")), status)


def _reason(said: Mapping[str, Any]) -> Reason | None:
    """Why one action of a transaction was turned down; None where it was not to blame."""
    code = said["Code"]
    return None if code == "None" else Reason(code, said.get("Message") or "")


def _index_start(group_name: str, group: str, sort_name: str, after: str | None) -> Item | None:
    if after is None:
        return None
    sort, pk, sk = parts_of(after)
    return {group_name: {"S": group}, sort_name: {"S": sort}, **key_item(Key(pk, sk))}
