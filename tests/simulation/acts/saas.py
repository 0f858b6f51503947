"""What the SaaS does for its customers: numbers, registrations, messages, usage."""

from __future__ import annotations

from datetime import timedelta
from random import Random

from chalicelib.domain.moments import rfc3339
from tests.simulation import heard
from tests.simulation.acts.choosing import numbers_of
from tests.simulation.world import Resident, Simulated


def buy_numbers(world: Simulated, resident: Resident, random: Random) -> None:
    for _ in range(random.choice((1, 1, 2, 5))):
        resident.numbers += 1
        bought = world.now - timedelta(days=random.choice((0, 0, 3, 40)))
        fee = random.choice((1, 100, 333))
        world.number(resident.id, numbers_of(resident)[-1], fee=fee, bought_at=bought)


def register(world: Simulated, resident: Resident, random: Random) -> None:
    resident.count += 1
    name = f"{resident.id}-brand{resident.count}"
    world.registration(resident.id, name, random.choice(("active", "active", "pending")))
    resident.registrations.append(name)


def schedule(world: Simulated, resident: Resident, random: Random) -> None:
    messages = []
    for _ in range(random.choice((1, 3, 12))):
        resident.count += 1
        messages.append((
            f"m{resident.count}", random.choice(("sms", "rvm")),
            world.now + timedelta(days=random.choice((0, 1, 20, 45))), random.choice((1, 5, 70)),
        ))  # fmt: skip
    reply = world.schedule(resident.id, *messages)
    outcomes = reply.body.get("data", []) if reply.status == 200 else []
    for one in outcomes:
        if one["outcome"] == "scheduled":
            resident.messages[one["id"]] = "scheduled"


def send(world: Simulated, resident: Resident, random: Random) -> None:
    if "scheduled" not in resident.messages.values():
        schedule(world, resident, random)
    for id in _some_messages(resident, random):
        send_one(world, resident, id)


def send_one(world: Simulated, resident: Resident, id: str) -> None:
    path = f"/v1/scheduled-messages/{id}/sent?account_id={resident.id}"
    told_all, at = heard.everything_about(world, resident), world.now
    reply = world.service("POST", path)
    if reply.status >= 500:
        # Perhaps it was sent all the same: answered 200 later, it tells nobody when (seeds 1344 and 1473).
        resident.unanswered.add(id)
    if reply.status == 200:
        if told_all and resident.messages.get(id) == "scheduled" and id not in resident.unanswered:
            resident.sent.append((id, at))
        resident.messages[id] = "sent"
    elif reply.code == "already_credited":
        # The code is the same for whatever came first; `state` says what it was.
        resident.messages[id] = reply.body["state"]


def delete_message(world: Simulated, resident: Resident, random: Random) -> None:
    if "scheduled" not in resident.messages.values():
        schedule(world, resident, random)
    for id in _some_messages(resident, random)[:1]:
        _delete_one(world, resident, id)


def _delete_one(world: Simulated, resident: Resident, id: str) -> None:
    path = f"/v1/scheduled-messages/{id}?account_id={resident.id}"
    if world.service("DELETE", path).status == 200:
        resident.messages[id] = "deleted"


def end_twice(world: Simulated, resident: Resident, random: Random) -> None:
    """Sent or deleted by one server of the SaaS, and by another one before the first has been answered: the same message,
    or another of the same wallet."""
    if "scheduled" not in resident.messages.values():
        schedule(world, resident, random)
    waiting = waiting_of(resident)
    if waiting:
        id = random.choice(waiting)
        world.another_server_ends(resident, random.choice((id, *waiting)))
        random.choice((send_one, _delete_one))(world, resident, id)
        world.chance.before_the_next_write = None


def waiting_of(resident: Resident) -> list[str]:
    return sorted(id for id, told in resident.messages.items() if told == "scheduled")


def _some_messages(resident: Resident, random: Random) -> list[str]:
    waiting = waiting_of(resident)
    known = sorted(resident.messages) or ["nobody"]
    if waiting and random.random() < 0.7:
        # Mostly one of which something can still become.
        known = waiting
    return random.sample(known, min(len(known), random.choice((1, 2, 5))))


def use(world: Simulated, resident: Resident, random: Random) -> None:
    resident.count += 1
    world.service("POST", "/v1/activity", {
        "account_id": resident.id, "id": f"act{resident.count}", "kind": "template_created",
        "at": rfc3339(world.now),
    })  # fmt: skip


def charge_usage(world: Simulated, resident: Resident, random: Random) -> None:
    resident.count += 1
    body = {
        "account_id": resident.id, "id": f"fee{resident.count}", "kind": "conversation",
        "at": rfc3339(world.now), "amount": {"amount": 12, "currency": "usd"},
    }  # fmt: skip
    for _ in range(random.choice((1, 2))):
        world.service("POST", "/v1/usage-charges", body)
