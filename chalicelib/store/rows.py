"""What a row may hold: the checks every store makes before anything is written or sent.

DynamoDB enforces most of these limits, moto does not, and a mistake found by DynamoDB is found in
production. So each store asks here first. It reads and writes nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, assert_never

import msgspec

from chalicelib.store.table import (
    ALWAYS,
    MAX_ACTIONS,
    MAX_ITEM_BYTES,
    MAX_TRANSACTION_BYTES,
    NUMBER_ATTRIBUTES,
    TEXT_ATTRIBUTES,
    Action,
    Check,
    Delete,
    If,
    Key,
    Put,
    Row,
    TooLarge,
    Update,
)

Stored = dict[str, str | int]
"""A row as it is kept: attributes that are None left out, `doc` as canonical JSON text."""

INDEXES: Final = {"due": ("due_kind", "due_at"), "directory": ("dir_kind", "dir_key")}
"""Each index by name: the attribute it groups by and the attribute it sorts by."""

MAX_GROUP_KEY_BYTES: Final = 2048
MAX_SORT_KEY_BYTES: Final = 1024
NUMBER_LIMIT: Final = 10**38  # DynamoDB keeps 38 digits; one more would come back rounded.
NUMBER_BYTES: Final = 21  # What DynamoDB counts for the longest number.

_ALWAYS_FIT: Final = MAX_TRANSACTION_BYTES // MAX_ITEM_BYTES
"""Rows that are none too large by themselves; so many of them make no transaction too large."""

_SCALARS: Final = frozenset({str, int, bool, type(None)})
_encode = msgspec.json.Encoder(order="sorted").encode
_decode: Callable[[str], Any] = msgspec.json.Decoder().decode


class MalformedError(ValueError):
    """A row, key, condition or page no table takes. The caller is at fault; nothing was sent."""


class Prepared(NamedTuple):
    """An action that passed the checks, with its values as they are kept."""

    action: Action
    key: Key
    values: Stored
    """The whole row of a Put, what an Update sets, else nothing."""
    removed: tuple[str, ...]


def prepared(actions: Sequence[Action]) -> list[Prepared]:
    """Checks a whole transaction: how many, how large, and that no row is named twice."""
    if not actions:
        raise MalformedError("a transaction needs at least one action")
    if len(actions) > MAX_ACTIONS:
        raise TooLarge(f"{len(actions)} actions in one transaction, {MAX_ACTIONS} at most")
    ready = [prepare(action) for action in actions]
    if len({one.key for one in ready}) < len(ready):
        raise MalformedError("a transaction names the same row twice")
    many = len(ready) > _ALWAYS_FIT
    if many and sum(item_bytes(one.values) for one in ready) > MAX_TRANSACTION_BYTES:
        raise TooLarge(f"a transaction holds at most {MAX_TRANSACTION_BYTES} bytes")
    return ready


def prepare(action: Action) -> Prepared:
    check_condition(action.condition)
    match action:
        case Put(row=row):
            values = stored(row)
            return Prepared(action, Key(str(values["pk"]), str(values["sk"])), values, ())
        case Update(key=key, set=changes):
            check_key(key)
            return Prepared(action, key, *_changes(changes))
        case Delete(key=key) | Check(key=key):
            check_key(key)
            return Prepared(action, key, {}, ())
        case _:
            assert_never(action)


def stored(row: Row) -> Stored:
    """The row as it is kept; raises MalformedError for what no row may hold, TooLarge above 400 KB."""
    values = {name: _plain(name, value) for name, value in row.items() if value is not None}
    if "pk" not in values or "sk" not in values:
        raise MalformedError("a row needs both key parts, pk and sk")
    check_size(values)
    return values


def loaded(values: Mapping[str, str | int]) -> Row:
    """The row a caller gets: their own copy, which they may change without changing ours."""
    row: Row = dict(values)
    if "doc" in row:
        row["doc"] = decode_doc(row["doc"])
    return row


def check_key(key: Key) -> None:
    _group_key("pk", key.pk)
    _sort_key("sk", key.sk)


def check_condition(condition: If) -> None:
    if condition is ALWAYS:
        return
    for name, value in condition.equals.items():
        _check_comparable(name)
        if value is not None:
            _plain(name, value)
    for name, value in condition.before.items():
        _check_comparable(name)
        _plain(name, value)


def check_writes(action: Action) -> None:
    if isinstance(action, Check):
        raise MalformedError("a Check writes nothing: it belongs in a transaction")


def check_limit(limit: int) -> None:
    if limit < 1:
        raise MalformedError(f"a page holds at least one row, not {limit}")


def check_size(values: Mapping[str, str | int]) -> None:
    if item_bytes(values) > MAX_ITEM_BYTES:
        raise TooLarge(f"a row holds at most {MAX_ITEM_BYTES} bytes")


def item_bytes(values: Mapping[str, str | int]) -> int:
    """What DynamoDB counts for these attributes: names and text in UTF-8."""
    size = 0
    for name, value in values.items():
        size += len(name) + (NUMBER_BYTES if isinstance(value, int) else _utf8_bytes(value))
    return size


def encode_doc(doc: Any) -> str:
    """Canonical JSON: sorted keys, no spaces, so that equal documents are equal text."""
    if not isinstance(doc, dict):
        raise MalformedError(f"doc is a JSON object, not {type(doc).__name__}")
    _check_json(doc)
    try:
        return _encode(doc).decode()
    except (TypeError, UnicodeEncodeError) as error:
        raise MalformedError(f"doc holds what JSON cannot say: {error}") from error


def decode_doc(text: str) -> Any:
    return _decode(text)


def position(*parts: str) -> str:
    """Where a page of an index ended, as a string nobody else should read."""
    return _encode(parts).decode()


def parts_of(after: str) -> tuple[str, str, str]:
    try:
        sort, pk, sk = _decode(after)
    except (msgspec.DecodeError, TypeError, ValueError) as error:
        raise MalformedError("`after` did not come from a page of this index") from error
    return sort, pk, sk


def _changes(changes: Mapping[str, Any]) -> tuple[Stored, tuple[str, ...]]:
    if not changes:
        raise MalformedError("an Update needs something to change")
    if "pk" in changes or "sk" in changes:
        raise MalformedError("a key never changes: put a new row and delete the old one")
    values = {name: _plain(name, value) for name, value in changes.items() if value is not None}
    removed = tuple(name for name, value in changes.items() if value is None)
    for name in removed:
        _check_known(name)
    check_size(values)
    return values, removed


def _check_known(name: str) -> None:
    if name not in _PLAIN:
        raise MalformedError(f"the table has no attribute {name!r}")


def _check_comparable(name: str) -> None:
    if name in ("pk", "sk", "doc"):
        raise MalformedError(f"a condition reads text and number attributes, not {name!r}")


def _plain(name: str, value: Any) -> str | int:
    _check_known(name)
    return _PLAIN[name](name, value)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise MalformedError(f"{name} is text, not {type(value).__name__}")
    if not value.isascii():
        _check_characters(name, value)
    return str.__str__(value)  # An enum's member becomes the text it stands for.


def _check_characters(name: str, value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise MalformedError(f"{name} holds half a character, which cannot be sent") from error


def _number(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise MalformedError(f"{name} is a whole number, not {type(value).__name__}")
    if abs(value) >= NUMBER_LIMIT:
        raise MalformedError(f"{name} has more than 38 digits")
    return int(value)


def _group_key(name: str, value: Any) -> str:
    return _key_part(name, value, MAX_GROUP_KEY_BYTES)


def _sort_key(name: str, value: Any) -> str:
    return _key_part(name, value, MAX_SORT_KEY_BYTES)


def _key_part(name: str, value: Any, most: int) -> str:
    if type(value) is str and value.isascii() and 0 < len(value) <= most:
        # The usual one: each call of the store asks for several.
        return value
    text = _text(name, value)
    if not text:
        raise MalformedError(f"{name} is part of a key and cannot be empty")
    if _utf8_bytes(text) > most:
        raise MalformedError(f"{name} is part of a key and holds at most {most} bytes")
    return text


def _doc(_name: str, value: Any) -> str:
    return encode_doc(value)


def _check_json(value: Any) -> None:
    """Refuses what would come back as something else, floats first of all: money is in here."""
    kind = type(value)
    if kind is dict:
        for key, inner in value.items():
            if type(key) is not str:
                raise MalformedError(f"doc has a key that is not text: {key!r}")
            if type(inner) not in _SCALARS:
                _check_json(inner)
    elif kind is list or kind is tuple:
        for inner in value:
            if type(inner) not in _SCALARS:
                _check_json(inner)
    elif not isinstance(value, str | int):
        raise MalformedError(
            f"doc holds a {kind.__name__}; it may hold text, whole numbers, "
            "true, false, null, lists and objects"
        )


def _utf8_bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())


_PLAIN: Final[Mapping[str, Callable[[str, Any], str | int]]] = {
    **dict.fromkeys(TEXT_ATTRIBUTES, _text),
    **dict.fromkeys(NUMBER_ATTRIBUTES, _number),
    **{group: _group_key for group, _ in INDEXES.values()},
    **{sort: _sort_key for _, sort in INDEXES.values()},
    "pk": _group_key,
    "sk": _sort_key,
    "doc": _doc,
}
