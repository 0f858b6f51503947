"""How an event looks: what changed, which pattern it fits, and its object in some version."""

from __future__ import annotations

from typing import Any

import msgspec

from .versions import shaped, shaped_previous, without_private

Json = dict[str, Any]


def wants(patterns: list[str], kind: str) -> bool:
    """Whether one of them fits: most are names, and some the beginning of many."""
    return kind in patterns or any(
        one.endswith("*") and kind.startswith(one[:-1]) for one in patterns
    )


def changes(before: Json, now: Json) -> Json:
    """`previous_attributes`: of nested hashes only the members that differ."""
    previous = {}
    for name, old in before.items():
        new = now.get(name)
        if name.startswith("_") or old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict) and "object" not in old:
            previous[name] = {
                key: old.get(key) for key in old | new if old.get(key) != new.get(key)
            }
        elif isinstance(old, dict) and old.get("object") == "list":
            previous[name] = {"data": old["data"]}
        else:
            previous[name] = old
    return previous


def presented(event: Json, version: str) -> Json:
    """The event as that version shows it."""
    public = without_private(event)
    thing = msgspec.json.decode(event["_object"])
    data: Json = {"object": shaped(thing, version)}
    if event["_previous"] is not None:
        data["previous_attributes"] = shaped_previous(thing["object"], event["_previous"], version)
    public["data"] = data
    public["api_version"] = version
    return public
