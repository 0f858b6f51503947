"""DynamoDB's request units of each delivery and of each fired step, by the published rules, beside 100 and 10,000 accounts.

    python benchmarks/request_units.py

Counted on the in-memory table by tests/support/units.py: no clock is read, and no machine changes a number. The rows of
docs/explanation/scale.md are made of these. tests/ordering/test_units.py holds them.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.tables import EXACTLY, goal, show
from chalicelib.domain import steps
from chalicelib.sweeping import sweep
from tests.support.stage import END, SHARDS, Stage
from tests.support.units import MeteredTable

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FEW, MANY = 100, 10_000
ACCOUNTS = 20
"""So many have the step due."""
BUSY_DAYS = (0, 11, 14, 23, 30, 335, 358)
"""Days after the end on which a step or a reminder of one is carried out."""


@dataclass(frozen=True, slots=True)
class Units:
    written: float
    read: float
    requests: float

    def cells(self) -> tuple[str, str, str]:
        return f"{self.written:.2f}", f"{self.read:.2f}", f"{self.requests:.2f}"


@dataclass(frozen=True, slots=True)
class Fired:
    kind: str
    after: int
    """Days after the end; of a fee, after the number was put."""
    outside: bool
    """Whether it calls an outsider other than Stripe's reading side, and so has an intent and a result to write."""


FIRED = (
    Fired(steps.ACCESS_ENDS, 0, outside=False),
    Fired(steps.MESSAGES_CREDITED, 0, outside=False),
    Fired(steps.NUMBER_FEE, 40, outside=False),
    Fired(steps.NUMBERS_RELEASED, 14, outside=True),
    Fired(steps.REGISTRATIONS_LAPSE, 30, outside=True),
    Fired(steps.DATA_PURGED, 365, outside=True),
)


def main() -> None:
    logging.disable(logging.CRITICAL)
    show(
        "A delivery: request units of DynamoDB",
        ("", *UNITS, "goal (written)"),
        ((name, *units.cells(), _goal(units, most)) for name, units, most in deliveries()),
    )
    show(
        f"A fired step, beside {MANY:,} accounts: request units of DynamoDB",
        ("", *UNITS, "goal (written)", f">÷ beside {FEW}", "goal"),
        map(_fired_row, FIRED),
        [f"A sweep with nothing due reads {idle():.1f} units a kind in {SHARDS} shards."],
    )


UNITS = (">written", ">read", ">requests")


def _goal(units: Units, most: float | None) -> str:
    return goal(units.written, most) if most is not None else ""


def _fired_row(one: Fired) -> tuple[str, ...]:
    few, many = fired(one, FEW), fired(one, MANY)
    ratio = round((many.written + many.read) / (few.written + few.read), 2)
    most = 12 if one.outside else 7
    return (one.kind, *many.cells(), _goal(many, most), f"{ratio:.2f}", goal(ratio, 1, how=EXACTLY))


def deliveries() -> Iterator[tuple[str, Units, float | None]]:
    tellings: dict[str, tuple[Callable[[Stage], Any], float | None]] = {
        "cancelled: five steps planned": (lambda stage: stage.cancel(hear=False), None),
        "renewal paid: no step moves": (_renewal_heard, 4),
        "newer, nothing visible": (
            lambda stage: stage.truth.event(
                "customer.subscription.updated", stage.truth.thing("sub_1")
            ),
            1,
        ),
        "a duplicate": (_duplicate, 0),
        "of no concern": (
            lambda stage: stage.truth.event("charge.succeeded", {"id": "ch_1"}),
            0,
        ),
    }
    for name, (telling, most) in tellings.items():
        stage, table = _stage()
        stage.account()
        stage.subscribe()
        stage.move(stage.now + HOUR)
        event = telling(stage)
        table.start()
        stage.deliver(event)
        yield name, Units(table.written, table.read, table.requests), most


def _renewal_heard(stage: Stage) -> Any:
    return stage.truth.event("invoice.paid", stage.renew("sub_1"))


def _duplicate(stage: Stage) -> Any:
    event = stage.cancel(hear=False)
    stage.deliver(event)
    return event


def fired(one: Fired, idle: int) -> Units:
    """What one step of this kind costs, its sweep's share of reading the index included."""
    stage, table = _stage()
    if one.kind == steps.NUMBER_FEE:
        _everybody(stage, days=120)
        stage.move(stage.now + one.after * DAY)
    else:
        _everybody(stage)
        _leave(stage, one.after)
    stage.not_due(idle)
    table.start()
    report = sweep(stage.world, one.kind)
    assert report.counts["done"] == ACCOUNTS, f"{one.kind}: {report}"
    return Units(
        *(count / ACCOUNTS for count in (table.written, table.read, float(table.requests)))
    )


def _stage() -> tuple[Stage, MeteredTable]:
    table = MeteredTable()
    return Stage(table), table


def _everybody(stage: Stage, days: int = 28) -> None:
    """Each has a plan, a number, a registration and a message."""
    for n in range(ACCOUNTS):
        account = f"acme-{n}"
        stage.account(account, _customer(n))
        stage.subscribe(_subscription(n), _customer(n), days=days)
        stage.registration(f"brand-{n}", account_id=account)
        stage.messages(f"m{n}", account_id=account)
        stage.number(f"+1415555{n:04}", account_id=account)


def _customer(n: int) -> str:
    """As long as Stripe's are: how many KB a row has decides what it costs."""
    return f"cus_NffrFeUfNV{n:04}"


def _subscription(n: int) -> str:
    return f"sub_1MowQVLkdIwHu7ixera{n:05}"


def _leave(stage: Stage, days: int) -> None:
    """Renewal is off, Stripe has said that the end came, and so many days have passed since."""
    for n in range(ACCOUNTS):
        stage.cancel(_subscription(n))
    stage.move(END)
    for n in range(ACCOUNTS):
        ended = stage.truth.thing(_subscription(n))
        stage.deliver(stage.truth.event("customer.subscription.deleted", ended))
    for day in BUSY_DAYS:
        if day < days:
            stage.move(END + day * DAY)
            stage.run_schedule()
    # A year is a year, not 365 days in every year.
    stage.move(END.replace(year=END.year + 1) if days == 365 else END + days * DAY)


def idle() -> float:
    stage, table = _stage()
    table.start()
    sweep(stage.world, steps.ACCESS_ENDS)
    # Less the one look at the kill switch.
    return table.read - 1


if __name__ == "__main__":
    main()
