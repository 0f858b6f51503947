"""Moves the clock, and lets everything happen on the way that is due, in order.

It jumps from one instant at which something is due to the next: Stripe's next event, a webhook to be tried again, the
first step in our due index. At each it sets the clock, lets Stripe act, delivers, runs the jobs that sweep
what is due, and goes on when nothing at that instant moves any more. The jobs are those of the deployed schedule.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from chalicelib.domain.moments import from_rfc3339, rfc3339
from infra.local.clock import MovableClock
from infra.local.due_watch import DueWatch, Entry

STRIPE = "stripe"
"""Stands for a job's name beside what Stripe did by itself."""

DAY = timedelta(days=1)

TICK = timedelta(minutes=5)
"""How often the deployed schedule runs."""

MOST_ROUNDS = 200
"""At one instant. More means that two things set each other off for ever, which is a bug to be seen."""


class Report(Protocol):
    @property
    def did(self) -> str: ...


class Job(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def due_kinds(self) -> tuple[str, ...]: ...

    def run(self, world: Any, /) -> Report: ...


class Outside(Protocol):
    """What happens at Stripe by itself."""

    def next_at(self) -> datetime | None:
        """The next instant at which it acts or tries a webhook again."""
        ...

    def run_due(self) -> list[str]:
        """Lets it act up to now and delivers what that gave. What it did."""
        ...


class Missed(Protocol):
    """What Stripe could not deliver, and the job that hears it."""

    @property
    def job(self) -> Job: ...

    def next_at(self) -> datetime | None:
        """From when on there is something for the job to hear; it may be past."""
        ...

    def heard(self) -> None:
        """The job has run at this instant."""
        ...


class NeverQuiet(RuntimeError):
    """An instant at which there is always something left to do."""


@dataclass(frozen=True)
class Ran:
    at: datetime
    job: str
    did: str

    def view(self) -> dict[str, str]:
        return {"at": rfc3339(self.at), "job": self.job, "did": self.did}


class TimeTravel:
    """Only ever used by one thread at a time, with no request under way."""

    def __init__(
        self,
        *,
        clock: MovableClock,
        outside: Outside,
        watch: DueWatch,
        schedule: Sequence[Job],
        world: Callable[[], Any],
        missed: Missed | None = None,
        walks: Sequence[Job] = (),
        shared: Callable[[], Iterable[tuple[str, str]]] = tuple,
    ) -> None:
        self._clock = clock
        self._outside = outside
        self._watch = watch
        self._schedule = schedule
        self._world = world
        self._missed = missed
        self._walks = walks
        self._shared = shared
        """Does what a job gave away to other runs of itself: which job did what."""
        self._walked_at = clock.now()
        self._left: list[Entry] = []
        """What was due and stayed so when an instant was over."""
        self._written: tuple[datetime | None, str] = None, ""
        """The instant it is, and how it is written: asked many times before the clock moves."""

    def move_to(self, end: datetime, *, walks: bool = True) -> list[Ran]:
        """Up to and including `end`. Without `walks`, what looks at everything once a day is left for a later move."""
        self._watch.catch_up()
        ran = self._settle()
        while (stop := self._next_stop()) is not None and stop <= end:
            self._clock.move_to(stop)
            ran += self._settle()
        if self._clock.now() < end:
            self._clock.move_to(end)
            # Whatever was left over on the way gets its last chance to have been done by the end.
            ran += self._settle()
        ran += self._walk() if walks else []
        self._watch.trust()
        return ran

    def move_to_next(self) -> list[Ran]:
        """To the next instant at which something happens; that may be now."""
        self._watch.catch_up()
        ran = self._settle()
        if not ran and (stop := self._next_stop()) is not None:
            self._clock.move_to(stop)
            ran = self._settle()
        self._watch.trust()
        return ran

    def _next_stop(self) -> datetime | None:
        now = self._clock.now()
        due_at = self._watch.next_after(self._now())
        stops = [self._outside.next_at(), from_rfc3339(due_at) if due_at else None]
        stops += [self._missed.next_at()] if self._missed is not None else []
        left = self._due_by_now()
        if left and left != self._left:
            # The deployed schedule comes by again. Once: what then is still there waits for news.
            stops.append(now + TICK)
        self._left = left
        return min((stop for stop in stops if stop is not None and stop > now), default=None)

    def _walk(self) -> list[Ran]:
        """What the deployed schedule looks at every day, everything: here once, when a move of a day or more is over.
        Two years of daily walks would find what the last of them finds."""
        if self._clock.now() < self._walked_at + DAY:
            return []
        self._walked_at = self._clock.now()
        ran = [one for job in self._walks for one in self._ran(job)]
        return ran + self._settle() if ran else []

    def _settle(self) -> list[Ran]:
        """Everything due by now, until nothing moves any more."""
        ran: list[Ran] = []
        for _ in range(MOST_ROUNDS):
            before = self._due_by_now()
            acted = self._let_stripe_act()
            ran += [*acted, *self._run_jobs()]
            after = self._due_by_now()
            # What stays due although its job ran will not go by asking again: the instant is over, and the job's
            # own report and log say why.
            if not acted and (not after or after == before):
                return ran
        at = rfc3339(self._clock.now())
        last = ran[-1].view() if ran else "a job that said nothing"
        raise NeverQuiet(f"At {at} there is always something left to do; the last was {last}.")

    def _run_jobs(self) -> list[Ran]:
        ran: list[Ran] = []
        due = self._kinds_due()
        for job in self._schedule if due else ():
            if due.isdisjoint(job.due_kinds):
                continue
            ran += self._ran(job)
            # Asked anew after each job: what it did may be what the next one is for.
            due = self._kinds_due()
        return ran + self._hear_missed()

    def _ran(self, job: Job) -> list[Ran]:
        report = job.run(self._world())
        did = [Ran(self._clock.now(), job.name, report.did)] if report.did else []
        did += [Ran(self._clock.now(), name, said) for name, said in self._shared()]
        return did + self._let_stripe_act()

    def _hear_missed(self) -> list[Ran]:
        if self._missed is None:
            return []
        since = self._missed.next_at()
        if since is None or since > self._clock.now():
            return []
        ran = self._ran(self._missed.job)
        self._missed.heard()
        return ran

    def _let_stripe_act(self) -> list[Ran]:
        return [Ran(self._clock.now(), STRIPE, did) for did in self._outside.run_due()]

    def _kinds_due(self) -> set[str]:
        return self._watch.kinds_until(self._now())

    def _due_by_now(self) -> list[Entry]:
        return self._watch.until(self._now())

    def _now(self) -> str:
        now = self._clock.now()
        if now is not self._written[0]:
            self._written = now, rfc3339(now)
        return self._written[1]
