"""What is measured: which log event counts as what. One table, so that nothing is counted in a second place.

`log` turns an event that stands here into metrics as well; alarms, the dashboard and docs/reference/metrics.md are made
of the same rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

NAMESPACE: Final = "Lapse"

Unit = Literal["Count", "Seconds"]


@dataclass(frozen=True, slots=True)
class Measure:
    name: str
    says: str
    value: str | None = None
    """The key of the event that holds its value; without one, each event counts as one."""
    unit: Unit = "Count"


_OVERDUE: Final = Measure(
    "OverdueSeconds",
    "How long a step has been due that is not done: the oldest each run left or shared out, and each that failed.",
    value="overdue_seconds",
    unit="Seconds",
)

_SHUT: Final = Measure(
    "EndpointsStopped",
    "Endpoints that get nothing, told at each run: they answered 410, or their setting cannot be used.",
)

MEASURES: Final[Mapping[str, tuple[Measure, ...]]] = {
    # -- Stripe's events
    "event_heard": (Measure("EventsHeard", "Stripe's events that were applied, known, of no concern or parked."),),
    "event_parked": (Measure("EventsParked", "Events that could not be applied when they came, and wait."),),
    "event_still_parked": (
        Measure(
            "ParkedSeconds",
            "How long an event has waited that could not be applied this time either.",
            value="waiting_seconds",
            unit="Seconds",
        ),
    ),
    "event_refused": (
        Measure("EventsRefused", "Deliveries that were not Stripe's, or signed with a secret we do not have."),
    ),
    "event_not_stored": (Measure("EventsFailed", "Events answered with 5xx: Stripe sends them again."),),
    "event_failed": (Measure("EventsFailed", "Events answered with 5xx: Stripe sends them again."),),
    "stripe_silent": (Measure("StripeSilent", "Hours went by without any event, though plans are live."),),
    "events_forgotten": (
        Measure("EventsForgotten", "Gaps that Stripe's list of events no longer reaches back over."),
    ),
    # -- what is due
    "job_ran": (Measure("JobsRun", "Runs of scheduled jobs."),),
    "steps_left": (
        Measure("StepsLeft", "Due steps for which a run had no time.", value="left"),
        _OVERDUE,
    ),
    "shared_out": (
        Measure("ShardsSharedOut", "Shards that held more than one run does, given to others in parts."),
        _OVERDUE,
    ),
    "share_failed": (Measure("SharesFailed", "Shares that a run could not begin or finish; they come again."),),
    "step_needs_person": (
        Measure("StepsNeedPerson", "Steps that will not succeed before somebody does something."),
    ),
    "step_done": (Measure("StepsDone", "Steps that were carried out."),),
    "step_failed": (Measure("StepsFailed", "Tries of steps that failed, and are made again."), _OVERDUE),
    "failure_not_written": (
        Measure("FailuresNotWritten", "Failed steps whose next try could not be written down."),
    ),
    "walk_ended": (
        Measure(
            "VisitsGivenUp", "Accounts that a walk over all of them has ended without.", value="given_up"
        ),
    ),
    "walk_late": (
        Measure(
            "RoundLateSeconds",
            "How long after its next round should have begun a walk over all accounts is still under way.",
            value="late_seconds",
            unit="Seconds",
        ),
    ),
    "contract_renewal_off_late": (
        Measure("ContractsLate", "Contracts whose renewal is not off a day before it would happen."),
    ),
    # -- what goes out
    "publishing_stuck": (
        Measure("PublishingStuck", "Accounts whose events could not leave, and wait."),
        Measure(
            "PublishingLateSeconds",
            "How long an event has waited that could not leave this time either.",
            value="waiting_seconds",
            unit="Seconds",
        ),
    ),
    "endpoint_stopped": (_SHUT,),
    "endpoint_unusable": (_SHUT,),
    "entry_set_aside": (Measure("EntriesSetAside", "History entries that can never be published."),),
    "mail_failed": (Measure("MailsFailed", "Tries to send a mail that failed."),),
    # -- cases and money
    "case_overdue": (Measure("CasesOverdue", "Deadlines of cases that have passed."),),
    "refund_failed": (Measure("RefundsFailed", "Refunds that did not arrive, or cannot be made."),),
    "refund_impossible": (Measure("RefundsFailed", "Refunds that did not arrive, or cannot be made."),),
    "drift_found": (Measure("DriftFound", "Differences between what Stripe says and what we hold."),),
    "invariant_violated": (Measure("InvariantsBroken", "Books or rules that do not hold for an account."),),
    # -- outsiders
    "stripe_unavailable": (Measure("StripeUnavailable", "Requests refused because Stripe did not answer."),),
    "stripe_refused": (Measure("StripeRefused", "Requests refused because Stripe refused what they ask."),),
    "storage_unavailable": (Measure("StorageUnavailable", "Requests refused because the table did not answer."),),
    "secret_not_read": (Measure("SecretsNotRead", "Readings of a secret that failed."),),
    "unexpected": (Measure("Unexpected", "Requests that failed in a way nobody foresaw."),),
}  # fmt: skip


def names() -> dict[str, Measure]:
    return {measure.name: measure for row in MEASURES.values() for measure in row}
