"""Deletes an account's partition in a DynamoDB table of the SaaS: exactly the one whose key the settings spell out.

Where the settings name the attribute that says when an item was written, what is newer than the purge stays.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from chalicelib.domain.erasure import Erasure
from chalicelib.gateways.purge_at_aws import asked, client
from chalicelib.gateways.purgers import (
    PLACE,
    GoesByPage,
    Page,
    PageByPage,
    PurgerUnavailable,
    named,
)

PAGE = 200
MOST_AT_ONCE = 25
"""What DynamoDB deletes with one request."""
TRIES = 6
ITEMS = "items"
ALONE = "-"
"""The place of the only item in a partition without a sort key."""
Item = Mapping[str, Any]


class PartitionPurger(GoesByPage):
    def __init__(
        self,
        name: str,
        *,
        table: str,
        partition: str,
        partition_key: str = "pk",
        sort_key: str | None = None,
        written_at: str | None = None,
        region: str,
        endpoint: str | None = None,
        policies: tuple[str, ...] = (),
    ) -> None:
        """Raises ValueError for a partition that is not one account's."""
        if partition.count(PLACE) != 1:
            raise ValueError(f"the partition of {name} must hold {PLACE} once")
        self.name, self.policies = name, policies
        self._table, self._partition = table, partition
        self._partition_key, self._sort_key, self._written_at = partition_key, sort_key, written_at
        self._region, self._endpoint = region, endpoint

    def by_page(self, wanted: Erasure) -> PageByPage:
        partition = named(self._partition, wanted.account_id)
        return PageByPage(
            lambda after, through: self._pages(partition, wanted, after, through), self._delete
        )

    def _pages(
        self, partition: str, wanted: Erasure, after: str | None, through: str | None
    ) -> Iterator[Page]:
        start = self._key(partition, json.loads(after)) if after not in (None, ALONE) else None
        if after == ALONE:
            return
        while True:
            answer = asked(
                self._client,
                "query",
                TableName=self._table,
                **self._question(partition, through, start),
            )
            items: Sequence[Item] = answer.get("Items", ())
            going = [self._key_of(item) for item in items if self._goes(item, wanted)]
            if items:
                counts = {ITEMS: len(going)} if going else {}
                yield Page(going, counts, self._place(items[-1]), len(items) - len(going))
            start = answer.get("LastEvaluatedKey")
            if start is None:
                return

    def _question(self, partition: str, through: str | None, start: Item | None) -> dict[str, Any]:
        names = {"#p": self._partition_key}
        values: dict[str, Any] = {":p": {"S": partition}}
        condition, shown = "#p = :p", ["#p"]
        if self._sort_key is not None:
            names["#s"] = self._sort_key
            shown.append("#s")
            if through is not None:
                condition += " AND #s <= :s"
                values[":s"] = json.loads(through)
        if self._written_at not in (None, self._sort_key):
            names["#w"] = self._written_at
            shown.append("#w")
        question = {
            "KeyConditionExpression": condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
            "ProjectionExpression": ", ".join(shown),
            "ConsistentRead": True,
            "Limit": PAGE,
        }
        return question if start is None else {**question, "ExclusiveStartKey": start}

    def _goes(self, item: Item, wanted: Erasure) -> bool:
        at = _instant(item.get(self._written_at, {})) if self._written_at is not None else None
        if at is None:
            return not wanted.spares
        return at <= wanted.before

    def _key(self, partition: str, sort: Any) -> dict[str, Any]:
        key = {self._partition_key: {"S": partition}}
        return key if self._sort_key is None else {**key, self._sort_key: sort}

    def _key_of(self, item: Item) -> dict[str, Any]:
        parts = (self._partition_key, *([self._sort_key] if self._sort_key else []))
        return {name: item[name] for name in parts}

    def _place(self, item: Item) -> str:
        if self._sort_key is None:
            return ALONE
        sort = item[self._sort_key]
        if "B" in sort:
            raise PurgerUnavailable("a_sort_key_of_bytes_is_not_supported")
        return json.dumps(sort)

    def _delete(self, going: Sequence[Item]) -> None:
        for start in range(0, len(going), MOST_AT_ONCE):
            some = [{"DeleteRequest": {"Key": key}} for key in going[start : start + MOST_AT_ONCE]]
            for tried in range(TRIES):
                said = asked(self._client, "batch_write_item", RequestItems={self._table: some})
                some = said.get("UnprocessedItems", {}).get(self._table, [])
                if not some:
                    break
                time.sleep(0.05 * 2**tried)
            else:
                raise PurgerUnavailable("throttled")

    @cached_property
    def _client(self) -> Any:
        return client("dynamodb", self._region, self._endpoint)


def _instant(value: Mapping[str, str]) -> datetime | None:
    """When an item was written: seconds or milliseconds since 1970, or a text as ISO 8601 has it. None: who knows."""
    try:
        if "N" in value:
            seconds = float(value["N"])
            return datetime.fromtimestamp(seconds / 1000 if seconds > 1e11 else seconds, UTC)
        found = datetime.fromisoformat(value.get("S", ""))
    except (ValueError, OverflowError, OSError):
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
