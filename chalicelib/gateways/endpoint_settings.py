"""Reads from the settings which HTTP endpoints get our events. Whatever is not exactly understood is refused with a
sentence: nothing is sent to an address, or signed with a secret, that was not meant.

    [{"name": "app", "url": "https://app.example.com/lapse/events", "since": "2026-12-01T00:00:00Z",
      "secrets": ["secretsmanager:lapse/prod/endpoints#app"]}]
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from chalicelib.clock import Clock
from chalicelib.domain.moments import from_rfc3339
from chalicelib.gateways.event_endpoint import EventEndpoint
from chalicelib.gateways.http import LOOPBACK
from chalicelib.gateways.secrets import Secret

KEYS = frozenset({"name", "url", "since", "secrets"})
TAKEN = frozenset({"bus", "notices"})
"""Ways out that are not endpoints."""
_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


class EndpointsWrong(ValueError):
    """The setting cannot be used. The message says which endpoint, and why."""


def endpoint(
    said: Sequence[Any], name: str, *, clock: Clock, secret: Callable[[str], Secret]
) -> EventEndpoint:
    """The one of this name. Raises EndpointsWrong."""
    meant = [one for one in said if isinstance(one, Mapping) and one.get("name") == name]
    if not _NAME.fullmatch(name) or name in TAKEN:
        raise EndpointsWrong(
            f"an endpoint's name is a short word of small letters, digits and _, not {name!r}"
        )
    if len(meant) != 1:
        raise EndpointsWrong(f"there are {len(meant)} endpoints called {name}")
    (one,) = meant
    if unknown := sorted(set(one) - KEYS):
        raise EndpointsWrong(f"endpoint {name}: unknown: {', '.join(unknown)}")
    _must_be_address(name, one.get("url"))
    places = one.get("secrets")
    if not isinstance(places, list) or not places or not all(_is_text(p) for p in places):
        raise EndpointsWrong(f"endpoint {name}: secrets is a list of at least one")
    try:
        since = from_rfc3339(one.get("since", ""))
    except (ValueError, TypeError, AttributeError):
        raise EndpointsWrong(
            f"endpoint {name}: since is the instant from which on it is told, such as 2026-12-01T00:00:00Z"
        ) from None
    try:
        secrets = [secret(place) for place in places]
    except ValueError as error:
        raise EndpointsWrong(f"endpoint {name}: {error}") from error
    return EventEndpoint(one["url"], secrets=secrets, since=since, clock=clock)


def _must_be_address(name: str, url: object) -> None:
    try:
        target = urlsplit(url) if isinstance(url, str) else None
        host = target.hostname if target else None
    except ValueError:
        target, host = None, None
    if target is None or not host or "@" in target.netloc:
        raise EndpointsWrong(f"endpoint {name}: url is an https address without a user in it")
    if target.scheme != "https" and not (target.scheme == "http" and host in LOOPBACK):
        raise EndpointsWrong(f"endpoint {name}: url is an https address")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())
