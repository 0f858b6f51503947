"""SC-10: what a purge asks of everybody who keeps something of the account, how far each has come, and the certificate.

A purger tells what it will delete before it deletes it, and that is saved first: so the counts are right also when a
run dies in between. A certificate says what, when and how much, with the hash of exactly that; no content, no name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from chalicelib.domain.moments import rfc3339

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """One purge of one account, the same at every try."""

    id: str
    account_id: str
    before: datetime
    """What was there at this moment goes. Whoever can tell keeps what is newer: it is of a customer who came back."""
    spares: bool = False
    """Who cannot tell how old something is must leave it: the customer has come back (after a restore)."""
    restored: bool = False
    """It was purged before, and came back with a backup: nothing here is older than the purge by right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far one purger has come with one erasure.

    Everything up to `counted` is in `deleted`; everything up to `erased` is gone. A run that finds them apart deletes
    up to `counted` again, without counting it twice.
    """

    erasure_id: str
    deleted: Mapping[str, int] = field(default_factory=dict)
    newer: int = 0
    """What was left because it is newer than the erasure, in the last pass."""
    counted: str | None = None
    erased: str | None = None
    clean: bool = True
    """Nothing was found in this pass. Done is who passed everything from the beginning and found nothing."""
    done_at: datetime | None = None

    def counting(self, found: Mapping[str, int], newer: int, through: str) -> Progress:
        return replace(
            self,
            deleted=added(self.deleted, found),
            newer=self.newer + newer,
            counted=through,
            clean=self.clean and not found,
        )

    def erased_all_counted(self) -> Progress:
        return replace(self, erased=self.counted)

    def from_the_beginning(self) -> Progress:
        return replace(self, counted=None, erased=None, newer=0, clean=True)


def added(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {kind: one.get(kind, 0) + other.get(kind, 0) for kind in sorted({*one, *other})}


Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """Proof that an account's data was deleted. It outlives the purge, and holds nothing of what was deleted."""

    id: str
    account_id: str
    policy: str
    due_at: datetime
    began_at: datetime
    finished_at: datetime
    deleted: Mapping[str, Mapping[str, int]]
    """Purger → kind → how many."""
    newer: Mapping[str, int]
    """Purger → how many were left, being newer than the purge."""
    approvals: int
    """How many people had approved it, where the policy wants that."""

    def sealed(self) -> Json:
        """As it is kept and shown: its content, and the SHA-256 of exactly that."""
        content: Json = {
            "format": FORMAT,
            "id": self.id,
            "account_id": self.account_id,
            "policy": self.policy,
            "due_at": rfc3339(self.due_at),
            "began_at": rfc3339(self.began_at),
            "finished_at": rfc3339(self.finished_at),
            "deleted": {name: dict(counts) for name, counts in self.deleted.items()},
            "newer": dict(self.newer),
            "approvals": self.approvals,
        }
        return {**content, "sha256": fingerprint(content)}


def fingerprint(content: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical text: keys sorted, no spaces, UTF-8. Anybody can compute it again."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def is_genuine(sealed: Mapping[str, Any]) -> bool:
    """Whether a certificate says what it said when it was sealed: nothing changed, added or taken away."""
    content = {name: value for name, value in sealed.items() if name != "sha256"}
    return sealed.get("sha256") == fingerprint(content)


def erasure_id(account_id: str, due: datetime) -> str:
    """The same at every try of one purge; it names neither the account nor its place."""
    return "purge_" + hashlib.sha256(f"{account_id}#{rfc3339(due)}".encode()).hexdigest()[:24]
