"""The weather calms down, and then everything due must be done and everything must agree; and perhaps everybody leaves."""

from __future__ import annotations

from datetime import timedelta

from chalicelib.domain.account import Account
from chalicelib.domain.moments import months_after, rfc3339
from chalicelib.domain.steps import NUMBER_REMOVED, REGISTRATION_WITHDRAWN
from chalicelib.handlers.jobs import SCHEDULE
from chalicelib.store import keys, positions
from tests.simulation import leaving
from tests.simulation.checks.access import access_is_what_was_paid
from tests.simulation.checks.carrier import carrier_agrees, held_of, still_registered
from tests.simulation.checks.known import everything_was_told, we_know_what_stripe_knows
from tests.simulation.checks.money import (
    every_fee_was_charged,
    every_top_up_was_booked,
    money_went_back_once,
)
from tests.simulation.checks.telling import listed, resident_of
from tests.simulation.checks.watching import Watching
from tests.simulation.stripes_truth import at_stripe, ever_paid, instant, plan_says
from tests.simulation.world import Resident, Simulated
from tests.support.invariants import Seen

LATE = timedelta(minutes=10)
"""Two ticks of the schedule."""


EXPLAINED = ("not_ended_at_stripe",)


def end(world: Simulated, watching: Watching) -> None:
    world.trail.append("-- faults stop")
    world.calm_down()
    watching.look_at_everything()
    everything_agrees(world, watching)
    if not world.plan.finale:
        return
    world.trail.append("-- everybody leaves")
    for resident in world.residents:
        leaving.leave(world, resident)
    for months in (1, 1, 13, 24):
        world.move(months_after(world.now, months))
        watching.look()
    world.trail.append("-- nothing keeps it any more")
    for resident in world.residents:
        leaving.nothing_is_left(world, resident)
    world.calm_down()
    watching.look_at_everything()
    everything_agrees(world, watching)
    for resident in world.residents:
        nothing_is_left(world, watching, resident)


def everything_agrees(world: Simulated, watching: Watching) -> None:
    nothing_waits(world)
    nothing_is_parked(world)
    for seen in watching.reading.accounts.values():
        resident = resident_of(world, seen.account.id)
        we_know_what_stripe_knows(world, resident, seen.account)
        carrier_agrees(world, resident, seen)
        access_is_what_was_paid(world, resident, seen.account)
        nothing_is_under_way(seen.account)
        position = positions.position(world.watch, seen.account.id)
        assert position is None or not position.lags, (
            f"11: {seen.account.id} has unpublished history"
        )
        everything_was_told(world, seen)
        every_fee_was_charged(world, resident, seen, watching.charged_in_time)
        every_top_up_was_booked(world, resident, seen)
    money_went_back_once(world)


def nothing_waits(world: Simulated) -> None:
    """11. Nothing that is due stays due, unless somebody said so, or it cannot be done yet and says why."""
    limit = rfc3339(world.now - LATE)
    for kind in sorted({kind for job in SCHEDULE for kind in job.due_kinds}):
        for shard in range(world.clean.settings.due_shards):
            for due in world.watch._table.due(f"{kind}#{shard}", limit, limit=1000).due:
                row = world.watch._table.get(due.key)
                assert row is not None
                why = str(row["doc"].get("last_error") or row["doc"].get("reason") or row["doc"])
                assert any(code in why for code in EXPLAINED), (
                    f"11: {due.key.sk} of {due.key.pk} is due since {due.due_at}: {why}"
                )


def nothing_is_parked(world: Simulated) -> None:
    """11. Whatever was put aside is tried again: that a walk finds the same some night is another matter."""
    for whose in (None, *(resident.customer for resident in world.residents)):
        for row in world.table.query(keys.parked_of(whose), keys.PARKED).rows:
            type, why = row["doc"]["type"], row["doc"]["reason"]
            raise AssertionError(f"11: {type} is still parked when all is calm: {why}")


def nothing_is_under_way(account: Account) -> None:
    """A wish to be rid of something waits where an operator holds it (seed 430)."""
    removing = set(account.removals) - held_of(account, NUMBER_REMOVED)
    withdrawing = set(account.withdrawals) - held_of(account, REGISTRATION_WITHDRAWN)
    for what, left in (
        ("has a call under way about", account.in_flight),
        ("waits to be rid of", removing),
        ("is still withdrawing", withdrawing),
    ):
        assert not left, f"11: when all is calm {account.id} {what} {listed(left)}"


def nothing_is_left(world: Simulated, watching: Watching, resident: Resident) -> None:
    """More than a year after everybody left: every consequence has come, and nothing costs anything any more."""
    for seen in watching.reading.accounts.values():
        if seen.account.id != resident.id or not (
            seen.account.subscriptions or seen.account.purged_at
        ):
            continue
        policy = world.clean.policies.get(resident.policy)
        ends = [instant(s["ended_at"]) for s in at_stripe(world, resident)
                if s["ended_at"] and ever_paid(world, s)
                and plan_says(world, resident, s, "needs_numbers")]  # fmt: skip
        had_plan = bool(ends)
        waiting = [row["sk"] for row in seen.of(keys.MESSAGE) if row["state"] == "scheduled"]
        credits = policy.messages is not None and policy.messages.credit_unsent
        assert not waiting or not credits or _explained(seen), (
            f"2: {listed(waiting)} can never be sent, and was never credited"
        )
        # What the SaaS registers for an account without any plan is its own affair.
        held = [n.e164 for n in seen.numbers
                if n.state != "released" and had_plan and n.known_since < max(ends)]  # fmt: skip
        assert not held, (
            f"11: {listed(held)} is still rented for {resident.id}, a year after everybody left"
        )
        registered = still_registered(world, resident, seen)
        assert not registered, (
            f"11: {listed(registered)} is still registered for {resident.id}, a year after everybody left"
        )
        seats = {id: n for id, n in seen.account.seats.items() if n}
        assert not seats, (
            f"GT-5: {resident.id} still has seats in {listed(seats)}, a year after everybody left"
        )
        if policy.data is not None and had_plan and not _explained(seen):
            assert seen.account.purged_at, (
                f"11: {resident.id} was never purged, and what lies ahead is {listed(seen.account.steps)}"
            )


def _explained(seen: Seen) -> bool:
    account = seen.account
    return bool(
        account.cases or account.legal_hold or account.held or account.waived or account.numbers
    )
