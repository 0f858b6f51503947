"""What a write asks of DynamoDB, in DynamoDB's own words: the row, its changes, its condition.

PynamoDB can say it too, but builds an object for every operand and works every name out anew: a sixth of a webhook's
CPU. Our rows need few words, since all their attributes are text or numbers at the top of a row, and what a row may
hold was checked before (rows.py). It sends nothing.
"""

from typing import Any, Final

from chalicelib.store.rows import Prepared, Stored
from chalicelib.store.table import Check, If, Key, Put, Update

Item = dict[str, dict[str, str]]
"""A row as DynamoDB writes it: each value under the letter of its type."""

EXISTS: Final = "attribute_exists(pk)"
ABSENT: Final = "attribute_not_exists(pk)"
EITHER_WAY: Final = f"{EXISTS} OR {ABSENT}"
"""For a Check of the empty condition: DynamoDB wants one to be there, and this always holds."""


def request_of(table: str, one: Prepared) -> dict[str, Any]:
    """The action as a request of its own, or as a part of a transaction."""
    said = _Said()
    request: dict[str, Any] = {"TableName": table}
    if isinstance(one.action, Put):
        request["Item"] = item_of(one.values)
    else:
        request["Key"] = key_item(one.key)
    if isinstance(one.action, Update):
        request["UpdateExpression"] = said.changes(one)
    condition = said.condition(one.action.condition)
    if not condition and isinstance(one.action, Check):
        condition = EITHER_WAY
    if condition:
        request["ConditionExpression"] = condition
    if said.names:
        request["ExpressionAttributeNames"] = said.names
    if said.values:
        request["ExpressionAttributeValues"] = said.values
    return request


class _Said:
    """The names and values that the expressions of one request speak of. Each name stands behind a `#`: some are words
    of DynamoDB's own, and it refuses those."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.values: Item = {}

    def changes(self, one: Prepared) -> str:
        sets = [f"{self._name(name)} = {self._value(name, v)}" for name, v in one.values.items()]
        removes = [self._name(name) for name in one.removed]
        parts = [f"SET {', '.join(sets)}"] if sets else []
        parts += [f"REMOVE {', '.join(removes)}"] if removes else []
        return " ".join(parts)

    def condition(self, condition: If) -> str:
        parts = []
        if condition.absent:
            parts.append(ABSENT)
        if condition.present:
            parts.append(EXISTS)
        for name, value in condition.equals.items():
            parts.append(
                f"attribute_not_exists({self._name(name)})"
                if value is None
                else f"{self._name(name)} = {self._value(f'is_{name}', value)}"
            )
        for name, value in condition.before.items():
            known = self._name(name)
            is_less = f"{known} < {self._value(f'before_{name}', value)}"
            parts.append(f"(attribute_not_exists({known}) OR {is_less})")
        return " AND ".join(parts)

    def _name(self, name: str) -> str:
        self.names[f"#{name}"] = name
        return f"#{name}"

    def _value(self, called: str, value: str | int) -> str:
        self.values[f":{called}"] = _typed(value)
        return f":{called}"


def _typed(value: str | int) -> dict[str, str]:
    return {"N": str(value)} if isinstance(value, int) else {"S": value}


def item_of(values: Stored) -> Item:
    return {name: _typed(value) for name, value in values.items()}


def key_item(key: Key) -> Item:
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}
