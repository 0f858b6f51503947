"""What really happened to an account, read from outside: the customer's page, and everybody's books.

A *trace* is one thing that cannot be taken back, as somebody wrote it down: the wallet an entry, the carrier a call,
Stripe a charge, our own history a step. Nothing here knows what was promised.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from chalicelib.domain.moments import from_rfc3339
from infra.local.demo.api import Api, Unexpected

WALLET, CARRIER, CARD, HISTORY = "wallet", "carrier", "card", "history"
E164 = re.compile(r"\+\d{8,15}")
"""Whom a fee is for stands in its cause; nothing else of a cause's wording is read."""
JUDGED_STEPS = ("access_ends", "messages_credited", "data_purged")
"""The steps of which only our own history tells when they were carried out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    book: str
    what: str
    at: datetime
    subject: str = ""
    amount: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One account at one instant."""

    at: datetime
    membership: Mapping[str, Any]
    features: Mapping[str, bool]
    entries: Sequence[Mapping[str, Any]]
    """Oldest first."""
    carrier: Mapping[str, str]
    """Number or registration → `active`, `released` or `lapsed`."""
    traces: Sequence[Trace]

    def status(self, subscription_id: str) -> str:
        """As the customer reads it; after the purge it is `forgotten`."""
        for one in self.membership["subscriptions"]:
            if one["id"] == subscription_id:
                return str(one["status"])
        return "forgotten"


@dataclass(slots=True)
class Books:
    api: Api
    account_id: str
    customer_id: str
    held: set[str] = field(default_factory=set)
    """The numbers and registrations that are this account's: the carrier does not know accounts."""
    _history: dict[str, Trace] = field(default_factory=dict)

    def read(self) -> Snapshot:
        membership = self.api.as_customer(self.account_id, "GET", "/v1/membership")
        entries = self._entries()
        carrier = self.api.must("GET", "/_carrier")
        held = {
            name: thing
            for kind in ("numbers", "registrations")
            for name, thing in carrier[kind].items()
            if name in self.held
        }
        traces = [
            *map(_of_wallet, entries),
            *_of_carrier(held),
            *self._of_card(),
            *self._of_history(),
        ]
        return Snapshot(
            at=from_rfc3339(membership["as_of"]),
            membership=membership,
            features=self.api.as_customer(self.account_id, "GET", "/v1/entitlements")["features"],
            entries=entries,
            carrier={name: thing["status"] for name, thing in held.items()},
            traces=traces,
        )

    def _entries(self) -> list[Any]:
        found: list[Any] = []
        path = "/v1/wallet/entries?limit=100"
        page = self.api.as_customer(self.account_id, "GET", path)
        found += page["data"]
        while page["has_more"]:
            cursor = f"{path}&cursor={page['next_cursor']}"
            page = self.api.as_customer(self.account_id, "GET", cursor)
            found += page["data"]
        return found[::-1]

    def _of_card(self) -> Iterator[Trace]:
        charges = self.api.stripe("GET", "/v1/charges", customer=self.customer_id, limit=100)
        if charges["has_more"]:
            raise Unexpected("The demo reads one page of charges, and there are more.")
        for charge in charges["data"]:
            yield Trace(
                book=CARD,
                what="charged" if charge["status"] == "succeeded" else "declined",
                at=datetime.fromtimestamp(charge["created"], UTC),
                amount=charge["amount"],
            )

    def _of_history(self) -> list[Trace]:
        """What was seen once stays seen: a purge leaves of an entry only that it happened."""
        path = f"/v1/admin/accounts/{self.account_id}/timeline"
        for entry in self.api.as_operator("GET", path)["past"]:
            step = entry["what"].removeprefix("step.")
            if entry["what"].startswith("step.") and step in JUDGED_STEPS:
                subject = entry.get("data", {}).get("subscription_id", "")
                at = from_rfc3339(entry["at"])
                trace = Trace(book=HISTORY, what=step, at=at, subject=subject)
                self._history.setdefault(entry["id"], trace)
        return list(self._history.values())


def _of_wallet(entry: Mapping[str, Any]) -> Trace:
    return Trace(
        book=WALLET,
        what=entry["kind"],
        at=from_rfc3339(entry["at"]),
        subject="".join(E164.findall(entry["cause"])[:1]),
        amount=entry["amount"]["amount"],
    )


def _of_carrier(held: Mapping[str, Any]) -> Iterator[Trace]:
    for name, thing in held.items():
        for call in thing["calls"]:
            yield Trace(book=CARRIER, what=call["call"], at=from_rfc3339(call["at"]), subject=name)
