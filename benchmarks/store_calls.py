"""What each kind of delivery and each kind of sweep asks of the table and of Stripe, call by call.

    python benchmarks/store_calls.py

No clock is read: a machine's speed changes none of these numbers. tests/ordering/test_counting.py holds them.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.tables import quiet, show
from tests.crashes.stories import STORIES
from tests.support.faults import Call, Plan
from tests.support.stage import Stage

HOUR = timedelta(hours=1)


def main() -> None:
    quiet()
    show("What a delivery asks of the table and of Stripe: calls", ("", "asks"), deliveries())
    show(
        "What a sweep asks, of three numbers, two registrations, three messages: calls",
        ("", "asks"),
        sweeps(),
    )


def deliveries() -> Iterable[tuple[str, str]]:
    tellings: dict[str, Callable[[Stage], Any]] = {
        "cancelled": lambda stage: stage.cancel(hear=False),
        "nothing visible changed": lambda stage: stage.truth.event(
            "customer.subscription.updated", stage.truth.thing("sub_1")
        ),
        "renewal paid": lambda stage: stage.truth.event("invoice.paid", stage.renew("sub_1")),
        "of no concern": lambda stage: stage.truth.event("charge.succeeded", {"id": "ch_1"}),
        "unknown customer": lambda stage: stage.subscribe("sub_2", "cus_2", hear=False),
    }
    for name, telling in tellings.items():
        for cold in (False, True):
            stage, plan = Stage(), Plan()
            stage.account()
            world = stage.through(plan)
            stage.deliver(stage.subscribe(hear=False), world)
            stage.move(stage.now + HOUR)
            before = len(plan.calls)
            one = telling(stage)
            stage.deliver(one, stage.through(plan) if cold else world)
            yield f"{name}, {'cold' if cold else 'warm'}", _said(plan.calls[before:])


def sweeps() -> Iterable[tuple[str, str]]:
    for name, story in STORIES.items():
        stage, plan = Stage(), Plan()
        story.prepare(stage)
        story.sweep(stage.through(plan))
        yield name, _said(plan.calls)


def _said(calls: Iterable[Call]) -> str:
    counted = Counter(call.name.rpartition(".")[2] for call in calls)
    return ", ".join(f"{count} {name}" for name, count in counted.items()) or "nothing"


if __name__ == "__main__":
    main()
