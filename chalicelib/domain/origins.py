"""Why a step is there at all: the promises it keeps, and the policy's keys that set its date. For operators, who are
asked "why does this happen to this customer?".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from chalicelib.domain import steps
from chalicelib.domain.policy import Policy, Text
from chalicelib.domain.words import TITLES

Value = str | int | bool | None


@dataclass(frozen=True, slots=True)
class Origin:
    promises: tuple[str, ...]
    """Ids of promises; the tests that hold them carry the same."""
    policy: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Sections of the policy, and the keys in them."""
    title: str | None = None
    """What operators read where customers read nothing."""


ORIGINS: Mapping[str, Origin] = {
    steps.REFUND_PAID: Origin(("M1-7", "M1-11"), {"refunds": ("kind",)}, "A refund is paid"),
    steps.APPEAL_CREDITED: Origin(
        ("M1-11",), {"appeals": ("credit_limit_minor",)}, "An appeal is credited"
    ),
    steps.PLAN_ENDED: Origin(
        ("M1-7", "M1-12", "M1-15"),
        {"refunds": ("ends_plan",), "disputes": ("lost_ends_access",)},
        "A plan whose payment went back ends at Stripe",
    ),
    steps.CASE_CLOCK: Origin(
        ("M1-9", "M1-10"),
        {"appeals": ("first_reply_business_days", "decision_business_days", "remind_before_hours")},
        "Whoever must answer a case is reminded",
    ),
    steps.RENEWAL_RESTORED: Origin(
        ("GT-2",), title="A cancellation that would end a contract early is taken back at Stripe"
    ),
    steps.RENEWAL_OFF: Origin(("SC-2", "GT-2", "GT-11")),
    steps.COLLECTION_STOPPED: Origin(
        ("SC-2",), {"cancellation": ("open_invoices_on_cancel",)}, "The card is not tried any more"
    ),
    steps.COLLECTION_RESUMED: Origin(
        ("SC-2", "SC-4"), {"cancellation": ("open_invoices_on_cancel",)}, "The card is tried again"
    ),
    steps.NUMBER_FEE: Origin(("SC-6",), {"numbers": ("fee_cycle",)}),
    steps.ACCESS_ENDS: Origin(
        ("SC-3", "GT-1", "M1-14", "M1-15"), {"access": ("settling_hours", "grace_hours")}
    ),
    steps.MESSAGES_CREDITED: Origin(("SC-12",), {"messages": ("credit_unsent",)}),
    steps.SEATS_UNASSIGNED: Origin(("GT-5",)),
    steps.NUMBER_REMOVED: Origin(("SC-6",)),
    steps.NUMBER_RECOVERED: Origin(("SC-7", "SC-8"), title="A released number is had back"),
    steps.REGISTRATION_WITHDRAWN: Origin(("NX-2",)),
    steps.CALL_SETTLED: Origin(
        ("SC-7",), title="The carrier is asked what became of a call that was cut short"
    ),
    steps.REMINDER: Origin(("OS-6",), {"reminders": ()}, "The customer is reminded"),
    steps.NUMBERS_RELEASED: Origin(("SC-8",), {"numbers": ("release_after_hours",)}),
    steps.REGISTRATIONS_LAPSE: Origin(
        ("SC-9",), {"registrations": ("lapse_after_hours", "counted_from")}
    ),
    steps.EXPORT_MADE: Origin(("GT-6", "OS-5"), title="An export of the account's data is made"),
    steps.EXPORT_EXPIRES: Origin(("GT-6", "OS-5"), title="An export's file is deleted"),
    steps.DATA_PURGED: Origin(("SC-10",), {"data": ("purge_after_years", "second_approval")}),
}

