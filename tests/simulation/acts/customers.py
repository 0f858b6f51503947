"""What customers do: at our doors, at Stripe's Checkout and at Stripe's portal; and whoever tries to pass for one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from chalicelib.domain.moments import from_rfc3339
from tests.simulation.acts.choosing import (
    PLANS,
    RETURN,
    living_plans,
    numbers_of,
    some_plan,
    whoever,
)
from tests.simulation.acts.passing import jump_hours, pass_time
from tests.simulation.stripes_truth import at_stripe
from tests.simulation.world import Resident, Simulated
from tests.support.life import Reply, consenting


def _checkout(world: Simulated, resident: Resident, random: Random) -> str | None:
    plan, interval = (
        random.choice(PLANS[resident.policy]),
        random.choice(("month",) * 3 + ("year",)),
    )
    made = world.customer(resident.id, "POST", "/v1/checkout-sessions", {
        "purpose": "plan", "price": f"{resident.policy}:{plan}:{interval}",
        "success_url": RETURN, "cancel_url": RETURN,
    })  # fmt: skip
    return str(made.body["checkout_session_id"]) if made.status == 201 else None


def subscribe(world: Simulated, resident: Resident, random: Random) -> None:
    session = _checkout(world, resident, random)
    if session:
        world.try_control("pay_checkout", session=session, outcome="paid")
        world.deliver()


def abandon_checkout(world: Simulated, resident: Resident, random: Random) -> None:
    session = _checkout(world, resident, random)
    if session:
        world.try_control("pay_checkout", session=session, outcome="expired")


def pay_later(world: Simulated, resident: Resident, random: Random) -> None:
    session = _checkout(world, resident, random)
    if session:
        outcome = random.choice(("async_pending", "async_succeeded", "async_failed"))
        world.try_control("pay_checkout", session=session, outcome=outcome)
        world.deliver()


def cancel(world: Simulated, resident: Resident, random: Random) -> None:
    subscription = some_plan(world, resident, random)
    shown = world.preview(resident.id, subscription)
    if shown.status != 201:
        return
    if random.random() < 0.15:
        jump_hours(world, resident, random)
    consent = consenting(shown.body)
    path = f"/v1/subscriptions/{subscription}/cancellation"
    interfered = world.interfered
    for _ in range(random.choice((1, 1, 1, 2))):
        confirmed = world.customer(resident.id, "POST", path, consent)
        if confirmed.status == 200 and world.interfered == interfered:
            # Where Stripe knew better than we did when it was shown, the confirmation says so.
            resident.shown[subscription] = from_rfc3339(confirmed.body["access_ends_at"])


def cancel_in_portal(world: Simulated, resident: Resident, random: Random) -> None:
    world.try_control("portal_cancel", subscription=some_plan(world, resident, random))
    world.deliver()


def resume(world: Simulated, resident: Resident, random: Random) -> None:
    world.resume(resident.id, some_plan(world, resident, random))


def resume_in_portal(world: Simulated, resident: Resident, random: Random) -> None:
    world.try_control("portal_resume", subscription=some_plan(world, resident, random))
    world.deliver()


def waver(world: Simulated, resident: Resident, random: Random) -> None:
    """Off and on and off again at Stripe's portal, within one second or a few; the newest webhook comes first, and
    nothing comes after it that would put things right."""
    resident = whoever(world, resident, lambda one: bool(living_plans(world, one)))
    if not living_plans(world, resident):
        subscribe(world, resident, random)
    resident.shown.clear()
    subscription = some_plan(world, resident, random)
    world.emulator.control("reorder_webhooks", count=random.choice((2, 3, 50)))
    for _ in range(random.choice((2, 2, 2, 3, 4))):
        if world.try_control("portal_cancel", subscription=subscription) is None:
            world.try_control("portal_resume", subscription=subscription)
        if random.random() < 0.5:
            world.wait(world.now + timedelta(seconds=1))
    world.deliver()


def leave_and_return(world: Simulated, resident: Resident, random: Random) -> None:
    """Back within the days in which what they had is still held."""
    living = [s["id"] for s in at_stripe(world, resident) if s["status"] == "active"]
    for id in living:
        world.try_control("portal_cancel", subscription=id)
    world.deliver()
    ends = [s["cancel_at"] or s["ended_at"] or 0 for s in at_stripe(world, resident)]
    if living and max(ends) > world.now.timestamp():
        end = datetime.fromtimestamp(max(ends), UTC)
        pass_time(world, end + timedelta(days=random.choice((0, 0, 1, 9, 13))))
        subscribe(world, resident, random)


def remove_number(world: Simulated, resident: Resident, random: Random) -> None:
    e164 = random.choice([*numbers_of(resident), "+14155559999"])
    # Noted first: it may be given back before this is answered, or although it is never answered.
    resident.removed.add(e164)
    world.customer(resident.id, "DELETE", f"/v1/numbers/{e164}")


def withdraw_registration(world: Simulated, resident: Resident, random: Random) -> None:
    name = random.choice([*resident.registrations, "nobody"])
    resident.withdrawn.add(name)
    world.customer(resident.id, "DELETE", f"/v1/registrations/{name}")


def give_everything_back(world: Simulated, resident: Resident) -> None:
    for e164 in numbers_of(resident):
        resident.removed.add(e164)
        world.customer(resident.id, "DELETE", f"/v1/numbers/{e164}")
    for name in resident.registrations:
        resident.withdrawn.add(name)
        world.customer(resident.id, "DELETE", f"/v1/registrations/{name}")


def assign_seat(world: Simulated, resident: Resident, random: Random) -> None:
    subscription = some_plan(world, resident, random)
    world.customer(
        resident.id, "PUT", f"/v1/subscriptions/{subscription}/seats/u{random.randrange(4)}"
    )


def unassign_seat(world: Simulated, resident: Resident, random: Random) -> None:
    subscription = some_plan(world, resident, random)
    world.customer(
        resident.id, "DELETE", f"/v1/subscriptions/{subscription}/seats/u{random.randrange(4)}"
    )


def top_up(world: Simulated, resident: Resident, random: Random) -> None:
    _pay(world, ask_to_top_up(world, resident, random.choice((100, 5000))), random)


def ask_to_top_up(world: Simulated, resident: Resident, amount: int) -> Reply:
    return world.customer(resident.id, "POST", "/v1/checkout-sessions", {
        "purpose": "top_up", "amount": {"amount": amount, "currency": "usd"},
        "success_url": RETURN, "cancel_url": RETURN,
    })  # fmt: skip


def pay_balance(world: Simulated, resident: Resident, random: Random) -> None:
    made = world.customer(resident.id, "POST", "/v1/checkout-sessions", {
        "purpose": "balance_due", "success_url": RETURN, "cancel_url": RETURN,
    })  # fmt: skip
    _pay(world, made, random)


def _pay(world: Simulated, made: Any, random: Random) -> None:
    if made.status == 201:
        outcome = random.choice(
            ("paid", "paid", "async_pending", "async_succeeded", "async_failed", "expired")
        )
        world.try_control("pay_checkout", session=made.body["checkout_session_id"], outcome=outcome)
        world.deliver()


def top_ups_of(world: Simulated, resident: Resident) -> list[str]:
    """The newest first."""
    entries = world.service("GET", f"/v1/wallet/entries?account_id={resident.id}&limit=100")
    return [e["id"] for e in (entries.body or {}).get("data", []) if e["kind"] == "top_up"]


def ask_refund(world: Simulated, resident: Resident, random: Random) -> None:
    body: dict[str, Any] = {"subscription_id": some_plan(world, resident, random)}
    if random.random() < 0.3:
        body = {"ledger_entry": random.choice([*top_ups_of(world, resident), "entry_nobody"])}
    made = world.customer(resident.id, "POST", "/v1/refund-requests", body)
    remember_case(resident, made)


def appeal(world: Simulated, resident: Resident, random: Random) -> None:
    body = {"payment": "pi_1", "date": "2026-01-30", "amount": {"amount": 500, "currency": "usd"},
            "description": "I was charged twice."}  # fmt: skip
    for name in random.sample(sorted(body), random.choice((0, 0, 1, 2))):
        del body[name]
    remember_case(resident, world.customer(resident.id, "POST", "/v1/appeals", body))


def remember_case(resident: Resident, made: Any) -> None:
    if made.status == 201 and made.body["id"] not in resident.cases:
        resident.cases.append(made.body["id"])


def reply(world: Simulated, resident: Resident, random: Random) -> None:
    case = random.choice([*resident.cases, "case_nobody"])
    body = {"text": "Here is more.", "payment": "pi_1", "date": "2026-01-30"}
    if random.random() < 0.5:
        world.customer(resident.id, "POST", f"/v1/cases/{case}/replies", body)
    else:
        world.operator("POST", f"/v1/cases/{case}/replies", {"text": "We look into it."})


def export(world: Simulated, resident: Resident, random: Random) -> None:
    world.customer(resident.id, "POST", "/v1/exports")


def look(world: Simulated, resident: Resident, random: Random) -> None:
    world.customer(resident.id, "GET", "/v1/membership")
    world.customer(resident.id, "GET", "/v1/entitlements")
    world.operator("GET", f"/v1/admin/accounts/{resident.id}/timeline")


def knock(world: Simulated, resident: Resident, random: Random) -> None:
    """Somebody who may not tries: a mere member, and an administrator of another account."""
    subscription = some_plan(world, resident, random)
    e164 = random.choice([*numbers_of(resident), "+14155559999"])
    case = random.choice([*resident.cases, "case_nobody"])
    doors = (
        ("POST", f"/v1/subscriptions/{subscription}/cancellation-previews", None),
        ("DELETE", f"/v1/subscriptions/{subscription}/cancellation", None),
        ("DELETE", f"/v1/numbers/{e164}", None),
        ("POST", f"/v1/cases/{case}/decision", {"approve": True, "reason": "I would like that."}),
        ("GET", f"/v1/admin/accounts/{resident.id}/timeline", None),
        ("POST", f"/v1/admin/accounts/{resident.id}/legal-hold", {"reason": "I would like that."}),
        ("POST", "/v1/exports", None),
    )
    method, path, body = random.choice(doors)
    member = world.token(resident.id, "member")
    stranger = world.token("stranger", "super_admin", "billing_admin")
    for token in (member, stranger):
        reply = world.api(method, path, body, token=token)
        assert reply.status in (403, 404, 422, 502, 503), (
            f"13: {method} {path} let somebody in: {reply.status}"
        )
