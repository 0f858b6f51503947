"""Lets go of what a killed stack was holding.

A sweep claims a step for some minutes, so that no second run calls an outsider at the same time. Whoever dies holding
one leaves it until the claim runs out; in production another run may still be alive. Here nobody else is: the state
folder is ours alone, so a claim found at the start is a dead one's.
"""

from chalicelib.domain.moments import rfc3339
from chalicelib.store.table import If, Update
from infra.local.clock import MovableClock
from infra.local.due_watch import END_OF_TIME, DueWatch


def let_go(watch: DueWatch, clock: MovableClock) -> int:
    """How many steps were held."""
    now, held = rfc3339(clock.now()), 0
    for key in watch.keys_until(END_OF_TIME):
        row = watch.get(key) or {}
        claimed_until = row.get("claimed_until")
        if claimed_until is not None:
            held += 1
            free = {"due_at": min(now, row["due_at"]), "claimed_until": None}
            watch.write(Update(key, free, If(equals={"claimed_until": claimed_until})))
    return held
