"""What we know of Stripe, and whether everybody was told what became of it."""

from __future__ import annotations

from typing import Any

from chalicelib.domain import news
from chalicelib.domain.account import Account
from chalicelib.domain.moments import rfc3339
from chalicelib.store import keys
from chalicelib.store.records import from_doc
from tests.simulation import heard
from tests.simulation.stripes_truth import at_stripe, instant, unix_of
from tests.simulation.world import Resident, Simulated
from tests.support.invariants import Seen


def we_know_what_stripe_knows(world: Simulated, resident: Resident, account: Account) -> None:
    """10. Whatever order things were heard in, we know what Stripe knows."""
    for theirs in at_stripe(world, resident):
        wrong = _differs(account, theirs)
        assert wrong is None, f"10: {wrong}"


def what_was_heard_is_known(world: Simulated, resident: Resident, account: Account) -> None:
    """10, at once: of what was heard nothing needs to be found out later by asking for everything again."""
    for theirs in at_stripe(world, resident):
        wrong = _differs(account, theirs)
        assert wrong is None or not heard.everything_about(world, resident, theirs["id"]), (
            f"10: every event of it was heard: {wrong}"
        )


def _differs(account: Account, theirs: dict[str, Any]) -> str | None:
    """What Stripe says of a subscription and what we say, where these are not the same."""
    ours = account.subscriptions.get(theirs["id"])
    if ours is None:
        never_began = theirs["status"] in ("incomplete", "incomplete_expired")
        if never_began or account.purged_at is not None:
            return None
        return f"{theirs['id']} ({theirs['status']}) is not known here"
    stripe_says = (
        theirs["status"], theirs["cancel_at"], theirs["cancel_at_period_end"], theirs["ended_at"],
    )  # fmt: skip
    # Given up before its first payment, it never began here, whatever Stripe calls that.
    given_up = ours.status == "incomplete_expired" and theirs["status"] == "canceled"
    we_say = (
        "canceled" if given_up else ours.status,
        unix_of(ours.cancel_at),
        ours.cancel_at_period_end,
        unix_of(ours.ended_at),
    )
    if we_say == stripe_says:
        return None
    return (
        f"Stripe says that {theirs['id']} is {_in_words(*stripe_says)},"
        f" and we say that it is {_in_words(*we_say)}"
    )


def _in_words(status: str, cancel_at: int | None, at_period_end: bool, ended_at: int | None) -> str:
    said = [status]
    if cancel_at is not None:
        said.append(f"ends {rfc3339(instant(cancel_at))}")
    if at_period_end:
        said.append("ends with its period")
    if ended_at is not None:
        said.append(f"ended {rfc3339(instant(ended_at))}")
    return ", ".join(said)


def everything_was_told(world: Simulated, seen: Seen) -> None:
    """11. Whatever the history says has left, under its own name."""
    if seen.account.purge_began_at or seen.account.purged_at:
        return
    told = {one["id"] for one in world.outbox.view()["events"]}
    for row in seen.of(keys.HISTORY):
        entry = from_doc(news.HistoryEntry, row["doc"])
        for one in news.events(seen.account.id, entry):
            assert one.id in told, f"11: {one.type} of {seen.account.id} was never told"
