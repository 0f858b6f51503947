"""The issuer's public keys: configured, or fetched when one is first needed, kept for an hour, and asked for again when
a token names one we do not know.

Whoever sends tokens with made-up key names must not make us call the issuer for each of them, so two fetches lie apart.
An issuer that is down takes nobody down with it: the keys we have go on being used.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from chalicelib import log
from chalicelib.gateways import http

KEPT = timedelta(hours=1)
APART = timedelta(seconds=30)
APART_WITHOUT_KEYS = timedelta(seconds=5)
TIMEOUT_SECONDS = 3.0


class KeysUnavailable(Exception):
    """The issuer gave us no keys yet, so no token can be judged. Nobody is to blame but the connection."""


def fetch(url: str) -> bytes:
    return http.send("GET", url, seconds=TIMEOUT_SECONDS).body


@dataclass(slots=True)
class IssuerKeys:
    configured: Mapping[str, Any] | None
    url: str | None
    fetch: Callable[[str], bytes] = fetch
    _heard: Any = None
    _known: dict[str, Any] = field(default_factory=dict)
    _fetched_at: datetime | None = None
    _tried_at: datetime | None = None

    def named(self, key_id: str, now: datetime) -> Any | None:
        """The key, or None if the issuer has none of this name. Raises KeysUnavailable."""
        if key_id not in self._known or self._are_old(now):
            self._refresh(now)
        return self._known.get(key_id)

    def _are_old(self, now: datetime) -> bool:
        return self._fetched_at is None or not _within(KEPT, self._fetched_at, now)

    def _refresh(self, now: datetime) -> None:
        apart = APART if self._fetched_at is not None else APART_WITHOUT_KEYS
        if self._tried_at is None or not _within(apart, self._tried_at, now):
            self._tried_at = now
            self._load(now)
        if self._fetched_at is None:
            raise KeysUnavailable("no keys of the issuer's yet")

    def _load(self, now: datetime) -> None:
        try:
            said = self._said()
            # The very same keys stay the very same, so what they verified need not be verified again.
            if said != self._heard:
                self._known, self._heard = _signing_keys(said), said
        except Exception as error:  # noqa: BLE001 - whatever a stranger's server answers; the keys we have stay
            log.problem("keys_not_fetched", error)
        else:
            self._fetched_at = now

    def _said(self) -> Any:
        if self.configured is not None:
            return self.configured
        if self.url is None:
            raise ValueError("no keys are configured to verify access tokens with")
        return json.loads(self.fetch(self.url))


def _signing_keys(said: Any) -> dict[str, Any]:
    import jwt

    keys = jwt.PyJWKSet.from_dict(dict(said)).keys
    return {
        key.key_id: key.key
        for key in keys
        if key.key_id is not None and key.public_key_use in (None, "sig")
    }


def _within(span: timedelta, since: datetime, now: datetime) -> bool:
    """Also false when the clock was set back: then nobody can tell how long ago it was."""
    return timedelta(0) <= now - since < span
