"""A domain event as it leaves: in CloudEvents' words, the same for every way out, with a JSON Schema for each type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.domain.moments import rfc3339
from chalicelib.domain.news import DomainEvent, EventType, Kind

SOURCE = "lapse"
MOST_BYTES = 256 * 1024
"""Of one event. Amazon EventBridge takes no larger one, and nobody else should have to."""


def cloud_event(event: DomainEvent) -> dict[str, Any]:
    """`account_id` is no name that CloudEvents allows for an attribute of ours. It stays: others rely on it."""
    return {
        "specversion": "1.0",
        "id": event.id,
        "source": SOURCE,
        "type": event.type,
        "time": rfc3339(event.time),
        "subject": event.account_id,
        "sequence": event.sequence,
        "datacontenttype": "application/json",
        "dataschema": data_schema(event.type),
        "account_id": event.account_id,
        "data": dict(event.data),
    }


def data_schema(type: str) -> str:
    """The name of the schema that the event's `data` fits: it is read in the documentation, and nowhere fetched."""
    return f"urn:lapse:event-data:{type}:1"


def schema(event_type: EventType) -> dict[str, Any]:
    """The JSON Schema of an event of this type, as it arrives. No field of `data` is promised: a purge that
    overtakes a publisher that was down leaves only that it happened."""
    fields = {
        "specversion": {"const": "1.0"},
        "id": {"type": "string", "minLength": 1, "description": "Stable: de-duplicate on it."},
        "source": {"const": SOURCE},
        "type": {"const": event_type.type},
        "time": {"type": "string", "format": "date-time"},
        "subject": {"type": "string", "description": "The account, as in `account_id`."},
        "sequence": {
            "type": "string",
            "pattern": r"^\d{12}\.\d{3}$",
            "description": "Sorts the events of one account into the order in which things happened.",
        },
        "datacontenttype": {"const": "application/json"},
        "dataschema": {"const": data_schema(event_type.type)},
        "account_id": {"type": "string"},
        "data": {
            "$id": data_schema(event_type.type),
            "type": "object",
            "properties": {name: _SCHEMAS[kind] for name, kind in event_type.fields.items()},
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:lapse:event:{event_type.type}:1",
        "title": event_type.type,
        "description": event_type.says,
        "type": "object",
        "required": list(fields),
        "properties": fields,
    }


_SCHEMAS: Mapping[Kind, Mapping[str, Any]] = {
    "id": {"type": "string"},
    "word": {"type": "string"},
    "words": {"type": "array", "items": {"type": "string"}},
    "instant": {"type": "string", "format": "date-time"},
    "count": {"type": "integer", "minimum": 0},
    "yes_or_no": {"type": "boolean"},
    "money": {
        "type": "object",
        "description": "Whole minor units: cents of a dollar.",
        "required": ["amount", "currency"],
        "properties": {"amount": {"type": "integer"}, "currency": {"type": "string"}},
    },
}
