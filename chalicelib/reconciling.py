"""Compares everything live with Stripe, and puts right what Stripe's word puts right.

Two walks, each resumable and bounded: over our accounts (`reconciling_accounts`), and over Stripe's own lists
(`reconciling_lists`).
"""

from __future__ import annotations

from chalicelib import catching_up, walking
from chalicelib.effects.effect import OutOfTime
from chalicelib.reconciling_accounts import EQUAL, JOB, NOT_LIVE, note, visit
from chalicelib.reconciling_lists import EVERY, read_lists
from chalicelib.sharing import Reach
from chalicelib.visiting import Walked
from chalicelib.wiring import World


def reconcile(
    world: World, out_of_time: OutOfTime = lambda: False, reach: Reach | None = None
) -> str:
    """Once a day, in as many runs as it takes."""

    def one(account_id: str) -> str:
        seen = visit(world, account_id, apply=True)
        note(world, seen)
        return seen.outcome

    # What nobody here knew is adopted first, so that the accounts are compared with it in their walk. Stripe's lists have
    # one place that is kept: whoever was given a share of the walk leaves them to the schedule's own run.
    only_a_share = reach is not None and reach.share is not None
    lists = "" if only_a_share else read_lists(world, out_of_time)
    walked = walking.periodically(world, JOB, EVERY, one, out_of_time, reach)
    if walked is not None and walked.walk.status == "complete":
        catching_up.close_gap(world, walked.walk.began_at)
    parts = [lists, str(walked) if walked and _is_news(walked) else ""]
    return "; ".join(part for part in parts if part)


def _is_news(walked: Walked) -> bool:
    said = (+walked.counts).keys() - {EQUAL, NOT_LIVE}
    return bool(said) or walked.walk.status == "running"
