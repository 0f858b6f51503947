"""Several things in one moment: somebody acts while a call is under way, or nobody has heard how it went."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from chalicelib.domain.moments import rfc3339
from chalicelib.domain.steps import NUMBERS_RELEASED, REGISTRATIONS_LAPSE
from tests.simulation.acts.choosing import PLANS, living_plans, whoever
from tests.simulation.acts.customers import ask_to_top_up, remember_case, subscribe, top_ups_of
from tests.simulation.acts.operators import overrule
from tests.simulation.acts.passing import pass_time
from tests.simulation.acts.saas import buy_numbers, register, schedule, send_one, waiting_of
from tests.simulation.stripes_truth import at_stripe
from tests.simulation.world import Resident, Simulated
from tests.support.faults import Fault


def return_midway(world: Simulated, resident: Resident, random: Random) -> None:
    """Back in the very second in which a number is at the carrier, and nobody has heard how that call went; or one second
    before, and nobody has heard of it at all."""
    resident = whoever(world, resident, lambda one: "messaging" in PLANS[one.policy])
    end = _leaves_with_numbers(world, resident, random)
    if end is None:
        return
    released = end + timedelta(days=14)
    world.move(released - timedelta(seconds=1))
    if random.random() < 0.4:
        world.emulator.control("drop_webhooks", until=rfc3339(released))
        subscribe(world, resident, random)
        world.move(released)
        return
    _move_and_hear_nothing_of(".release_number", world, released, random)
    subscribe(world, resident, random)


def hold_midway(world: Simulated, resident: Resident, random: Random) -> None:
    """An operator calls a release or a lapse off in the very moment in which it is at the carrier, or in which nobody has
    heard how that call went; and perhaps lets it go on, while its next call is cut short as well."""
    resident = whoever(world, resident, lambda one: "messaging" in PLANS[one.policy])
    kind, call, days = random.choice(AT_THE_CARRIER)
    if kind == REGISTRATIONS_LAPSE:
        register(world, resident, random)
    end = _leaves_with_numbers(world, resident, random)
    if end is None:
        return
    due = end + timedelta(days=days)
    world.move(due - timedelta(seconds=1))
    says = random.choice(("hold", "hold", "waive"))
    if random.random() < 0.3:
        world.an_operator_says(lambda: overrule(world, resident, kind, says), before=call)
    _move_and_hear_nothing_of(call, world, due, random)
    world.chance.before_the_next_write = None
    overrule(world, resident, kind, says)
    for _ in range(random.choice((0, 0, 1, 2))):
        # Nobody has asked yet what became of it; or somebody has.
        _move_and_hear_nothing_of(
            call, world, world.now + timedelta(minutes=random.choice((0, 1, 10, 16))), random
        )
        overrule(world, resident, kind, random.choice(("retry", "retry", "hold", "waive")))


AT_THE_CARRIER = (
    (NUMBERS_RELEASED, ".release_number", 14),
    (REGISTRATIONS_LAPSE, ".lapse_registration", 30),
)
"""What is called for at a carrier, by which call, and how many days after the end."""


def _leaves_with_numbers(world: Simulated, resident: Resident, random: Random) -> datetime | None:
    """The end that lies ahead of them, if Stripe lets them leave."""
    if not living_plans(world, resident):
        subscribe(world, resident, random)
    buy_numbers(world, resident, random)
    leaving = living_plans(world, resident)
    for id in leaving:
        world.try_control("portal_cancel", subscription=id)
    world.deliver()
    resident.shown.clear()
    ends = [s["cancel_at"] or 0 for s in at_stripe(world, resident) if s["id"] in leaving]
    end = max(ends, default=0)
    return datetime.fromtimestamp(end, UTC) if end > world.now.timestamp() else None


def _move_and_hear_nothing_of(call: str, world: Simulated, to: datetime, random: Random) -> None:
    world.chance.cut = (call, random.choice((Fault.CRASH_BEFORE, Fault.CRASH_AFTER)))
    world.move(to)
    world.chance.cut = None


def twice_the_same(world: Simulated, resident: Resident, random: Random) -> None:
    """Somebody at Stripe sells them the plan that they have, and then the older of the two ends with messages waiting."""
    resident = whoever(world, resident, lambda one: "messaging" in PLANS[one.policy])
    if not living_plans(world, resident):
        subscribe(world, resident, random)
    living = [s for s in at_stripe(world, resident) if s["status"] == "active"]
    if not living:
        return
    older, price = living[0], living[0]["items"]["data"][0]["price"]
    price = price if isinstance(price, str) else price["id"]
    sent = {"Authorization": "Bearer sk_test_person"}
    body = f"customer={resident.customer}&items[0][price]={price}"
    world.emulator.handle("POST", "/v1/subscriptions", "", sent, body.encode())
    world.try_control("portal_cancel", subscription=older["id"])
    world.deliver()
    resident.shown.clear()
    for _ in range(2):
        schedule(world, resident, random)
    if older["cancel_at"] and older["cancel_at"] > world.now.timestamp():
        pass_time(world, datetime.fromtimestamp(older["cancel_at"], UTC))


def send_at_the_end(world: Simulated, resident: Resident, random: Random) -> None:
    """In the last second before an end, at the end itself, and one second after: nothing of ours has run since."""
    resident = whoever(world, resident, lambda one: "messaging" in PLANS[one.policy])
    if "messaging" in PLANS[resident.policy] and not living_plans(world, resident):
        subscribe(world, resident, random)
    for id in living_plans(world, resident)[-1:]:
        world.try_control("portal_cancel", subscription=id)
        world.deliver()
        resident.shown.clear()
        for _ in range(3):
            schedule(world, resident, random)
        end = world.emulator._world.get("subscription", id)["cancel_at"]
        if end is not None:
            at = datetime.fromtimestamp(end, UTC)
            pass_time(world, max(world.now, at - timedelta(seconds=2)))
            world.wait(max(world.now, at + timedelta(seconds=random.choice((-1, 0, 1)))))
        for message in waiting_of(resident)[:5]:
            send_one(world, resident, message)
        paying = ask_to_top_up(world, resident, 5000)
        if paying.status == 201:
            # Booked while the end is being credited: after the wallet was read for that, and before it is closed.
            world.a_payment_arrives(paying.body["checkout_session_id"], before="write")
            world.move(world.now + timedelta(minutes=5))
            world.chance.before_the_next_write = None


def refund_midway(world: Simulated, resident: Resident, random: Random) -> None:
    """Stripe has paid a part back, nobody has heard that it did, and for hours nothing of ours runs."""
    resident = whoever(world, resident, lambda one: one.policy == "1msg")
    made = ask_to_top_up(world, resident, 5000)
    if made.status != 201:
        return
    world.try_control("pay_checkout", session=made.body["checkout_session_id"], outcome="paid")
    world.deliver()
    for entry in top_ups_of(world, resident)[:1]:
        asked = world.customer(resident.id, "POST", "/v1/refund-requests", {"ledger_entry": entry})
        remember_case(resident, asked)
        if asked.status == 201:
            kind = random.choice((Fault.CRASH_BEFORE, Fault.CRASH_AFTER, Fault.CRASH_AFTER))
            world.chance.cut = ("stripe", kind)
            if random.random() < 0.5:
                # Nor will anybody be told by Stripe: whoever tries again has to look.
                world.emulator.control(
                    "drop_webhooks", until=rfc3339(world.now + timedelta(hours=40))
                )
            world.operator("POST", f"/v1/cases/{asked.body['id']}/decision", {
                "approve": True, "reason": "We looked into it.",
                "amount": {"amount": 100, "currency": "usd"},
            })  # fmt: skip
            world.move(world.now + timedelta(minutes=5))
            world.chance.cut = None
            world.sleep(world.now + timedelta(hours=random.choice((1, 30))))
