"""A step: one dated thing that lies ahead of an account. Its kinds, and which of them cannot be undone.

A step's id is `kind` or `kind:subject`, one per account: what is to be done to a hundred numbers is one step,
fanned out when it is carried out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

RENEWAL_RESTORED = "renewal_restored"
RENEWAL_OFF = "renewal_off"
COLLECTION_STOPPED = "collection_stopped"
COLLECTION_RESUMED = "collection_resumed"
NUMBER_FEE = "number_fee"
ACCESS_ENDS = "access_ends"
MESSAGES_CREDITED = "messages_credited"
SEATS_UNASSIGNED = "seats_unassigned"
NUMBER_REMOVED = "number_removed"
NUMBER_RECOVERED = "number_recovered"
REGISTRATION_WITHDRAWN = "registration_withdrawn"
NUMBERS_RELEASED = "numbers_released"
REGISTRATIONS_LAPSE = "registrations_lapse"
DATA_PURGED = "data_purged"
CALL_SETTLED = "call_settled"
REMINDER = "reminder"
REFUND_PAID = "refund_paid"
APPEAL_CREDITED = "appeal_credited"
PLAN_ENDED = "plan_ended"
CASE_CLOCK = "case_clock"
EXPORT_MADE = "export_made"
EXPORT_EXPIRES = "export_expires"

KINDS = (
    REFUND_PAID,
    APPEAL_CREDITED,
    PLAN_ENDED,
    CASE_CLOCK,
    RENEWAL_RESTORED,
    RENEWAL_OFF,
    COLLECTION_STOPPED,
    COLLECTION_RESUMED,
    NUMBER_FEE,
    ACCESS_ENDS,
    MESSAGES_CREDITED,
    SEATS_UNASSIGNED,
    NUMBER_REMOVED,
    NUMBER_RECOVERED,
    REGISTRATION_WITHDRAWN,
    CALL_SETTLED,
    REMINDER,
    NUMBERS_RELEASED,
    REGISTRATIONS_LAPSE,
    EXPORT_MADE,
    EXPORT_EXPIRES,
    DATA_PURGED,
)
"""In the order in which steps due at the same instant are carried out."""

IRREVERSIBLE = frozenset(
    {MESSAGES_CREDITED, NUMBER_REMOVED, REGISTRATION_WITHDRAWN, NUMBERS_RELEASED,
     REGISTRATIONS_LAPSE, DATA_PURGED, NUMBER_FEE, REFUND_PAID, APPEAL_CREDITED, PLAN_ENDED}
)  # fmt: skip

SELF_COMPLETING = frozenset(
    {NUMBER_REMOVED, NUMBER_RECOVERED, REGISTRATION_WITHDRAWN, CALL_SETTLED, RENEWAL_RESTORED, RENEWAL_OFF,
     COLLECTION_STOPPED, COLLECTION_RESUMED, REFUND_PAID, APPEAL_CREDITED, PLAN_ENDED, CASE_CLOCK}
)  # fmt: skip
"""The outsider's own answer completes these: nothing more is to be marked as done."""

INTERNAL = frozenset(
    {REMINDER, CALL_SETTLED, NUMBER_RECOVERED, RENEWAL_RESTORED, COLLECTION_STOPPED, COLLECTION_RESUMED,
     REFUND_PAID, APPEAL_CREDITED, PLAN_ENDED, CASE_CLOCK, EXPORT_MADE, EXPORT_EXPIRES}
)  # fmt: skip
"""Our own housekeeping: carried out like the others, not shown to customers."""


REMINDABLE = (ACCESS_ENDS, NUMBERS_RELEASED, REGISTRATIONS_LAPSE, DATA_PURGED)
"""What a policy may remind a customer of beforehand."""


CALL_IS_OVER = timedelta(minutes=10)
"""So long after its intent was saved, a call to an outsider is no longer under way: whoever made it has been stopped
by then. Asked earlier, the carrier might say that it holds a number which is released a second later."""


@dataclass(frozen=True, slots=True)
class Step:
    kind: str
    due: datetime
    subject: str | None = None

    @property
    def id(self) -> str:
        return self.kind if self.subject is None else f"{self.kind}:{self.subject}"

    @property
    def reversible(self) -> bool:
        return self.kind not in IRREVERSIBLE


def step_of(step_id: str, due: datetime) -> Step:
    """The step that an id stands for. Raises ValueError for a kind we do not know."""
    kind, _, subject = step_id.partition(":")
    if kind not in KINDS:
        raise ValueError(f"no step is called {kind}")
    return Step(kind, due, subject or None)
