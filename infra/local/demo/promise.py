"""What a promise is: its instant, how it shows on the day, the traces it leaves, how the customer was told of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from chalicelib.domain.moments import from_rfc3339, months_after
from infra.local.demo.books import Snapshot, Trace

SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A consequence as a preview or the membership page spells it."""

    kind: str
    at: datetime
    subject: str | None = None
    amount: int | None = None
    count: int | None = None

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Shown:
        return cls(
            kind=told["kind"],
            at=from_rfc3339(told["at"]),
            subject=told.get("subject"),
            amount=told["amount"]["amount"] if told.get("amount") else None,
            count=told.get("count"),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Promise:
    at: datetime
    words: str
    state: Callable[[Snapshot], bool] | None = None
    not_yet: Callable[[Snapshot], bool] | None = None
    """What has to be so one second before, where that is more than "not `state`"."""
    traces: tuple[Trace, ...] = ()
    shown: Shown | None = None
    amount: int | None = None
    """For the eye only; the traces hold what is compared."""
    announced: bool = True
    """False for what a customer does: nobody can look one second before it."""
    changes: bool = True
    """False for what must go on being so: it is looked at on the day only."""
    then: Callable[[], Promise] | None = None
    """What is promised next, once this was kept: the renewal after this one."""

    @property
    def is_seen(self) -> bool:
        """Whether it shows on the customer's page at all, or is in the books only."""
        return self.state is not None or self.not_yet is not None

    def is_untouched(self, seen: Snapshot) -> bool:
        """Nothing of it is there yet."""
        if any(trace in seen.traces for trace in self.traces):
            return False
        if self.not_yet is not None:
            return self.not_yet(seen)
        return self.state is None or not self.state(seen)

    def is_kept(self, seen: Snapshot) -> bool:
        return (self.state is None or self.state(seen)) and all(
            trace in seen.traces for trace in self.traces
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A subscription as its customer knows it."""

    id: str
    title: str
    began: datetime
    months: int
    price: int
    features: tuple[str, ...]

    def period_end(self, after: datetime) -> datetime:
        """The first end of a period later than this moment."""
        n = 1
        while (end := months_after(self.began, n * self.months)) <= after:
            n += 1
        return end


def gives(plan: Plan, seen: Snapshot) -> bool:
    return all(seen.features[name] for name in plan.features)


def gives_nothing(plan: Plan, seen: Snapshot) -> bool:
    return not any(seen.features[name] for name in plan.features)
