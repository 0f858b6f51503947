"""Outbound domain events: the table of everything we say to other systems, and how a history entry becomes one.

The history is the outbox. An event's id is its entry's own, so it is the same however often it is published. Only the
fields listed here leave: whatever else an entry holds is ours. An entry that is not in the table is refused, never
guessed at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from chalicelib.domain import steps

Kind = Literal["id", "word", "words", "instant", "count", "money", "yes_or_no"]


class Uncatalogued(Exception):
    """The history says something that this table does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """What the history keeps of one fact. After a purge, `data` is empty."""

    id: str
    what: str
    by: str
    at: datetime
    version: int
    previous: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainEvent:
    id: str
    type: str
    time: datetime
    account_id: str
    sequence: str
    """Sorts the account's events into the order in which things happened. There are gaps: not all of it is told."""
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EventType:
    type: str
    says: str
    fields: Mapping[str, Kind] = field(default_factory=dict)


_SUBSCRIPTION: dict[str, Kind] = {
    "subscription_id": "id",
    "plan": "word",
    "status": "word",
    "access_ends_at": "instant",
}
_INVOICE: Mapping[str, Kind] = {
    "subscription_id": "id",
    "invoice_id": "id",
    "access_ends_at": "instant",
}
_NUMBER: dict[str, Kind] = {"number": "id"}
_REGISTRATION: Mapping[str, Kind] = {"registration": "id"}
_SEAT: Mapping[str, Kind] = {"subscription_id": "id", "user": "id"}
_CASE: dict[str, Kind] = {"case_id": "id", "kind": "word", "subscription_id": "id"}
_DISPUTE = _CASE | {
    "charge_id": "id",
    "status": "word",
    "amount": "money",
    "due": "instant",
    "refunded": "yes_or_no",
}
_STEP: Mapping[str, Kind] = {"due": "instant", "count": "count"}
_WORK: Mapping[str, Kind] = {
    "window_id": "id",
    "starts_at": "instant",
    "ends_at": "instant",
    "kind": "word",
    "days": "count",
}
_END: Mapping[str, Kind] = {"subscription_id": "id", "plan": "word", "due": "instant"}


def _same(type: str, says: str, fields: Mapping[str, Kind]) -> tuple[str, EventType]:
    return type, EventType(type, says, fields)


def _step(kind: str, type: str, says: str, fields: Mapping[str, Kind]) -> tuple[str, EventType]:
    return f"step.{kind}", EventType(type, says, fields)


