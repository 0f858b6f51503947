"""The one clock of the local stack. It stands still until somebody moves it, and never goes back.

This is the only module of the local stack that may ask what time it really is, and it asks once: when
a stack is new and nobody named its first instant.
"""

from datetime import UTC, datetime

from infra.local.notebook import Notebook


class ClockMovedBack(ValueError):
    """Somebody asked for an instant that has passed."""


class MovableClock:
    """Keeps its instant in the notebook, so that a killed stack goes on where it was."""

    def __init__(self, notebook: Notebook, start: datetime | None = None) -> None:
        self._notebook = notebook
        kept = notebook.get("clock", "now")
        self._now = datetime.fromisoformat(kept) if kept else start or the_real_present()
        self._notebook.put("clock", "now", self._now.isoformat())

    def now(self) -> datetime:
        return self._now

    def move_to(self, moment: datetime) -> None:
        if moment < self._now:
            raise ClockMovedBack(f"it is {self._now.isoformat()} already")
        # Kept first: work done at an instant must never be older than the clock found after a crash.
        self._notebook.put("clock", "now", moment.isoformat())
        self._now = moment


def the_real_present() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
