"""Holds every event that leaves in a test against the JSON Schema that is committed for its type.

By an independent reader of JSON Schema, and of the files as they lie in the documentation: what others are told there
must be true of whatever any story makes us say.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema_rs import Draft202012Validator

from chalicelib.domain.cloud_events import cloud_event
from chalicelib.domain.moments import from_rfc3339, rfc3339
from infra.local.outbox import Outbox

SCHEMAS = Path(__file__).resolve().parents[2] / "docs/reference/events"
MISFITS: list[str] = []
"""What left and does not fit. A failed event is tried again and set aside, so an error alone might pass unnoticed."""


@cache
def _reader(type: str) -> tuple[Draft202012Validator, dict[str, Any]] | None:
    """None where the type is not documented."""

    def is_instant(value: str) -> bool:
        try:
            return rfc3339(from_rfc3339(value)) == value
        except ValueError:
            return False

    path = SCHEMAS / f"{type}.json"
    if not path.exists():
        return None
    schema = json.loads(path.read_text("utf-8"))
    reader = Draft202012Validator(schema, formats={"date-time": is_instant}, validate_formats=True)
    return reader, schema["properties"]


def misfits(event: dict[str, Any]) -> list[str]:
    """What about an event, as it arrives, is not as the documentation says."""
    known = _reader(str(event.get("type")))
    if known is None:
        return [f"{event.get('type')} is not documented"]
    reader, listed = known
    data, listed_data = event.get("data", {}), listed["data"]["properties"]
    if (
        reader.is_valid(event)
        and event.keys() <= listed.keys()
        and data.keys() <= listed_data.keys()
    ):
        return []
    return [
        *(
            f"{event['type']}: {'.'.join(('$', *map(str, one.instance_path)))}: {one.message}"
            for one in reader.iter_errors(event)
        ),
        *(f"{event['type']}: {name} is not listed" for name in sorted(set(event) - set(listed))),
        *(
            f"{event['type']}: data.{name} is not listed"
            for name in sorted(set(data) - set(listed_data))
        ),
    ]


def watch() -> None:
    """From now on, in this process. Called once."""
    publish = Outbox.publish

    def watched(self: Outbox, event: Any) -> None:
        # As JSON, because that is how it leaves.
        MISFITS.extend(misfits(json.loads(json.dumps(cloud_event(event)))))
        publish(self, event)

    Outbox.publish = watched  # type: ignore[method-assign]


def demo() -> int:
    """The demo, watched: `python -m tests.support.event_schemas`."""
    from infra.local.demo import main

    watch()
    code = main()
    for one in MISFITS:
        print(one)
    return code or bool(MISFITS)


if __name__ == "__main__":
    raise SystemExit(demo())
