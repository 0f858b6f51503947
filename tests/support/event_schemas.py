"""Holds every event that leaves in a test against the JSON Schema that is committed for its type.

By an independent reader of JSON Schema, and of the files as they lie in the documentation: what others are told there
must be true of whatever any story makes us say.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from chalicelib.domain.cloud_events import cloud_event
from chalicelib.domain.moments import from_rfc3339, rfc3339
from infra.local.outbox import Outbox

SCHEMAS = Path(__file__).resolve().parents[2] / "docs/reference/events"
MISFITS: list[str] = []
"""What left and does not fit. A failed event is tried again and set aside, so an error alone might pass unnoticed."""


@cache
def _reader(type: str) -> Any:
    from jsonschema import Draft202012Validator, FormatChecker

    formats = FormatChecker(formats=())

    @formats.checks("date-time", raises=ValueError)
    def _is_instant(value: object) -> bool:
        return not isinstance(value, str) or rfc3339(from_rfc3339(value)) == value

    schema = json.loads((SCHEMAS / f"{type}.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=formats)


def misfits(event: dict[str, Any]) -> list[str]:
    """What about an event, as it arrives, is not as the documentation says."""
    path = SCHEMAS / f"{event.get('type')}.json"
    if not path.exists():
        return [f"{event.get('type')} is not documented"]
    reader = _reader(event["type"])
    listed = reader.schema["properties"]
    return [
        *(f"{event['type']}: {one.json_path}: {one.message}" for one in reader.iter_errors(event)),
        *(f"{event['type']}: {name} is not listed" for name in sorted(set(event) - set(listed))),
        *(
            f"{event['type']}: data.{name} is not listed"
            for name in sorted(set(event.get("data", {})) - set(listed["data"]["properties"]))
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
