"""What a customer was shown and agreed to. Written before anything is done, never changed afterwards, and it outlives
the purge (SC-1): who, when, in which role, which texts, which dates and amounts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chalicelib.domain.consequence import Consequence
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What was shown, for how long it stands, and its fingerprint."""

    id: str
    subscription_id: str
    created_at: datetime
    expires_at: datetime
    access_ends_at: datetime
    consequences: tuple[Consequence, ...]
    disclosures: Mapping[str, str]
    """Disclosure id → version."""
    policy_version: str
    fingerprint: str
    policy: str = ""
    """Whose promises they are; a policy's version is its own."""
    language: str | None = None
    """Which one it was shown in, where that is not the account's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    id: str
    preview: Preview
    who: str
    roles: tuple[str, ...]
    channel: str
    at: datetime
    reason: str | None
    comment: str | None
    consents: Mapping[str, str]
    texts: Mapping[str, str] = field(default_factory=dict)
    """Disclosure id → SHA-256 of the text that was shown."""


def fingerprint(
    consequences: Sequence[Consequence],
    policy: Policy,
    access_ends_at: datetime,
    locale: str = "en",
) -> str:
    """The same for the same promises in the same words: a change of state, policy or language since changes it."""
    said: list[Any] = [
        rfc3339(access_ends_at),
        policy.name,
        policy.version,
        sorted(
            (d.id, d.version, digest(d.text.in_language(locale)))
            for d in policy.cancellation.disclosures
        ),
        [
            [
                one.kind,
                rfc3339(one.at),
                one.subject,
                one.amount and [one.amount.amount, one.amount.currency],
                one.count,
            ]
            for one in consequences
        ],
    ]
    text = json.dumps(said, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
