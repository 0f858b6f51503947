"""What `make run` can be told by the environment: LAPSE_PORT, LAPSE_STATE, LAPSE_START, LAPSE_POLICY,
LAPSE_EVENT_ENDPOINTS."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from chalicelib.domain.moments import from_rfc3339
from infra.local.endpoints import CannotStart, check_loopback

PORT = 8765


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    port: int = PORT
    """0 takes a free one."""
    state: Path | None = None
    start: datetime | None = None
    policy: Path | None = None
    event_endpoints: tuple[dict[str, Any], ...] = ()
    """Who gets the events by HTTP, on this machine."""
    seeded: bool = True
    """Whether the six accounts are put into a new stack."""


def from_environment(environment: Mapping[str, str]) -> Options:
    """Raises CannotStart with a sentence."""
    return Options(
        port=_port(environment.get("LAPSE_PORT") or str(PORT)),
        state=_path(environment.get("LAPSE_STATE")),
        start=_start(environment.get("LAPSE_START")),
        policy=_policy(environment.get("LAPSE_POLICY")),
        event_endpoints=_endpoints(environment.get("LAPSE_EVENT_ENDPOINTS")),
    )


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise CannotStart(f"LAPSE_PORT={text} is no port: give a number from 1 to 65535.")
    return int(text)


def _path(text: str | None) -> Path | None:
    return Path(text).expanduser().absolute() if text else None


def _start(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        return from_rfc3339(text)
    except ValueError:
        raise CannotStart(
            f"LAPSE_START={text} is no instant: write it like 2027-01-01T00:00:00Z."
        ) from None


def _policy(text: str | None) -> Path | None:
    path = _path(text)
    if path is not None and not path.is_file():
        raise CannotStart(f"LAPSE_POLICY={text} is no file: give the path of a policy in TOML.")
    return path


def _endpoints(text: str | None) -> tuple[dict[str, Any], ...]:
    """As in production, but nothing leaves this machine."""
    try:
        said = json.loads(text or "[]")
        for one in said:
            check_loopback(one["url"], "An event endpoint")
    except (ValueError, TypeError, KeyError):
        raise CannotStart(
            f"LAPSE_EVENT_ENDPOINTS={text} cannot be read: docs/how-to/receive-our-events.md says how to write it."
        ) from None
    return tuple(said)
