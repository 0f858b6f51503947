"""Bodies as the published document describes them, mostly of words that mean something here, now and then broken.

Schemathesis makes bodies as well, but nearly all of its texts mean nothing to us: none gets past the first check.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any

Words = Mapping[str, list[Any]]

PLAIN = [
    "plain",
    "0",
    " ",
    "a b",
    "é🙂",
    "\u202e",
    "x" * 200,
    "A#B",
    "line\nbreak",
    "\x7f",
    "\x00",
    "'; --",
    "{{7*7}}",
]
MOMENTS = [
    "2026-01-31T12:00:00Z", "2026-03-01T00:00:00+02:00", "2026-02-07T09:00:00.5Z", "1970-01-01T00:00:00Z",
    "2199-12-31T23:59:59Z", "2024-02-29T00:00:00Z", "2026-02-05T12:00:00Z", "2026-01-01T00:00:00-14:00",
]  # fmt: skip
JUNK: list[Any] = [
    None, True, 0, -1, 1.5, 10**20, "", " ", "\x00", "x" * 6000, [], {}, [None], [[]], {"a": {}}, "2026-02-30T00:00:00Z",
    "999999-01-01T00:00:00Z", "usd\n", "\u202e", "٣",
]  # fmt: skip
GONE = object()


def body_of(schema: Any, document: Any, words: Words, chance: Random) -> Any:
    """A body of this schema; in one case of four with one of its parts missing, or junk."""
    body = _value("", schema, document, words, chance)
    if not chance.choice([False, False, False, True]):
        return body
    places = list(_places(body))
    return _broken(body, chance.choice(places), chance.choice([GONE, *JUNK]))


def _value(name: str, schema: Any, document: Any, words: Words, chance: Random) -> Any:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    if "anyOf" in schema:
        return _value(name, chance.choice(schema["anyOf"]), document, words, chance)
    if "enum" in schema:
        return chance.choice(schema["enum"])
    match schema.get("type"):
        case "object":
            return _object(schema, document, words, chance)
        case "array":
            few = chance.randint(schema.get("minItems", 0), 3)
            return [_value(name, schema["items"], document, words, chance) for _ in range(few)]
        case "integer":
            least, most = schema.get("minimum", -5), schema.get("maximum", 5000)
            return chance.choice([least, least + 1, min(4900, most), most])
        case "boolean":
            return chance.choice([True, False])
        case "null":
            return None
        case "string":
            return _text(name, schema, words, chance)
    raise AssertionError(f"{name}: a type nobody told us how to make: {schema}")


def _object(schema: Any, document: Any, words: Words, chance: Random) -> Any:
    required = schema.get("required", ())
    return {
        name: _value(name, inner, document, words, chance)
        for name, inner in schema.get("properties", {}).items()
        if name in required or chance.choice([True, False])
    }


def _text(name: str, schema: Any, words: Words, chance: Random) -> str:
    if schema.get("format") == "date-time":
        return str(chance.choice(MOMENTS))
    known = words.get(name)
    return str(chance.choice(known if known and chance.random() < 0.9 else PLAIN))


def _places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in it, and the whole."""
    yield above
    if isinstance(value, dict):
        inner: Any = value.items()
    else:
        inner = enumerate(value) if isinstance(value, list) else ()
    for name, one in inner:
        yield from _places(one, (*above, name))


def _broken(body: Any, place: tuple[Any, ...], junk: Any) -> Any:
    if not place:
        return None if junk is GONE else junk
    made = copy.deepcopy(body)
    *above, last = place
    inside = made
    for name in above:
        inside = inside[name]
    if junk is GONE:
        del inside[last]
    else:
        inside[last] = junk
    return made
