"""The scheduled jobs: the whole schedule on one screen. Each sweeps its due index, bounded and isolated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from chalicelib import (
    catching_up,
    checking,
    listening,
    log,
    maintaining,
    reconciling,
    reconciling_accounts,
    reconciling_lists,
)
from chalicelib.domain import steps
from chalicelib.effects.effect import OutOfTime
from chalicelib.gateways import patience
from chalicelib.mailing import send_unsent
from chalicelib.publishing import catch_up_now_and_then, retry_stuck
from chalicelib.store import outbox, parked
from chalicelib.sweeping import retry_all_parked, sweep
from chalicelib.wiring import World, world

SPARE_MILLISECONDS = 20_000
"""A sweep stops so long before its function's time runs out: the longest call to an outsider fits in."""


@dataclass(frozen=True, slots=True)
class Ran:
    did: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    name: str
    rate: str
    due_kinds: tuple[str, ...]
    says: str
    works: Callable[[World, OutOfTime], object] | None = None
    """What it does besides sweeping what is due."""
    tells: Mapping[str, Callable[[World], object]] = field(default_factory=dict)
    """What else it remembers of its runs, for whoever looks at it."""
    walks: bool = False
    """It looks at everything there is, once a day, however often it is called."""

    def run(self, here: World, out_of_time: OutOfTime = lambda: False) -> Ran:
        did = [said for kind in self.due_kinds if (said := str(_sweep(here, kind, out_of_time)))]
        if self.works is not None and (said := str(self.works(here, out_of_time))):
            did.append(said)
        return Ran("; ".join(did))


def _sweep(here: World, kind: str, out_of_time: OutOfTime) -> object:
    other = _NOT_STEPS.get(kind)
    return other(here, out_of_time) if other else sweep(here, kind, out_of_time)


_NOT_STEPS: Mapping[str, Callable[[World, OutOfTime], object]] = {
    parked.KIND: retry_all_parked,
    outbox.STUCK: retry_stuck,
    outbox.UNSENT: send_unsent,
    maintaining.DUE: maintaining.tell_all,
}
"""What lies in the due index besides the steps of accounts."""


SCHEDULE: tuple[Job, ...] = (
    # Before everything else that is due: work on the systems moves the dates of what follows.
    Job(
        name=maintaining.JOB,
        rate="rate(5 minutes)",
        due_kinds=(maintaining.DUE,),
        says="Tells every account of announced work on the systems, and extends its access.",
    ),
    Job(
        name="pay_decided_cases",
        rate="rate(5 minutes)",
        due_kinds=(steps.REFUND_PAID, steps.APPEAL_CREDITED, steps.PLAN_ENDED),
        says="Pays back what was decided, and ends what it had paid for.",
    ),
    Job(
        name="remind_cases",
        rate="rate(5 minutes)",
        due_kinds=(steps.CASE_CLOCK,),
        says="Reminds of the deadlines of cases, and says when one has passed.",
    ),
    Job(
        name="settle_at_stripe",
        rate="rate(5 minutes)",
        due_kinds=(
            steps.RENEWAL_RESTORED,
            steps.RENEWAL_OFF,
            steps.COLLECTION_STOPPED,
            steps.COLLECTION_RESUMED,
        ),
        says="Keeps contracts running to their end, and cards alone that nobody may charge.",
    ),
    Job(
        name="expire_subscriptions",
        rate="rate(5 minutes)",
        due_kinds=(steps.ACCESS_ENDS, steps.SEATS_UNASSIGNED),
        says="Records ends, once Stripe agrees that they came, and empties their seats.",
    ),
    Job(
        name="credit_unsent_messages",
        rate="rate(5 minutes)",
        due_kinds=(steps.MESSAGES_CREDITED,),
        says="Withdraws and credits what an ended plan can no longer send.",
    ),
    Job(
        name="charge_number_fees",
        rate="rate(5 minutes)",
        due_kinds=(steps.NUMBER_FEE,),
        says="Debits each number's monthly fee from the wallet.",
    ),
    Job(
        name="release_numbers",
        rate="rate(5 minutes)",
        due_kinds=(
            *(steps.NUMBER_REMOVED, steps.NUMBER_RECOVERED),
            *(steps.CALL_SETTLED, steps.NUMBERS_RELEASED),
        ),
        says="Gives numbers back to their carriers.",
    ),
    Job(
        name="lapse_registrations",
        rate="rate(5 minutes)",
        due_kinds=(steps.REGISTRATION_WITHDRAWN, steps.REGISTRATIONS_LAPSE),
        says="Lets 10DLC registrations lapse.",
    ),
    Job(
        name="make_exports",
        rate="rate(5 minutes)",
        due_kinds=(steps.EXPORT_MADE, steps.EXPORT_EXPIRES),
        says="Makes the exports that were asked for, and deletes them after a week.",
    ),
    Job(
        name="purge_data",
        rate="rate(5 minutes)",
        due_kinds=(steps.DATA_PURGED,),
        says="Deletes what was kept for a year.",
    ),
    # After what it reminds of: whoever slept through a date says nothing about it.
    Job(
        name="send_reminders",
        rate="rate(5 minutes)",
        due_kinds=(steps.REMINDER,),
        says="Reminds customers of what cannot be undone, before it is done.",
    ),
    Job(
        name="publish_again",
        rate="rate(5 minutes)",
        due_kinds=(outbox.STUCK, outbox.UNSENT),
        says="Tries again to send the events and mails that could not be sent.",
    ),
    Job(
        name="catch_up_publishing",
        rate="rate(5 minutes)",
        due_kinds=(),
        works=catch_up_now_and_then,
        says="Publishes what the stream has missed: looks at every account each six hours.",
    ),
    # Before the parked ones: what it parks is tried again in its turn.
    Job(
        name=catching_up.JOB,
        rate="rate(15 minutes)",
        due_kinds=(),
        works=catching_up.catch_up,
        tells={"position": catching_up.position_shown},
        says="Hears the Stripe events that the webhook missed.",
    ),
    Job(
        name=listening.JOB,
        rate="rate(1 hour)",
        due_kinds=(),
        works=listening.watch,
        tells={"last_heard_at": listening.last_heard_shown},
        says="Says so when Stripe has gone silent.",
    ),
    Job(
        name=reconciling_accounts.JOB,
        rate="rate(15 minutes)",
        due_kinds=(),
        works=reconciling.reconcile,
        tells={"at_stripe": reconciling_lists.place_shown},
        walks=True,
        says="Compares everything live with Stripe once a day, and puts right what differs.",
    ),
    Job(
        name=checking.JOB,
        rate="rate(15 minutes)",
        due_kinds=(),
        works=checking.check_all,
        walks=True,
        says="Checks once a day that every account's rows, books and steps agree.",
    ),
    Job(
        name="retry_parked_events",
        rate="rate(5 minutes)",
        due_kinds=(parked.KIND,),
        says="Tries again to apply Stripe events that had to wait.",
    ),
)

JOBS: dict[str, Job] = {job.name: job for job in SCHEDULE}


def run(name: str, remaining_milliseconds: Callable[[], int]) -> str:
    """What app.py's schedule calls."""
    with patience.within(lambda: (remaining_milliseconds() - SPARE_MILLISECONDS) / 1000):
        ran = JOBS[name].run(world(), lambda: remaining_milliseconds() < SPARE_MILLISECONDS)
    log.event("job_ran", job=name, did=ran.did)
    return ran.did
