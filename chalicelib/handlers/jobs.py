"""The scheduled jobs: the whole schedule on one screen. Each sweeps its due index, bounded and isolated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chalicelib import log
from chalicelib.domain import steps
from chalicelib.effects.effect import OutOfTime
from chalicelib.store import parked
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

    def run(self, here: World, out_of_time: OutOfTime = lambda: False) -> Ran:
        did = [said for kind in self.due_kinds if (said := str(_sweep(here, kind, out_of_time)))]
        return Ran("; ".join(did))


def _sweep(here: World, kind: str, out_of_time: OutOfTime) -> object:
    if kind == parked.KIND:
        return retry_all_parked(here, out_of_time)
    return sweep(here, kind, out_of_time)


SCHEDULE: tuple[Job, ...] = (
    Job(
        name="expire_subscriptions",
        rate="rate(5 minutes)",
        due_kinds=(steps.ACCESS_ENDS,),
        says="Records ends, once Stripe agrees that they came.",
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
        due_kinds=(steps.NUMBER_REMOVED, steps.CALL_SETTLED, steps.NUMBERS_RELEASED),
        says="Gives numbers back to their carriers.",
    ),
    Job(
        name="lapse_registrations",
        rate="rate(5 minutes)",
        due_kinds=(steps.REGISTRATION_WITHDRAWN, steps.REGISTRATIONS_LAPSE),
        says="Lets 10DLC registrations lapse.",
    ),
    Job(
        name="purge_data",
        rate="rate(5 minutes)",
        due_kinds=(steps.DATA_PURGED,),
        says="Deletes what was kept for a year.",
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
    ran = JOBS[name].run(world(), lambda: remaining_milliseconds() < SPARE_MILLISECONDS)
    log.event("job_ran", job=name, did=ran.did)
    return ran.did
