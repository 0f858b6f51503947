"""When the job that hears missed events has something to hear: as soon as an event is old enough to be looked for.

Deployed, it runs every quarter of an hour and mostly finds nothing. Here those runs are skipped.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from chalicelib import catching_up
from chalicelib.store.table import StoreError
from chalicelib.wiring import World
from infra.local.time_travel import Job

SECOND = timedelta(seconds=1)


class MissedEvents:
    def __init__(
        self,
        job: Job,
        world: Callable[[], World],
        missed_since: Callable[[datetime], datetime | None],
    ) -> None:
        self.job = job
        self._world = world
        self._missed_since = missed_since
        self._heard_until = datetime.min.replace(tzinfo=UTC)
        """The job has seen everything that was created before."""

    def next_at(self) -> datetime | None:
        created = self._missed_since(self._heard_until)
        return None if created is None else created + catching_up.SETTLED + SECOND

    def heard(self) -> None:
        # As the job itself noted it: one that was stopped has something left to hear.
        with suppress(StoreError):
            at = catching_up.position(self._world())
            self._heard_until = at.since if at is not None else self._heard_until
