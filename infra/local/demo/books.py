"""What really happened to an account, read from outside: the customer's page, and everybody's books.

A *trace* is one thing that cannot be taken back, as somebody wrote it down: the wallet an entry, the carrier a call,
Stripe a charge or a refund, the outbox a confirmation, our own history a step. Nothing here knows what was promised.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from chalicelib.domain.moments import from_rfc3339
from infra.local.demo.api import Api, Unexpected

WALLET, CARRIER, CARD, HISTORY, MAIL = "wallet", "carrier", "card", "history", "mail"
RENEWAL = "renewal"
ALL = (WALLET, CARRIER, CARD, RENEWAL, HISTORY, MAIL)
CONFIRMATION = re.compile(r"cancellation of .* is confirmed|annulation de .* est confirmée")
WORK = re.compile(r"[Ww]ork on|[Tt]ravaux")
"""The subjects of the two kinds of mail that are judged."""
LAST_DAY = re.compile(r"\((\d{4}-\d\d-\d\d)\), (?:until|jusqu'à) (\d\d:\d\d)")
E164 = re.compile(r"\+\d{8,15}")
"""Whom a fee is for stands in its cause; nothing else of a cause's wording is read."""
JUDGED_STEPS = (
    "access_ends",
    "seats_unassigned",
    "messages_credited",
    "data_purged",
)
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
    """Oldest first; empty where the wallet was not read."""
    carrier: Mapping[str, str]
    """Number or registration → `active`, `released` or `lapsed`."""
    traces: Sequence[Trace]

    def status(self, subscription_id: str) -> str:
        """As the customer reads it; after the purge it is `forgotten`."""
        for one in self.membership["subscriptions"]:
            if one["id"] == subscription_id:
                return str(one["status"])
        return "forgotten"

    def seats(self, subscription_id: str) -> set[str]:
        """The users that have one."""
        for one in self.membership["subscriptions"]:
            if one["id"] == subscription_id:
                return {seat["user"] for seat in one["seats"]}
        return set()


@dataclass(slots=True)
class Books:
    api: Api
    account_id: str
    customer_id: str
    held: set[str] = field(default_factory=set)
    """The numbers and registrations that are this account's: the carrier does not know accounts."""
    bound: set[str] = field(default_factory=set)
    """The subscriptions under a contract: when Stripe was told not to renew them is looked up at Stripe."""
    _history: dict[str, Trace] = field(default_factory=dict)

    def read(self, books: Collection[str] = ALL, *, page: bool = True) -> Snapshot:
        """`books`: whose traces are wanted; the carrier's are always there, for numbers are looked up in it.
        `page`: whether what the customer sees is wanted too."""
        membership: Mapping[str, Any] = {}
        features: Mapping[str, bool] = {}
        if page:
            membership = self.api.as_customer(self.account_id, "GET", "/v1/membership")
            entitled = self.api.as_customer(self.account_id, "GET", "/v1/entitlements")
            features = entitled["features"]
        entries = self._entries() if WALLET in books else []
        held = self._held()
        traces = [*map(_of_wallet, entries), *_of_carrier(held)]
        if CARD in books:
            traces += self._of_card()
        if RENEWAL in books:
            traces += self._of_renewal()
        if HISTORY in books:
            traces += self._of_history()
        if MAIL in books:
            traces += self._of_mail()
        return Snapshot(
            at=from_rfc3339(membership["as_of"]) if page else self.api.now(),
            membership=membership,
            features=features,
            entries=entries,
            carrier={name: thing["status"] for name, thing in held.items()},
            traces=traces,
        )

    def _held(self) -> dict[str, Any]:
        if not self.held:
            return {}
        carrier = self.api.must("GET", "/_carrier")
        return {
            name: thing
            for kind in ("numbers", "registrations")
            for name, thing in carrier[kind].items()
            if name in self.held
        }

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
            succeeded = charge["status"] == "succeeded"
            yield _at_stripe("charged" if succeeded else "declined", charge)
            if charge["amount_refunded"]:
                yield from self._refunds_of(charge["id"])

    def _refunds_of(self, charge: str) -> Iterator[Trace]:
        refunds = self.api.stripe("GET", "/v1/refunds", charge=charge, limit=100)
        for refund in refunds["data"]:
            yield _at_stripe("refunded", refund)

    def _of_renewal(self) -> Iterator[Trace]:
        for name in sorted(self.bound):
            said = self.api.stripe("GET", f"/v1/subscriptions/{name}")
            if said["canceled_at"] is not None:
                at = datetime.fromtimestamp(said["canceled_at"], UTC)
                yield Trace(book=RENEWAL, what="renewal_off", at=at, subject=name)

    def _of_mail(self) -> Iterator[Trace]:
        for mail in self.api.must("GET", "/_outbox")["mail"]:
            if mail["account_id"] != self.account_id:
                continue
            if WORK.search(mail["subject"]):
                yield Trace(book=MAIL, what="work", at=from_rfc3339(mail["at"]))
            if CONFIRMATION.search(mail["subject"]):
                named = [" ".join(found) for found in LAST_DAY.findall(mail["text"])]
                yield Trace(
                    book=MAIL,
                    what="confirmation",
                    at=from_rfc3339(mail["at"]),
                    subject=", ".join(named) or "no last day",
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


def _at_stripe(what: str, thing: Mapping[str, Any]) -> Trace:
    at = datetime.fromtimestamp(thing["created"], UTC)
    return Trace(book=CARD, what=what, at=at, amount=thing["amount"])


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
