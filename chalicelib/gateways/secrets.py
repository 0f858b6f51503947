"""Secrets: what a setting says of one, turned into its text when it is needed, and never written anywhere.

A setting holds the text itself, or says where it lies: `secretsmanager:NAME` or `ssm:NAME`, with `#KEY` behind it when
the text is a JSON object and one value of it is meant. What was read is kept for a quarter of an hour. Whoever learns
that a secret is no longer accepted has it read again, at most once a minute: so a rotation loses nothing, and a
stranger who sends bad signatures cannot make us call AWS for each of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from chalicelib import log
from chalicelib.clock import Clock, SystemClock
from chalicelib.gateways import aws

KEPT = timedelta(minutes=15)
APART = timedelta(minutes=1)
APART_WITHOUT_TEXT = timedelta(seconds=5)
SERVICES = ("secretsmanager", "ssm")
CONNECT_SECONDS = 2
READ_SECONDS = 3

Read = Callable[[str], str]
"""The text that lies under a name, at one service."""


class SecretUnavailable(Exception):
    """The secret could not be read, and was never read before. The message says where it lies, never what it is."""


class Secret(Protocol):
    def __call__(self) -> str:
        """The text. Raises SecretUnavailable."""
        ...

    def refresh(self) -> bool:
        """It is no longer accepted: read it again. Whether it is another one now; False also when it was read
        less than a minute ago."""
        ...


@dataclass(frozen=True, slots=True)
class Plain:
    """A secret that stands in the setting itself."""

    text: str = field(repr=False)

    def __call__(self) -> str:
        return self.text

    def refresh(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class _Place:
    service: str
    name: str

    def __str__(self) -> str:
        return f"{self.service}:{self.name}"


@dataclass(slots=True)
class _Known:
    text: str | None = field(default=None, repr=False)
    read_at: datetime | None = None
    tried_at: datetime | None = None


class Vault:
    """What this process has read. One for all secrets, so that two values of one JSON object are one call."""

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        region: str = "us-east-1",
        services: Mapping[str, Read] | None = None,
    ) -> None:
        self._clock = clock or SystemClock()
        self._services = services or {
            "secretsmanager": _secrets_manager(region),
            "ssm": _parameter_store(region),
        }
        self._known: dict[_Place, _Known] = {}

    def secret(self, setting: str) -> Secret:
        """Reads nothing yet. Raises ValueError for a place that names nothing."""
        service, colon, rest = setting.strip().partition(":")
        if not colon or service not in SERVICES:
            return Plain(setting.strip())
        name, hash, key = rest.partition("#")
        if not name or (hash and not key):
            raise ValueError(f"a secret's place reads {service}:NAME or {service}:NAME#KEY")
        return _Kept(self, _Place(service, name), key or None)

    def text(self, place: _Place) -> str:
        known = self._known.setdefault(place, _Known())
        if known.read_at is None or not _within(KEPT, known.read_at, self._clock.now()):
            self._read(place, known, APART if known.text is not None else APART_WITHOUT_TEXT)
        if known.text is None:
            raise SecretUnavailable(f"{place} could not be read")
        return known.text

    def read_again(self, place: _Place) -> None:
        self._read(place, self._known.setdefault(place, _Known()), APART)

    def _read(self, place: _Place, known: _Known, apart: timedelta) -> None:
        """What we have stays in use when the service cannot be reached."""
        now = self._clock.now()
        if known.tried_at is not None and _within(apart, known.tried_at, now):
            return
        known.tried_at = now
        try:
            known.text = self._services[place.service](place.name)
        except Exception as error:  # noqa: BLE001 - refused, missing, unreachable: without a text it is all the same
            log.problem("secret_not_read", error, place=str(place))
        else:
            known.read_at = now


@dataclass(frozen=True, slots=True)
class _Kept:
    vault: Vault = field(repr=False)
    place: _Place
    key: str | None

    def __call__(self) -> str:
        return self._meant(self.vault.text(self.place))

    def refresh(self) -> bool:
        before = self._text_or_none()
        self.vault.read_again(self.place)
        return self._text_or_none() not in (None, before)

    def _text_or_none(self) -> str | None:
        try:
            return self()
        except SecretUnavailable:
            return None

    def _meant(self, text: str) -> str:
        if self.key is None:
            return text.strip()
        try:
            found = json.loads(text)
            value = found[self.key] if isinstance(found, dict) else None
        except (ValueError, KeyError):
            value = None
        if not isinstance(value, str) or not value.strip():
            # Not `from`: what json or a dictionary complains about may quote the secret.
            raise SecretUnavailable(f"{self.place} has no text under {self.key}") from None
        return value.strip()


def _secrets_manager(region: str) -> Read:
    def read(name: str) -> str:
        text: str = _client("secretsmanager", region).get_secret_value(SecretId=name)[
            "SecretString"
        ]
        return text

    return read


def _parameter_store(region: str) -> Read:
    def read(name: str) -> str:
        answer = _client("ssm", region).get_parameter(Name=name, WithDecryption=True)
        text: str = answer["Parameter"]["Value"]
        return text

    return read


def _client(service: str, region: str) -> Any:
    return aws.client(service, region, seconds=READ_SECONDS, attempts=2, connecting=CONNECT_SECONDS)


def _within(span: timedelta, since: datetime, now: datetime) -> bool:
    """Also false when the clock was set back: then nobody can tell how long ago it was."""
    return timedelta(0) <= now - since < span
