"""What the next purges would delete, and what holds them: looked at before anything is done (SC-10)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from chalicelib import erasing
from chalicelib.domain import approving
from chalicelib.domain.account import Account
from chalicelib.domain.erasure import Erasure, erasure_id
from chalicelib.domain.holding import held_by_cases, is_held, is_waived
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.purging import is_at_carrier, is_still_registered, purge_at
from chalicelib.domain.steps import DATA_PURGED, Step
from chalicelib.gateways.purgers import Purger, PurgerUnavailable
from chalicelib.store import accounts, keys
from chalicelib.wiring import World

Shown = dict[str, Any]


def due(world: World, until: datetime, most: int) -> Iterator[Account]:
    """Accounts whose purge is due by then. On hold, it is not in the due index: ask for the account by its name."""
    found = 0
    for shard in range(world.settings.due_shards):
        after: str | None = None
        while True:
            page = world.table.due(f"{DATA_PURGED}#{shard}", rfc3339(until), after=after)
            for one in page.due:
                loaded = accounts.load(world.table, keys.account_of(one.key))
                if loaded is not None and found < most:
                    found += 1
                    yield loaded.account
            if (after := page.after) is None or found >= most:
                break


def plan(world: World, account: Account) -> Shown:
    policy, now = world.policies.get(account.policy), world.clock.now()
    at = account.purge_began_at or purge_at(account, policy)
    return {
        "account_id": account.id,
        "due_at": at and rfc3339(at),
        "is_due": at is not None and at <= now,
        "began_at": account.purges_before and rfc3339(account.purges_before),
        "held_by": _held_by(world, account, at) if at is not None else ["no_purge_lies_ahead"],
        "would_delete": _counts(world, account, at) if at is not None else {},
    }


def _held_by(world: World, account: Account, at: datetime) -> list[str]:
    """Why it would not be done even if it were due."""
    if account.purge_began_at is not None:
        return []
    step, policy = Step(DATA_PURGED, at), world.policies.get(account.policy)
    found = {
        "legal_hold": account.legal_hold is not None,
        "held_by_operator": step.id in account.held,
        "waived": is_waived(account, step),
        "waits_for_approval": approving.is_missing(account, policy, at),
        "numbers_not_released": is_at_carrier(account),
        "registrations_not_lapsed": is_still_registered(account, policy),
        "case_open": bool(held_by_cases(account, step)),
    }
    held = found["legal_hold"] or found["held_by_operator"] or found["case_open"]
    assert is_held(account, step) == held
    return [name for name, holds in found.items() if holds]


def _counts(world: World, account: Account, at: datetime) -> Shown:
    """Purger → kind → how many, or why that is not known."""
    wanted = Erasure(
        id=erasure_id(account.id, at),
        account_id=account.id,
        before=account.purges_before or world.clock.now(),
    )
    return {purger.name: _asked(purger, wanted) for purger in erasing.purgers_of(world, account)}


def _asked(purger: Purger, wanted: Erasure) -> Shown:
    try:
        found = purger.plan(wanted, erasing.MOST_PLANNED)
    except PurgerUnavailable as error:
        return {"counts": None, "unknown_because": str(error)}
    if found.counts is None:
        return {"counts": None, "unknown_because": "asked_only_when_it_is_due"}
    return {"counts": dict(found.counts), "newer": found.newer, "at_least": found.more}
