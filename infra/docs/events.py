"""docs/reference/events: the JSON Schema of every event type, and a page that lists them."""

import json

from chalicelib.domain.cloud_events import schema
from chalicelib.domain.news import CATALOGUE, EventType

HEAD = """\
# Outbound events

Made by `python -m infra.docs events`; do not edit.

Each event says that something has happened to one account, in the words of CloudEvents 1.0: `specversion`, `id`,
`source`, `type`, `time`, `subject`, `sequence`, `datacontenttype`, `dataschema`, `data`; and `account_id`, which is the
`subject` once more. On EventBridge the type is the `detail-type`, the source is `lapse`, and the event is the `detail`;
an HTTP endpoint gets it as the body of a signed request ([how](../../how-to/receive-our-events.md)).

- **At least once.** The same event may arrive again, under the same `id`: de-duplicate on it.
- **In order, per account.** `sequence` sorts an account's events as texts; there are gaps, since not all of the history
  is told. An event that cannot be delivered holds up the later ones of its account, and nobody else's. One that never
  can be is set aside for an operator and comes later, under the `id`, `time` and `sequence` it always had.
- **Only what is listed here leaves.** Instants are RFC 3339 in UTC, money is in whole minor units.
- **No field of `data` is promised.** After a purge only that something happened is known. New fields may be added; a
  type or field that is here never changes its meaning.
"""


def files() -> dict[str, str]:
    """Name → content."""
    types = {one.type: one for one in CATALOGUE.values()}
    page = [HEAD, "| type | says | data |", "|---|---|---|"]
    page += [_row(types[name]) for name in sorted(types)]
    schemas = {f"{name}.json": _json(types[name]) for name in sorted(types)}
    return {"README.md": "\n".join(page) + "\n", **schemas}


def _row(one: EventType) -> str:
    fields = ", ".join(f"`{name}`" for name in one.fields) or "nothing"
    return f"| [`{one.type}`]({one.type}.json) | {one.says} | {fields} |"


def _json(one: EventType) -> str:
    return json.dumps(schema(one), indent=2, ensure_ascii=False) + "\n"
