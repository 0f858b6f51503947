"""The scheduled jobs: the whole schedule on one screen. Each sweeps its due index, bounded and isolated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from chalicelib import (
    catching_up,
    checking,
    listening,
    log,
    maintaining,
    reconciling,
    reconciling_accounts,
    reconciling_lists,
    sharing,
)
from chalicelib.domain import steps
from chalicelib.effects.effect import OutOfTime
from chalicelib.gateways import patience
from chalicelib.mailing import send_unsent
from chalicelib.sharing import Reach, Share, Unreadable
from chalicelib.store import outbox, parked, positions
from chalicelib.store.walks import due_kind
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
    works: Callable[[World, OutOfTime, Reach], object] | None = None
    """What it does besides sweeping what is due."""
    tells: Mapping[str, Callable[[World], object]] = field(default_factory=dict)
    """What else it remembers of its runs, for whoever looks at it."""
    walks: bool = False
    """It looks at everything there is, once a day, however often it is called."""
    shares_out: bool = False
    """Of what may fall due for many accounts at once, or of a walk over all of them, it gives shares to other runs of its
    own function."""

    @property
    def shared(self) -> tuple[str, ...]:
        """The kinds of which it gives shares: what it sweeps, and the walk that it makes besides."""
        walk = (due_kind(self.name),) if self.works is not None else ()
        return (*self.due_kinds, *walk) if self.shares_out else ()

    def run(self, here: World, out_of_time: OutOfTime = lambda: False) -> Ran:
        reach = Reach(here.shares if self.shares_out else None)
        swept = (_sweep(here, kind, out_of_time, reach) for kind in self.due_kinds)
        did = [said for report in swept if (said := str(report))]
        if self.works is not None and (said := str(self.works(here, out_of_time, reach))):
            did.append(said)
        return Ran("; ".join(did))

    def take(self, here: World, share: Share, out_of_time: OutOfTime = lambda: False) -> Ran:
        """Does a share of its own work that it was given."""
        if share.kind not in self.shared:
            raise Unreadable(f"{self.name} shares out no {share.kind}")
        reach = Reach(share=share)
        if share.kind in self.due_kinds:
            return Ran(str(_sweep(here, share.kind, out_of_time, reach) or ""))
        assert self.works is not None
        return Ran(str(self.works(here, out_of_time, reach)))


def _sweep(here: World, kind: str, out_of_time: OutOfTime, reach: Reach) -> object:
    return (
        _NOT_STEPS[kind](here, out_of_time, reach)
        if kind in _NOT_STEPS
        else sweep(here, kind, out_of_time, reach)
    )


def _publish_again(here: World, out_of_time: OutOfTime, reach: Reach) -> object:
    # Imported where it is needed, as below: the webhook imports this table, and publishes nothing.
    from chalicelib.publishing import retry_stuck

    return retry_stuck(here, out_of_time, reach)


def _send_again(here: World, out_of_time: OutOfTime, reach: Reach) -> object:
    from chalicelib.delivering import send_again

    return send_again(here, out_of_time, reach)


def _catch_up_publishing(here: World, out_of_time: OutOfTime, reach: Reach) -> object:
    from chalicelib.publishing import catch_up_now_and_then

    return catch_up_now_and_then(here, out_of_time, reach)


_NOT_STEPS: Mapping[str, Callable[[World, OutOfTime, Reach], object]] = {
    parked.KIND: retry_all_parked,
    positions.STUCK: _publish_again,
    positions.UNSENT_EVENTS: _send_again,
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
        shares_out=True,
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
        shares_out=True,
        says="Records ends, once Stripe agrees that they came, and empties their seats.",
    ),
    Job(
        name="credit_unsent_messages",
        rate="rate(5 minutes)",
        due_kinds=(steps.MESSAGES_CREDITED,),
        shares_out=True,
        says="Withdraws and credits what an ended plan can no longer send.",
    ),
    Job(
        name="charge_number_fees",
        rate="rate(5 minutes)",
        due_kinds=(steps.NUMBER_FEE,),
        shares_out=True,
        says="Debits each number's monthly fee from the wallet.",
    ),
    Job(
        name="release_numbers",
        rate="rate(5 minutes)",
        due_kinds=(
            *(steps.NUMBER_REMOVED, steps.NUMBER_RECOVERED),
            *(steps.CALL_SETTLED, steps.NUMBERS_RELEASED),
        ),
        shares_out=True,
        says="Gives numbers back to their carriers.",
    ),
    Job(
        name="lapse_registrations",
        rate="rate(5 minutes)",
        due_kinds=(steps.REGISTRATION_WITHDRAWN, steps.REGISTRATIONS_LAPSE),
        shares_out=True,
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
        shares_out=True,
        says="Deletes what was kept for a year.",
    ),
    # After what it reminds of: whoever slept through a date says nothing about it.
    Job(
        name="send_reminders",
        rate="rate(5 minutes)",
        due_kinds=(steps.REMINDER,),
        shares_out=True,
        says="Reminds customers of what cannot be undone, before it is done.",
    ),
    Job(
        name="publish_again",
        rate="rate(5 minutes)",
        due_kinds=(positions.STUCK, outbox.UNSENT),
        shares_out=True,
        says="Tries again to send the events and mails that could not be sent.",
    ),
    # Apart from the bus: an endpoint that keeps us waiting holds up nobody else.
    Job(
        name="send_again",
        rate="rate(5 minutes)",
        due_kinds=(positions.UNSENT_EVENTS,),
        shares_out=True,
        says="Sends to HTTP endpoints the events that wait for them.",
    ),
    Job(
        name="catch_up_publishing",
        rate="rate(5 minutes)",
        due_kinds=(),
        works=_catch_up_publishing,
        shares_out=True,
        says="Publishes what the stream has missed: looks at every account each six hours.",
    ),
    # Before the parked ones: what it parks is tried again in its turn.
    Job(
        name=catching_up.JOB,
        rate="rate(15 minutes)",
        due_kinds=(),
        works=lambda here, out_of_time, _: catching_up.catch_up(here, out_of_time),
        tells={"position": catching_up.position_shown},
        says="Hears the Stripe events that the webhook missed.",
    ),
    Job(
        name=listening.JOB,
        rate="rate(1 hour)",
        due_kinds=(),
        works=lambda here, out_of_time, _: listening.watch(here, out_of_time),
        tells={"last_heard_at": listening.last_heard_shown},
        says="Says so when Stripe has gone silent.",
    ),
    Job(
        name=reconciling_accounts.JOB,
        rate="rate(5 minutes)",
        due_kinds=(),
        works=reconciling.reconcile,
        tells={"at_stripe": reconciling_lists.place_shown},
        walks=True,
        shares_out=True,
        says="Compares everything live with Stripe once a day, and puts right what differs.",
    ),
    Job(
        name=checking.JOB,
        rate="rate(5 minutes)",
        due_kinds=(),
        works=checking.check_all,
        walks=True,
        shares_out=True,
        says="Checks once a day that every account's rows, books and steps agree.",
    ),
    Job(
        name="retry_parked_events",
        rate="rate(5 minutes)",
        due_kinds=(parked.KIND,),
        shares_out=True,
        says="Tries again to apply Stripe events that had to wait.",
    ),
)

JOBS: dict[str, Job] = {job.name: job for job in SCHEDULE}


Remaining = Callable[[], int]
"""Milliseconds until the function's time runs out."""


