"""The kill switch is turned, and how everything stands: what operators do and see. `gates` is what obeys it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from chalicelib import log
from chalicelib.domain.capabilities import CAPABILITIES
from chalicelib.domain.moments import rfc3339
from chalicelib.store import accounts, shadows, switches
from chalicelib.store.records import to_doc
from chalicelib.store.shadows import Noted
from chalicelib.store.switches import Turned
from chalicelib.wiring import World

MOST_TURNINGS = 20
MOST_NOTED = 1000


def turn(world: World, *, on: bool, by: str, reason: str) -> Turned:
    """Turning it the way it stands already changes nothing: the first reason holds."""
    now = world.clock.now()
    standing = switches.turn(world.table, Turned(on=on, at=now, by=by, reason=reason))
    world.gate.forget()
    log.event("kill_switch_turned", on=on, by=by)
    return standing


def shown(world: World) -> dict[str, Any]:
    standing = switches.kill_switch(world.table)
    return {
        "kill_switch": {
            "on": standing is not None and standing.on,
            **({"since": rfc3339(standing.at), "by": standing.by, "reason": standing.reason}
               if standing is not None else {}),
        },
        "capabilities": [
            {"name": name, "mode": world.gate.said(name), "says": says}
            for name, says in CAPABILITIES.items()
        ],
        "turned": [to_doc(one) for one in switches.turnings(world.table, MOST_TURNINGS)],
    }  # fmt: skip


def would_have(
    world: World, account_id: str | None = None, limit: int = MOST_NOTED
) -> tuple[list[dict[str, Any]], bool]:
    """What would have been done, in the order in which it fell due; and whether there is more."""
    table, shards = world.table, world.settings.due_shards
    found = shadows.of_account(table, account_id) if account_id else shadows.every(table, shards)
    first = list(islice(_shown(world, found), limit + 1))
    return first[:limit], len(first) > limit


def _shown(world: World, found: Iterator[tuple[str, Noted]]) -> Iterator[dict[str, Any]]:
    for account_id, noted in found:
        loaded = accounts.load(world.table, account_id)
        waits = loaded is not None and loaded.account.steps.get(noted.what) == noted.due
        yield {
            "account_id": account_id,
            "policy": noted.policy,
            "step": noted.what,
            "capability": noted.capability,
            "due_at": rfc3339(noted.due),
            "noted_at": rfc3339(noted.at),
            "would": dict(noted.would),
            "still_due": waits,
        }