HAPPENED: Mapping[str, tuple[str, ...]] = {
    "account.created": (),
    "account.updated": (),
    "account.adopted": (),
    "subscription.incomplete": ("M1-4",),
    "subscription.started": ("M1-1", "M1-4"),
    "subscription.renewed": ("M1-4",),
    "subscription.paid": ("M1-4", "M1-14"),
    "subscription.payment_failed": ("M1-14",),
    "subscription.past_due": ("M1-14",),
    "subscription.invoice_written_off": ("M1-14",),
    "subscription.collection_stopped": ("SC-2",),
    "subscription.collection_resumed": ("SC-4",),
    "subscription.suspended": ("M1-15",),
    "subscription.plan_changed": ("M1-6",),
    "subscription.updated": ("M1-4",),
    "subscription.cancellation_asked": ("SC-1", "NX-4"),
    "subscription.cancellation_scheduled": ("SC-2", "GT-1", "M1-3"),
    "subscription.contract_correction_begun": ("GT-2",),
    "subscription.resumed": ("SC-4",),
    "subscription.ended": ("SC-3", "M1-15"),
    "subscription.payment_refunded": ("M1-15",),
    "subscription.payment_refund_failed": ("M1-15",),
    "number.added": ("SC-6",),
    "number.updated": ("SC-6",),
    "number.removal_asked": ("SC-6",),
    "number.release_begun": ("SC-8",),
    "number.released": ("SC-8",),
    "number.kept": ("SC-7",),
    "number.recovery_asked": ("SC-7",),
    "number.recovery_settled": ("SC-7",),
    "number.recovered": ("SC-7",),
    "number.not_recovered": ("SC-7",),
    "registration.added": ("SC-9",),
    "registration.updated": ("SC-9",),
    "registration.withdrawal_asked": ("NX-2",),
    "registration.withdrawn": ("NX-2",),
    "registration.declined": ("NX-2",),
    "registration.lapse_begun": ("SC-9",),
    "registration.lapsed": ("SC-9",),
    "registration.kept": ("SC-7",),
    "seat.assigned": ("GT-5",),
    "seat.unassigned": ("GT-5",),
    "case.opened": ("M1-7", "M1-9", "M1-12"),
    "case.refused": ("SC-13", "M1-7"),
    "case.replied": ("M1-10",),
    "case.decided": ("M1-11",),
    "case.refund_begun": ("M1-7",),
    "case.refunded": ("M1-7",),
    "case.refund_failed": ("M1-7",),
    "case.credited": ("M1-11",),
    "case.reminder": ("M1-10",),
    "case.overdue": ("M1-10",),
    "case.clock_moved": ("M1-10",),
    "dispute.opened": ("M1-12",),
    "dispute.updated": ("M1-12",),
    "dispute.won": ("M1-12",),
    "dispute.lost": ("M1-12",),
    "dispute.closed": ("M1-12",),
    "maintenance.announced": ("M1-13",),
    "maintenance.moved": ("M1-13",),
    "maintenance.withdrawn": ("M1-13",),
    "export.asked": ("GT-6", "OS-5"),
    "data.purge_begun": ("SC-10",),
    "data.purge_reapplied": ("SC-10",),
    "purge.proposed": ("SC-10",),
    "purge.approved": ("SC-10",),
    "account.legal_hold_set": ("SC-10",),
    "account.legal_hold_released": ("SC-10",),
    "step.held": (),
    "step.released": (),
    "step.retried": (),
    "step.waived": (),
}
"""What the history says, beside steps that were carried out → the promises by which it came. None where somebody simply
said so: then their reason stands with it."""


def promises_of(what: str) -> tuple[str, ...]:
    """Of an entry of the history. One of an older release, whose name is gone, kept some promise or other."""
    origin = ORIGINS.get(what.removeprefix("step."))
    return origin.promises if origin else HAPPENED.get(what, ())


def title_for_operators(kind: str, policy: Policy) -> str:
    found = ORIGINS[kind].title
    text: Text | None = policy.texts.get(kind) or TITLES.get(kind)
    return found or (text.en if text else kind)


def keys_and_values(kind: str, policy: Policy) -> dict[str, Value]:
    """The keys that set its date, each with what this policy says there. A section it lacks says nothing."""
    found: dict[str, Value] = {}
    for section, names in ORIGINS[kind].policy.items():
        inside = getattr(policy, section)
        if isinstance(inside, tuple):
            found[section] = len(inside)
        for name in names:
            found[f"{section}.{name}"] = getattr(inside, name, None)
    return found