def run(name: str, remaining: Remaining) -> str:
    """What app.py's schedule calls."""
    with _patience(remaining):
        ran = JOBS[name].run(world(), lambda: _is_over(remaining))
    log.event("job_ran", job=name, did=ran.did)
    return ran.did


def take_shares(
    name: str, records: Sequence[Mapping[str, Any]], remaining: Remaining
) -> dict[str, list[dict[str, str]]]:
    """What app.py's queues call. Answers which messages are to come again, each by itself: a share that another run
    left is never in the way of the others."""
    with _patience(remaining):
        failed = [one for one in records if not _took(name, one, remaining)]
    return {"batchItemFailures": [{"itemIdentifier": str(one["messageId"])} for one in failed]}


def _took(name: str, record: Mapping[str, Any], remaining: Remaining) -> bool:
    if _is_over(remaining):
        return False
    try:
        share = sharing.read(record["body"])
        # Time may run out in the middle: what is left then is still due, and is shared out anew.
        ran = JOBS[name].take(world(), share, lambda: _is_over(remaining))
    except Exception as error:  # noqa: BLE001 - isolated: it comes again, and at last lies in the queue of what failed
        log.problem("share_failed", error, job=name)
        return False
    log.event("share_done", job=name, share=share.name, did=ran.did)
    return True


def _is_over(remaining: Remaining) -> bool:
    return remaining() < SPARE_MILLISECONDS


def _patience(remaining: Remaining) -> AbstractContextManager[None]:
    return patience.within(lambda: (remaining() - SPARE_MILLISECONDS) / 1000)
