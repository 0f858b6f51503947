"""Issue of every step that cannot be undone: the customer hears of it before it is carried out, not after.

A reminder is a step of its own, so many days before another one that lies ahead. It moves when that one moves and is
called off when that one is. It never comes after the fact: whoever wakes too late says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.domain.policy import Policy
from chalicelib.domain.steps import REMINDER, Step, step_of


@dataclass(frozen=True, slots=True)
class Reminding:
    """What a reminder's subject says: of which step, how many days before it."""

    days: int
    of: str


def steps(policy: Policy, ahead: Iterable[Step]) -> Iterator[Step]:
    """The reminders of the steps that lie ahead."""
    for step in ahead:
        for one in policy.reminders:
            if one.before == step.kind:
                yield Step(REMINDER, step.due - timedelta(days=one.days), _subject(step, one.days))


def _subject(step: Step, days: int) -> str:
    name = f"{step.kind}-{days}d"
    return name if step.subject is None else f"{name}:{step.subject}"


def reminding(reminder: Step) -> Reminding:
    name, _, subject = (reminder.subject or "").partition(":")
    kind, _, days = name.removesuffix("d").rpartition("-")
    return Reminding(int(days), f"{kind}:{subject}" if subject else kind)


def kind_reminded_of(subject: str) -> str:
    """The kind of the step that a reminder with this subject reminds of."""
    return subject.partition(":")[0].rpartition("-")[0]


def event_of(reminder: Step, pending: Mapping[str, datetime]) -> Step | None:
    """The step it reminds of, while that lies ahead."""
    of = reminding(reminder).of
    due = pending.get(of)
    return None if due is None else step_of(of, due)


def is_overtaken(reminder: Step, pending: Mapping[str, datetime], now: datetime) -> bool:
    """A nearer reminder of the same step is due as well, and says the same."""
    of = reminding(reminder).of
    return any(
        reminder.due < due <= now and reminding(other).of == of
        for id, due in pending.items()
        if (other := step_of(id, due)).kind == REMINDER
    )
