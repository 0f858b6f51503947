"""What operators do."""

from __future__ import annotations

from datetime import timedelta
from random import Random
from typing import Any

from chalicelib.domain.moments import months_after, rfc3339
from infra.local.carrier import NUMBERS
from tests.simulation.acts.choosing import numbers_of, some_plan
from tests.simulation.world import Resident, Simulated


def bind_contract(world: Simulated, resident: Resident, random: Random) -> None:
    subscription, months = some_plan(world, resident, random), random.choice((3, 12, 15))
    put = world.operator("PUT", f"/v1/admin/accounts/{resident.id}", {
        "contracts": [{"subscription_id": subscription, "starts_at": rfc3339(world.now), "months": months}],
    })  # fmt: skip
    bound = {subscription: months_after(world.now, months)}
    if put.status == 200:
        resident.contracts = bound
    elif put.status >= 500:
        # Nobody knows which of the two stands.
        both = resident.contracts.keys() & bound.keys()
        resident.contracts = {id: min(resident.contracts[id], bound[id]) for id in both}


def decide(world: Simulated, resident: Resident, random: Random) -> None:
    case = random.choice([*resident.cases, "case_nobody"])
    body: dict[str, Any] = {"approve": random.random() < 0.7, "reason": "We looked into it."}
    if random.random() < 0.3:
        body["amount"] = {"amount": random.choice((1, 100, 10**6)), "currency": "usd"}
    for _ in range(random.choice((1, 1, 2))):
        world.operator("POST", f"/v1/cases/{case}/decision", body)


def legal_hold(world: Simulated, resident: Resident, random: Random) -> None:
    path = f"/v1/admin/accounts/{resident.id}/legal-hold"
    if world.operator("POST", path, {"reason": "A court asked."}).status == 200:
        resident.on_hold = True


def release_hold(world: Simulated, resident: Resident, random: Random) -> None:
    # Noted first: it may be lifted although it is never answered.
    resident.on_hold = False
    path = f"/v1/admin/accounts/{resident.id}/legal-hold"
    world.operator("DELETE", path, {"reason": "The court is done."})


def hold_step(world: Simulated, resident: Resident, random: Random) -> None:
    _on_a_step(world, resident, random, "hold")


def retry_step(world: Simulated, resident: Resident, random: Random) -> None:
    _on_a_step(world, resident, random, "retry")


def _on_a_step(world: Simulated, resident: Resident, random: Random, what: str) -> None:
    if steps := _steps_seen(world, resident):
        _say(world, resident, random.choice(steps), what)


def overrule(world: Simulated, resident: Resident, kind: str, what: str) -> None:
    for step in _steps_seen(world, resident):
        if step["kind"] == kind:
            resident.release_waived |= what == "waive"
            _say(world, resident, step, what)


def _steps_seen(world: Simulated, resident: Resident) -> list[dict[str, Any]]:
    """Also what failed and what is on hold: those are what an operator is there for."""
    seen = world.operator("GET", f"/v1/admin/accounts/{resident.id}/timeline").body or {}
    return [
        step for where in ("failed", "held", "future") for step in seen.get(where, [])
        if step.get("key")
    ]  # fmt: skip


def _say(world: Simulated, resident: Resident, step: dict[str, Any], what: str) -> None:
    if what != "hold":
        # Noted first: it may be let go although that is never answered.
        resident.held.pop(step["kind"], None)
    path = f"/v1/admin/steps/{step['key']}/{what}"
    if world.operator("POST", path, {"reason": "To look."}).status == 200 and what == "hold":
        resident.held.setdefault(step["kind"], world.now)


def announce_work(world: Simulated, resident: Resident, random: Random) -> None:
    begins = world.now + timedelta(hours=random.choice((-300, -30, 0, 5, 200)))
    body: dict[str, Any] = {
        "starts_at": rfc3339(begins), "ends_at": rfc3339(begins + timedelta(hours=random.choice((1, 30, 100)))),
        "kind": random.choice(("scheduled", "emergency")), "reason": "The database moves.",
    }  # fmt: skip
    if random.random() < 0.5:
        body["policies"] = [resident.policy]
    made = world.operator("POST", "/v1/maintenance-windows", body)
    if made.status == 201:
        world.windows.append(made.body["id"])


def edit_work(world: Simulated, resident: Resident, random: Random) -> None:
    if not world.windows:
        return
    path = f"/v1/maintenance-windows/{random.choice(world.windows)}"
    if random.random() < 0.4:
        world.operator("PUT", path, {"withdrawn": True})
    else:
        ends = world.now + timedelta(hours=random.choice((-20, 3, 60)))
        world.operator("PUT", path, {"ends_at": rfc3339(ends)})


def recover_number(world: Simulated, resident: Resident, random: Random) -> None:
    """An operator tries to have a number back that is gone; or somebody buys it again, and the SaaS puts it anew."""
    records = world.carrier.view()["numbers"]
    gone = [n for n in numbers_of(resident) if n in records and records[n]["status"] == "released"]
    if not gone:
        return
    e164 = random.choice(gone)
    if random.random() < 0.4:
        resident.recovered = True
        resident.removed.discard(e164)
        put = world.number(resident.id, e164, fee=100, bought_at=world.now)
        if put.status != 200:
            # Nobody looks after what was bought and could perhaps not be put: it is given back there (seed 428).
            resident.lost.add(e164)
            world.carrier._write_down(NUMBERS, e164, "console", "end", "done", status="released")
        return
    body = {"account_id": resident.id, "reason": "They asked for it."}
    reply = world.operator("POST", f"/v1/admin/numbers/{e164}/recovery", body)
    resident.recovered = True
    if reply.status < 400:
        resident.removed.discard(e164)
