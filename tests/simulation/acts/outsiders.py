"""What happens at Stripe, at a bank or at a carrier, and nobody asked us."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from chalicelib.domain.moments import rfc3339, years_after
from infra.local.carrier import GONE, NUMBERS, REGISTRATIONS
from tests.simulation.acts.choosing import (
    PLANS,
    living_plans,
    numbers_of,
    some_plan,
    whoever,
)
from tests.simulation.stripes_truth import at_stripe
from tests.simulation.world import Resident, Simulated


def end_at_stripe(world: Simulated, resident: Resident, random: Random) -> None:
    world.try_control("cancel_now", subscription=some_plan(world, resident, random))
    world.deliver()


def switch_plan(world: Simulated, resident: Resident, random: Random) -> None:
    living = [s for s in at_stripe(world, resident) if s["status"] == "active"]
    if not living:
        return
    subscription, plan = random.choice(living), random.choice(PLANS[resident.policy])
    price = next(
        (p for p in world.emulator._world.all("price")
         if p["lookup_key"] == f"{resident.policy}:{plan}:month"), None,
    )  # fmt: skip
    if price is not None:
        item = subscription["items"]["data"][0]["id"]
        body = f"items[0][id]={item}&items[0][price]={price['id']}&proration_behavior=none"
        sent = {"Authorization": "Bearer sk_test_person"}
        path = f"/v1/subscriptions/{subscription['id']}"
        world.emulator.handle("POST", path, "", sent, body.encode())
        world.deliver()


def card_fails(world: Simulated, resident: Resident, random: Random) -> None:
    world.try_control("fail_payment", customer=resident.customer)


def card_works(world: Simulated, resident: Resident, random: Random) -> None:
    world.try_control("allow_payment", customer=resident.customer)


def dispute(world: Simulated, resident: Resident, random: Random) -> None:
    """Of somebody who left perhaps in the last second before their purge, and Stripe does not get through to us."""
    resident = whoever(world, resident, lambda one: _purge_of(world, one) is not None)
    purge = _purge_of(world, resident)
    if purge is not None and random.random() < 0.5:
        world.move(purge - timedelta(seconds=1))
        world.emulator.control("drop_webhooks", until=rfc3339(purge + timedelta(hours=1)))
    opened = world.try_control("open_dispute", customer=resident.customer)
    if opened:
        resident.disputes.append(opened["dispute"])
        resident.disputed = True
    world.deliver()
    if purge == world.now + timedelta(seconds=1):
        world.move(purge)


def _purge_of(world: Simulated, resident: Resident) -> datetime | None:
    """A year after their last plan ended, if that lies ahead."""
    ends = [s["ended_at"] for s in at_stripe(world, resident) if s["ended_at"]]
    if not ends or living_plans(world, resident):
        return None
    purge = years_after(datetime.fromtimestamp(max(ends), UTC), 1)
    return purge if purge > world.now + timedelta(seconds=1) else None


def close_dispute(world: Simulated, resident: Resident, random: Random) -> None:
    if resident.disputes:
        closing = resident.disputes.pop(random.randrange(len(resident.disputes)))
        world.try_control("close_dispute", dispute=closing, status=random.choice(("won", "lost")))
        world.deliver()


def lose_at_carrier(world: Simulated, resident: Resident, random: Random) -> None:
    """Somebody gives it back at the carrier's own console, or it was never there: whoever asks for it is told 404."""
    if random.random() < 0.3:
        resident.numbers += 1
        e164 = numbers_of(resident)[-1]
        resident.lost.add(e164)
        world.service("PUT", f"/v1/numbers/{e164}", {
            "account_id": resident.id, "provider": "local", "provider_id": f"PN{e164[1:]}",
            "monthly_fee": {"amount": 100, "currency": "usd"}, "bought_at": rfc3339(world.now),
        })  # fmt: skip
        return
    held = [
        (book, name)
        for book, names in (
            (NUMBERS, numbers_of(resident)),
            (REGISTRATIONS, resident.registrations),
        )
        for name in names
        if (world.carrier._notebook.get(book, name) or {}).get("status") == "active"
    ]
    if held:
        book, name = random.choice(held)
        resident.lost.add(name)
        world.carrier._write_down(book, name, "console", "end", "done", status=GONE[book])
