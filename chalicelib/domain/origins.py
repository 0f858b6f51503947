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
