"""A backup of the table comes back. Stripe, the carrier, the mail that was sent and the tombstones do not go back with it.

The operator follows docs/how-to/purge-and-restore.md; the SaaS tells again what it has told since. Then everything must
agree as if nothing had happened, and nothing that was erased may be there.
"""

from __future__ import annotations

from datetime import timedelta

from chalicelib import tombstones
from chalicelib.handlers.jobs import SCHEDULE
from chalicelib.lifecycle import load
from chalicelib.store import cases, holdings
from tests.simulation.world import Resident, Simulated

KEPT = timedelta(days=35)
"""As long as DynamoDB can go back. Stripe is asked again for what was paid since long before it."""


def back_up(world: Simulated) -> None:
    world.backup = (world.now, world.table.snapshot())
    world.trail.append("    (a backup is made)")


def restore(world: Simulated) -> None:
    if world.backup is None or world.now > world.backup[0] + KEPT:
        return
    world.trail.append("    (the backup comes back)")
    was, world.chance.calm = world.chance.calm, True
    world.table.go_back(world.backup[1])
    world.restored += 1
    # Whoever published or swept has gone with the old table.
    world.watch.take_fresh()
    world.watch.refill()
    world.new_process()
    _as_the_page_says(world)
    for resident in world.residents:
        if resident.customer:
            _told_again(world, resident)
    for job in SCHEDULE:
        job.run(world.clean)
    world.deliver()
    world.chance.calm = was


def _as_the_page_says(world: Simulated) -> None:
    for stone in list(tombstones.newest(world.files)):
        assert not tombstones.reapply(world.clean, stone).failed


def _told_again(world: Simulated, resident: Resident) -> None:
    """What the SaaS knows by itself, and by the events it has heard."""
    if load(world.clean, resident.id) is None:
        world.put_account(resident)
    resident.contracts.clear()
    resident.shown.clear()
    resident.on_hold = False
    resident.held.clear()
    resident.restored = True
    resident.cases = [
        id for id in resident.cases if cases.load(world.clean.table, resident.id, id) is not None
    ]
    _numbers(world, resident)
    _registrations(world, resident)
    _messages(world, resident)


def _numbers(world: Simulated, resident: Resident) -> None:
    records = world.carrier.view()["numbers"]
    ours = {n.e164: n for n in holdings.numbers(world.clean.table, resident.id)}
    for e164, record in records.items():
        if not e164.startswith(f"+1415555{int(resident.id.removeprefix('acct')):01}"):
            continue
        here = e164 in ours and ours[e164].state != "released"
        if record["status"] == "active" and not here:
            world.number(resident.id, e164)
        elif record["status"] != "active" and here:
            resident.removed.add(e164)
            world.customer(resident.id, "DELETE", f"/v1/numbers/{e164}")


def _registrations(world: Simulated, resident: Resident) -> None:
    records = world.carrier.view()["registrations"]
    ours = {r.id: r for r in holdings.registrations(world.clean.table, resident.id)}
    for name in resident.registrations:
        here = name in ours and ours[name].is_open
        if records[name]["status"] == "active" and not here:
            world.registration(resident.id, name)
        elif records[name]["status"] != "active" and here:
            resident.withdrawn.add(name)
            world.customer(resident.id, "DELETE", f"/v1/registrations/{name}")


def _messages(world: Simulated, resident: Resident) -> None:
    again = {"sent": ("POST", "/sent"), "deleted": ("DELETE", "")}
    for id, told in list(resident.messages.items()):
        row = holdings.message(world.clean.table, resident.id, id)
        if row is None or told == "credited":
            # Scheduled since, it is scheduled anew under another id; credited since, it is credited anew.
            del resident.messages[id]
        elif told in again and row.state == "scheduled":
            method, what = again[told]
            path = f"/v1/scheduled-messages/{id}{what}?account_id={resident.id}"
            said = world.service(method, path)
            resident.messages[id] = told if said.status == 200 else said.body["state"]
