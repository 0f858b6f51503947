"""The table in DynamoDB, through PynamoDB.

It sends what it is given and turns every answer into a word of table.py. It decides nothing, and
keeps nothing but its one client, which is made when first needed.
"""

from collections.abc import Callable, Iterator, Sequence
from time import sleep
from typing import Any, Final
from uuid import uuid4

from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
from pynamodb.exceptions import PynamoDBException
from pynamodb.expressions.condition import Condition

from chalicelib.store.answers import AlreadyThereError, Reason, cancellation, refusal, unanswered
from chalicelib.store.pynamo import (
    Item,
    LeanConnection,
    Record,
    changes_of,
    condition_of,
    either_way,
    item_of,
    key_item,
    meta_table,
    row_of,
    schema,
)
from chalicelib.store.rows import (
    INDEXES,
    Prepared,
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

SENT_ORDER: Final = (Check, Delete, Put, Update)
"""The order in which PynamoDB sends a transaction's actions, whatever order it was given."""


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
        one = prepare(action)
        key, condition = one.key, condition_of(action.condition)
        match action:
            case Put():
                _ask(
                    self._connection.put_item,
                    self.name,
                    key.pk,
                    key.sk,
                    attributes=item_of(one.values),
                    condition=condition,
                )
            case Update():
                _ask(
                    self._connection.update_item,
                    self.name,
                    key.pk,
                    key.sk,
                    actions=changes_of(one),
                    condition=condition,
                )
            case Delete():
                _ask(self._connection.delete_item, self.name, key.pk, key.sk, condition=condition)

    def transact(self, actions: Sequence[Action]) -> None:
        kinds: dict[type, list[tuple[int, dict[str, Any]]]] = {kind: [] for kind in SENT_ORDER}
        for place, one in enumerate(prepared(actions)):
            kinds[type(one.action)].append((place, self._sendable(one)))
        sent = [place for kind in SENT_ORDER for place, _ in kinds[kind]]
        checks, deletes, puts, updates = (
            [request for _, request in kinds[kind]] for kind in SENT_ORDER
        )
        # The token makes botocore's own second attempt harmless: DynamoDB applies it once.
        _ask(
            self._connection.transact_write_items,
            checks,
            deletes,
            puts,
            updates,
            client_request_token=uuid4().hex,
            sent=sent,
        )

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

    def _sendable(self, one: Prepared) -> dict[str, Any]:
        """The action as PynamoDB puts it into a transaction."""
        condition = condition_of(one.action.condition)
        build, key = self._connection.get_operation_kwargs, one.key
        match one.action:
            case Put():
                item = item_of(one.values)
                return build(
                    self.name, key.pk, key.sk, key="Item", attributes=item, condition=condition
                )
            case Update():
                return build(
                    self.name, key.pk, key.sk, actions=changes_of(one), condition=condition
                )
            case Delete():
                return build(self.name, key.pk, key.sk, condition=condition)
            case Check():
                return build(
                    self.name,
                    key.pk,
                    key.sk,
                    condition=either_way() if condition is None else condition,
                )


def _ask(operation: Callable[..., Any], *args: Any, sent: Sequence[int] = (), **named: Any) -> Any:
    """Calls PynamoDB. For `sent` see answers.cancellation."""
    try:
        return operation(*args, **named)
    except ResponseParserError as error:
        raise unanswered("an answer nobody can read") from error
    except PynamoDBException as error:
        raise _in_our_words(error, sent) from error


def _in_our_words(error: PynamoDBException, sent: Sequence[int]) -> StoreError:
    cause = error.cause
    if not isinstance(cause, ClientError):
        # botocore itself gave up: no connection, no answer in time, no credentials.
        return unanswered(type(cause).__name__)
    if error.cause_response_code == "TransactionCanceledException":
        reasons = getattr(cause, "cancellation_reasons", ())
        return cancellation(
            [Reason(why.code, why.message or "") if why else None for why in reasons], sent
        )
    # PynamoDB's own error drops the HTTP status; the one it stands for has it.
    answer = getattr(cause.__cause__, "response", cause.response)
    status = int(answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    what = answer.get("Error", {})
    return refusal(Reason(what.get("Code", ""), what.get("Message", "")), status)


def _index_start(group_name: str, group: str, sort_name: str, after: str | None) -> Item | None:
    if after is None:
        return None
    sort, pk, sk = parts_of(after)
    return {group_name: {"S": group}, sort_name: {"S": sort}, **key_item(Key(pk, sk))}
