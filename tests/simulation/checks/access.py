"""Access: what was paid for, what a contract binds to, and what was confirmed to somebody."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from chalicelib.domain.access import has_access
from chalicelib.domain.account import Account, Subscription
from chalicelib.domain.ending import end_of
from chalicelib.domain.moments import rfc3339
from tests.simulation import heard
from tests.simulation.checks.telling import listed
from tests.simulation.stripes_truth import (
    at_stripe,
    instant,
    invoices_of,
    is_owed,
    is_paid,
    paid_until,
    plan_name,
)
from tests.simulation.world import Resident, Simulated


def access_is_half_open(world: Simulated, resident: Resident, account: Account) -> None:
    """6, at the end itself, whatever the clock says now."""
    policy = world.clean.policies.get(resident.policy)
    for id, one in account.subscriptions.items():
        end = end_of(account, one)
        if end is not None:
            has = has_access(account, one, policy, end)
            assert not has, f"6: {id} has access at its end {rfc3339(end)}"


def contracts_run_to_their_end(resident: Resident, account: Account) -> None:
    """7."""
    for id, contract in resident.contracts.items():
        one = account.subscriptions.get(id)
        if one is None or one.is_forfeited or id not in account.contracts:
            continue
        end = end_of(account, one)
        assert end is None or end >= contract, (
            f"7: {id} ends at {rfc3339(end)}, and its contract at {rfc3339(contract)}"
        )


def what_was_confirmed_is_carried_out(
    world: Simulated, resident: Resident, account: Account
) -> None:
    """14. Nobody loses a day that was confirmed to them when they agreed. 7. Nor are they billed beyond it."""
    for id, shown in resident.shown.items():
        one = account.subscriptions.get(id)
        if one is None or one.is_forfeited or is_owed(world, id):
            continue
        end = end_of(account, one)
        assert end is None or end >= shown or _paid_unheard(world, resident, one), (
            f"14: {id} ends at {rfc3339(end)}, and {rfc3339(shown)} was shown"
        )
        billed = {i["id"]: instant(i["created"]) for i in invoices_of(world, {"id": id})}
        renewed = [invoice for invoice, at in billed.items() if at >= shown]
        last_period = max((at for at in billed.values() if at < shown), default=None)
        assert not renewed or (id in resident.contracts and _slept(world, last_period, shown)), (
            f"7: {id} was cancelled for {rfc3339(shown)}, and billed after that by {listed(renewed)}"
        )


def _paid_unheard(world: Simulated, resident: Resident, one: Subscription) -> bool:
    """Whether nobody told us that the last period was paid, in which work was counted for them (seed 3119). Not every
    world looks back at what Stripe could not deliver."""
    paid = paid_until(world, {"id": one.id})
    knows = one.paid_until is not None and one.paid_until >= paid
    return not knows and not heard.everything_about(world, resident)


def _slept(world: Simulated, since: datetime | None, until: datetime) -> bool:
    """Whether nothing of ours ran all that time. Renewal of a contract goes off in its last period, and not before
    (seed 1629)."""
    return since is not None and any(a <= since and until <= b for a, b in world.outages)


def access_is_what_was_paid(world: Simulated, resident: Resident, account: Account) -> None:
    """6. By Stripe's own invoices: whoever paid beyond this instant has access, whoever did not has none, except while
    a renewal settles."""
    policy = world.clean.policies.get(resident.policy)
    given = world.features(resident.id)
    for name, plan in policy.plans.items():
        mine = [s for s in at_stripe(world, resident) if plan_name(world, resident, s) == name]
        paid = any(is_paid(world, s, world.now) for s in mine)
        perhaps = any(_might_have_access(world, resident, s) for s in mine)
        for feature in plan.features:
            elsewhere = [n for n, p in policy.plans.items() if feature in p.features and n != name]
            assert given[feature] or not paid, (
                f"6: {resident.id} has paid for {feature} and does not have it"
            )
            assert not given[feature] or perhaps or elsewhere, (
                f"6: {resident.id} has {feature} unpaid"
            )


def _might_have_access(world: Simulated, resident: Resident, subscription: dict[str, Any]) -> bool:
    until = paid_until(world, subscription)
    if subscription["id"] in resident.contracts:
        until = max(until, resident.contracts[subscription["id"]])
    if subscription["status"] in ("active", "trialing", "past_due", "unpaid"):
        until += timedelta(days=40)  # settling, and the grace after a failed charge
    if world.windows:
        until += timedelta(days=60)  # work on the systems extends it
    return until > world.now