CATALOGUE: Mapping[str, EventType] = dict([
    _same("account.created", "An account was put for the first time.", {"policy": "word"}),
    _same("account.updated", "An account was described anew; `changed` names the fields.",
          {"changed": "words"}),
    _same("account.adopted", "An account came from another system, with what Stripe has of it.",
          {"count": "count"}),
    _same("subscription.incomplete", "A subscription exists and waits for its first payment.",
          _SUBSCRIPTION),
    _same("subscription.started", "A subscription began.", _SUBSCRIPTION),
    _same("subscription.renewed", "A new billing period began.", _SUBSCRIPTION),
    _same("subscription.paid", "A period was paid for.", _INVOICE),
    _same("subscription.payment_failed", "A charge failed.", _INVOICE),
    _same("subscription.past_due", "A payment is overdue.", _SUBSCRIPTION),
    _same("subscription.invoice_written_off", "An invoice was voided or given up.", _INVOICE),
    _same("subscription.collection_stopped", "The card is not tried any more; the debt stays.",
          _INVOICE),
    _same("subscription.collection_resumed", "The card is tried again.", _INVOICE),
    _same("subscription.suspended", "A subscription was paused.", _SUBSCRIPTION),
    _same("subscription.plan_changed", "A subscription moved to another plan.", _SUBSCRIPTION),
    _same("subscription.updated", "Something else about a subscription changed.", _SUBSCRIPTION),
    _same("subscription.cancellation_scheduled",
          "Stripe confirmed a cancellation: it will not renew. Access ends at `access_ends_at`.",
          _SUBSCRIPTION | {"stripe_reason": "word", "feedback": "word"}),
    _same("subscription.resumed", "A cancellation was undone: it renews again.", _SUBSCRIPTION),
    _same("subscription.ended", "Stripe ended a subscription. Access ends at `access_ends_at`.",
          _SUBSCRIPTION | {"stripe_reason": "word", "feedback": "word"}),
    _same("number.added", "A phone number was put for the first time.", _NUMBER),
    _same("number.updated", "A phone number was described anew.", _NUMBER),
    _same("number.removal_asked", "Somebody removed a phone number.", _NUMBER),
    _same("number.released", "The carrier confirmed that a number is given back.", _NUMBER),
    _same("number.kept", "A number stays: its release was called off in time.", _NUMBER),
    _same("number.recovered", "A released number is rented again, and the account's.",
          _NUMBER | {"next_fee_at": "instant"}),
    _same("registration.added", "A registration was put for the first time.", _REGISTRATION),
    _same("registration.updated", "A registration was described anew.", _REGISTRATION),
    _same("registration.withdrawal_asked", "Somebody declined or withdrew a registration.",
          _REGISTRATION),
    _same("registration.lapsed", "A registration lapsed.", _REGISTRATION),
    _same("registration.withdrawn", "An active registration was withdrawn.", _REGISTRATION),
    _same("registration.declined", "A pending registration was declined.", _REGISTRATION),
    _same("registration.kept", "A registration stays: its lapse was called off in time.",
          _REGISTRATION),
    _same("seat.assigned", "A seat was assigned to a user.", _SEAT),
    _same("seat.unassigned", "A seat was taken from a user.", _SEAT),
    _same("subscription.payment_refunded",
          "The whole payment of the newest period was given back.", _SUBSCRIPTION),
    _same("subscription.payment_refund_failed", "Such a refund failed after all.", _SUBSCRIPTION),
    _same("case.opened", "A refund request, an appeal or a dispute was received.", _CASE),
    _same("case.refused", "A request was refused at once, for a reason the policy names.", _CASE),
    _same("case.replied", "Somebody replied in a case.", _CASE | {"by_role": "word"}),
    _same("case.decided", "A person decided a case.",
          _CASE | {"approved": "yes_or_no", "amount": "money"}),
    _same("case.refunded", "Stripe said how the refund of a case stands.",
          _CASE | {"status": "word", "amount": "money"}),
    _same("case.refund_failed", "The refund of a case failed: it is open again.",
          _CASE | {"reason": "word"}),
    _same("case.credited", "An appeal was credited to the wallet.", _CASE | {"amount": "money"}),
    ("case.reminder", EventType("case.reminded", "A reply or decision falls due soon.",
                                _CASE | {"due": "instant", "waiting_for": "words"})),
    _same("case.overdue", "A reply or decision is overdue.",
          _CASE | {"due": "instant", "waiting_for": "words"}),
    _same("dispute.opened", "A payment is disputed.", _DISPUTE),
    _same("dispute.updated", "A dispute moved on.", _DISPUTE),
    _same("dispute.won", "A dispute was won.", _DISPUTE),
    _same("dispute.lost", "A dispute was lost.", _DISPUTE),
    _same("dispute.closed", "A dispute ended without anybody winning.", _DISPUTE),
    _same("maintenance.announced",
          "Work was announced that extends the account's access by `days` calendar days.", _WORK),
    _same("maintenance.moved",
          "Announced work takes place at another time, and extends access by `days` more days.",
          _WORK),
    _same("maintenance.withdrawn",
          "Announced work does not take place. What was promised for it stays.", _WORK),
    _step(steps.ACCESS_ENDS, "access.ended", "Access to a plan ended, and Stripe agrees.", _END),
    _step(steps.MESSAGES_CREDITED, "messages.credited",
          "What an ended plan can no longer send was credited to the wallet.",
          {"subscription_id": "id", "due": "instant", "count": "count", "amount": "money"}),
    _step(steps.SEATS_UNASSIGNED, "seats.unassigned", "The seats of an ended plan were emptied.",
          _STEP),
    _step(steps.NUMBER_FEE, "number_fees.charged", "Monthly number fees were debited.",
          {"due": "instant", "charged": "count"}),
    _step(steps.NUMBERS_RELEASED, "numbers.released", "All numbers of the account were given back.",
          _STEP),
    _step(steps.REGISTRATIONS_LAPSE, "registrations.lapsed",
          "All registrations of the account lapsed.", _STEP),
    _same("export.asked", "An export of the account's data was asked for.", {"export_id": "id"}),
    _step(steps.EXPORT_MADE, "export.completed", "An export of the account's data can be fetched.",
          {"export_id": "id"}),
    _step(steps.EXPORT_EXPIRES, "export.expired", "An export's file was deleted, as announced.",
          {"export_id": "id"}),
    _step(steps.DATA_PURGED, "data.purged", "All data of the account was deleted, for good.",
          {"due": "instant"}),
])  # fmt: skip
"""What the history says → what leaves. Types are dotted and in the past tense; a type, once here, never changes."""

KEPT_TO_OURSELVES = frozenset({
    # Intents: what became of them is told.
    "subscription.cancellation_asked", "subscription.contract_correction_begun",
    "number.release_begun", "number.recovery_asked", "number.recovery_settled", "number.not_recovered", "registration.lapse_begun", "data.purge_begun", "data.purge_reapplied", "case.refund_begun",
    # Only our own note of when a clock speaks next.
    "case.clock_moved",
    # What operators do by hand, and why, is ours; what follows from it is told.
    "step.held", "step.released", "step.retried", "step.waived",
    "purge.proposed", "purge.approved", "account.legal_hold_set", "account.legal_hold_released",
    # The customer's mail is its news.
    f"step.{steps.REMINDER}",
})  # fmt: skip


def events(account_id: str, entry: HistoryEntry) -> tuple[DomainEvent, ...]:
    """What to publish of an entry: nothing, one event, or one for each subscription it changed at once.

    Raises Uncatalogued.
    """
    changes: list[Mapping[str, Any]] = entry.data.get("changes") or [entry.data]
    found = [
        event
        for n, data in enumerate(changes)
        if (event := _event(account_id, entry, n, data)) is not None
    ]
    return tuple(found)


def _event(
    account_id: str, entry: HistoryEntry, n: int, data: Mapping[str, Any]
) -> DomainEvent | None:
    what = str(data.get("what", entry.what))
    if what in KEPT_TO_OURSELVES:
        return None
    if what not in CATALOGUE:
        raise Uncatalogued(what)
    known = CATALOGUE[what]
    return DomainEvent(
        id=f"{account_id}:{entry.id}" if n == 0 else f"{account_id}:{entry.id}:{n}",
        type=known.type,
        time=entry.at,
        account_id=account_id,
        sequence=f"{entry.version:012d}.{n:03d}",
        data={name: data[name] for name in known.fields if name in data},
    )
