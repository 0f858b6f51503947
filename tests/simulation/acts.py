"""What people do: each act a few lines, told to the world through the doors that people have.

An act that makes no sense now (there is nothing to cancel) still knocks where it can: the app must refuse in a
sentence. Nothing here knows what is right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from chalicelib.domain.moments import from_rfc3339, months_after, rfc3339, years_after
from chalicelib.domain.steps import NUMBERS_RELEASED, REGISTRATIONS_LAPSE
from infra.local.carrier import GONE, NUMBERS, REGISTRATIONS
from tests.simulation import heard, restoring
from tests.simulation.plan import Act
from tests.simulation.world import MODES, OLD_VERSIONS, Resident, Simulated
from tests.support.faults import Fault
from tests.support.life import Reply, consenting

Doing = Callable[[Simulated, Resident, Random], None]
RETURN = "https://app.example.com/back"
PLANS: Mapping[str, tuple[str, ...]] = {
    "smarter-contact": ("messaging", "calling"),
    "1msg": ("channel",),
    "goto": ("webinar", "connect"),
    "1smtg": ("standard",),
    "nexorone": ("service",),
}


def perform(world: Simulated, act: Act) -> None:
    resident = world.residents[act.who]
    random = Random(act.seed)
    world.chance.begin(act.seed + 1)
    world.trail.append(
        f"{act.n}: {rfc3339(world.now)} {resident.id} ({resident.policy}) {act.verb}"
    )
    _weather(world, random)
    if act.verb in CHANGES_WHAT_WAS_SHOWN:
        resident.shown.clear()
    if not resident.customer:
        _move_in(world, resident)
    DOINGS[act.verb](world, resident, random)


def _weather(world: Simulated, random: Random) -> None:
    for fault, mode in MODES.items():
        if random.random() < world.plan.faults.get(fault, 0) and not world.chance.calm:
            until = rfc3339(world.now + timedelta(hours=random.choice((1, 30, 200))))
            world.emulator.control(mode, until=until)
            world.trail.append(f"    ({mode} until {until})")
    if random.random() < world.plan.faults.get("old_api_version", 0):
        world.emulator.control("old_api_version", version=random.choice((None, *OLD_VERSIONS)))


def _move_in(world: Simulated, resident: Resident) -> None:
    was, world.chance.calm = world.chance.calm, True
    resident.customer = world.account(resident.id, resident.policy)
    world.chance.calm = was


CHANGES_WHAT_WAS_SHOWN = frozenset({
    "cancel_in_portal", "resume", "resume_in_portal", "end_at_stripe", "switch_plan", "bind_contract",
    "dispute", "close_dispute", "leave_and_return", "decide", "edit_work",
})  # fmt: skip
"""Somebody else's word on an end: the customer's own, Stripe's, the bank's, an operator's."""


# -- choosing


def at_stripe(world: Simulated, resident: Resident) -> list[dict[str, Any]]:
    """The customer's subscriptions as Stripe has them, the oldest first."""
    return list(world.emulator._world.where("subscription", "customer", resident.customer))


def _one(world: Simulated, resident: Resident, random: Random) -> str:
    """Mostly one that lives; sometimes one that does not, or that never was."""
    mine, living = at_stripe(world, resident), _living(world, resident)
    if living and random.random() < 0.9:
        return random.choice(living)
    return random.choice([*(s["id"] for s in mine), "sub_nobody"])


def _living(world: Simulated, resident: Resident) -> list[str]:
    alive = ("active", "trialing", "past_due")
    return [s["id"] for s in at_stripe(world, resident) if s["status"] in alive]


def _whoever(world: Simulated, resident: Resident, can: Callable[[Resident], bool]) -> Resident:
    """Them, or else somebody else for whom the act makes sense: what is rare should not be wasted."""
    return next(
        (one for one in (resident, *world.residents) if one.customer and can(one)), resident
    )


def _numbers(resident: Resident) -> list[str]:
    account = int(resident.id.removeprefix("acct"))
    return [f"+1415555{account:01}{n:03}" for n in range(resident.numbers)]


# -- subscribing


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
    subscription = _one(world, resident, random)
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
    world.try_control("portal_cancel", subscription=_one(world, resident, random))
    world.deliver()


def resume(world: Simulated, resident: Resident, random: Random) -> None:
    world.resume(resident.id, _one(world, resident, random))


def resume_in_portal(world: Simulated, resident: Resident, random: Random) -> None:
    world.try_control("portal_resume", subscription=_one(world, resident, random))
    world.deliver()


def waver(world: Simulated, resident: Resident, random: Random) -> None:
    """Off and on and off again at Stripe's portal, within one second or a few; the newest webhook comes first, and
    nothing comes after it that would put things right."""
    resident = _whoever(world, resident, lambda one: bool(_living(world, one)))
    if not _living(world, resident):
        subscribe(world, resident, random)
    resident.shown.clear()
    subscription = _one(world, resident, random)
    world.emulator.control("reorder_webhooks", count=random.choice((2, 3, 50)))
    for _ in range(random.choice((2, 2, 2, 3, 4))):
        if world.try_control("portal_cancel", subscription=subscription) is None:
            world.try_control("portal_resume", subscription=subscription)
        if random.random() < 0.5:
            world.wait(world.now + timedelta(seconds=1))
    world.deliver()


def end_at_stripe(world: Simulated, resident: Resident, random: Random) -> None:
    world.try_control("cancel_now", subscription=_one(world, resident, random))
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


def leave_and_return(world: Simulated, resident: Resident, random: Random) -> None:
    """Back within the days in which what they had is still held."""
    living = [s["id"] for s in at_stripe(world, resident) if s["status"] == "active"]
    for id in living:
        world.try_control("portal_cancel", subscription=id)
    world.deliver()
    ends = [s["cancel_at"] or s["ended_at"] or 0 for s in at_stripe(world, resident)]
    if living and max(ends) > world.now.timestamp():
        end = datetime.fromtimestamp(max(ends), UTC)
        _pass_time(world, end + timedelta(days=random.choice((0, 0, 1, 9, 13))))
        subscribe(world, resident, random)


def return_midway(world: Simulated, resident: Resident, random: Random) -> None:
    """Back in the very second in which a number is at the carrier, and nobody has heard how that call went; or one second
    before, and nobody has heard of it at all."""
    resident = _whoever(world, resident, lambda one: "messaging" in PLANS[one.policy])
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
    resident = _whoever(world, resident, lambda one: "messaging" in PLANS[one.policy])
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
        world.an_operator_says(lambda: _overrule(world, resident, kind, says), before=call)
    _move_and_hear_nothing_of(call, world, due, random)
    world.chance.before_the_next_write = None
    _overrule(world, resident, kind, says)
    for _ in range(random.choice((0, 0, 1, 2))):
        # Nobody has asked yet what became of it; or somebody has.
        _move_and_hear_nothing_of(
            call, world, world.now + timedelta(minutes=random.choice((0, 1, 10, 16))), random
        )
        _overrule(world, resident, kind, random.choice(("retry", "retry", "hold", "waive")))


AT_THE_CARRIER = (
    (NUMBERS_RELEASED, ".release_number", 14),
    (REGISTRATIONS_LAPSE, ".lapse_registration", 30),
)
"""What is called for at a carrier, by which call, and how many days after the end."""


def _leaves_with_numbers(world: Simulated, resident: Resident, random: Random) -> datetime | None:
    """The end that lies ahead of them, if Stripe lets them leave."""
    if not _living(world, resident):
        subscribe(world, resident, random)
    buy_numbers(world, resident, random)
    leaving = _living(world, resident)
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
    resident = _whoever(world, resident, lambda one: "messaging" in PLANS[one.policy])
    if not _living(world, resident):
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
        _pass_time(world, datetime.fromtimestamp(older["cancel_at"], UTC))


def card_fails(world: Simulated, resident: Resident, random: Random) -> None:
    world.try_control("fail_payment", customer=resident.customer)


def card_works(world: Simulated, resident: Resident, random: Random) -> None:
    world.try_control("allow_payment", customer=resident.customer)


# -- numbers, registrations, seats


def buy_numbers(world: Simulated, resident: Resident, random: Random) -> None:
    for _ in range(random.choice((1, 1, 2, 5))):
        resident.numbers += 1
        bought = world.now - timedelta(days=random.choice((0, 0, 3, 40)))
        fee = random.choice((1, 100, 333))
        world.number(resident.id, _numbers(resident)[-1], fee=fee, bought_at=bought)


def remove_number(world: Simulated, resident: Resident, random: Random) -> None:
    e164 = random.choice([*_numbers(resident), "+14155559999"])
    # Noted first: it may be given back before this is answered, or although it is never answered.
    resident.removed.add(e164)
    world.customer(resident.id, "DELETE", f"/v1/numbers/{e164}")


def give_everything_back(world: Simulated, resident: Resident) -> None:
    for e164 in _numbers(resident):
        resident.removed.add(e164)
        world.customer(resident.id, "DELETE", f"/v1/numbers/{e164}")
    for name in resident.registrations:
        resident.withdrawn.add(name)
        world.customer(resident.id, "DELETE", f"/v1/registrations/{name}")


def register(world: Simulated, resident: Resident, random: Random) -> None:
    resident.count += 1
    name = f"{resident.id}-brand{resident.count}"
    world.registration(resident.id, name, random.choice(("active", "active", "pending")))
    resident.registrations.append(name)


def withdraw_registration(world: Simulated, resident: Resident, random: Random) -> None:
    name = random.choice([*resident.registrations, "nobody"])
    resident.withdrawn.add(name)
    world.customer(resident.id, "DELETE", f"/v1/registrations/{name}")


def bind_contract(world: Simulated, resident: Resident, random: Random) -> None:
    subscription, months = _one(world, resident, random), random.choice((3, 12, 15))
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


def lose_at_carrier(world: Simulated, resident: Resident, random: Random) -> None:
    """Somebody gives it back at the carrier's own console, or it was never there: whoever asks for it is told 404."""
    if random.random() < 0.3:
        resident.numbers += 1
        e164 = _numbers(resident)[-1]
        resident.lost.add(e164)
        world.service("PUT", f"/v1/numbers/{e164}", {
            "account_id": resident.id, "provider": "local", "provider_id": f"PN{e164[1:]}",
            "monthly_fee": {"amount": 100, "currency": "usd"}, "bought_at": rfc3339(world.now),
        })  # fmt: skip
        return
    held = [
        (book, name)
        for book, names in ((NUMBERS, _numbers(resident)), (REGISTRATIONS, resident.registrations))
        for name in names
        if (world.carrier._notebook.get(book, name) or {}).get("status") == "active"
    ]
    if held:
        book, name = random.choice(held)
        resident.lost.add(name)
        world.carrier._write_down(book, name, "console", "end", "done", status=GONE[book])


def assign_seat(world: Simulated, resident: Resident, random: Random) -> None:
    subscription = _one(world, resident, random)
    world.customer(
        resident.id, "PUT", f"/v1/subscriptions/{subscription}/seats/u{random.randrange(4)}"
    )


def unassign_seat(world: Simulated, resident: Resident, random: Random) -> None:
    subscription = _one(world, resident, random)
    world.customer(
        resident.id, "DELETE", f"/v1/subscriptions/{subscription}/seats/u{random.randrange(4)}"
    )


# -- messages, money


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
        _send_one(world, resident, id)


def _send_one(world: Simulated, resident: Resident, id: str) -> None:
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


def send_at_the_end(world: Simulated, resident: Resident, random: Random) -> None:
    """In the last second before an end, at the end itself, and one second after: nothing of ours has run since."""
    resident = _whoever(world, resident, lambda one: "messaging" in PLANS[one.policy])
    if "messaging" in PLANS[resident.policy] and not _living(world, resident):
        subscribe(world, resident, random)
    for id in _living(world, resident)[-1:]:
        world.try_control("portal_cancel", subscription=id)
        world.deliver()
        resident.shown.clear()
        for _ in range(3):
            schedule(world, resident, random)
        end = world.emulator._world.get("subscription", id)["cancel_at"]
        if end is not None:
            at = datetime.fromtimestamp(end, UTC)
            _pass_time(world, max(world.now, at - timedelta(seconds=2)))
            world.wait(max(world.now, at + timedelta(seconds=random.choice((-1, 0, 1)))))
        for message in _waiting(resident)[:5]:
            _send_one(world, resident, message)
        paying = _top_up(world, resident, 5000)
        if paying.status == 201:
            # Booked while the end is being credited: after the wallet was read for that, and before it is closed.
            world.a_payment_arrives(paying.body["checkout_session_id"], before="write")
            world.move(world.now + timedelta(minutes=5))
            world.chance.before_the_next_write = None


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
    waiting = _waiting(resident)
    if waiting:
        id = random.choice(waiting)
        world.another_server_ends(resident, random.choice((id, *waiting)))
        random.choice((_send_one, _delete_one))(world, resident, id)
        world.chance.before_the_next_write = None


def _waiting(resident: Resident) -> list[str]:
    return sorted(id for id, told in resident.messages.items() if told == "scheduled")


def _some_messages(resident: Resident, random: Random) -> list[str]:
    waiting = _waiting(resident)
    known = sorted(resident.messages) or ["nobody"]
    if waiting and random.random() < 0.7:
        # Mostly one of which something can still become.
        known = waiting
    return random.sample(known, min(len(known), random.choice((1, 2, 5))))


def top_up(world: Simulated, resident: Resident, random: Random) -> None:
    _pay(world, _top_up(world, resident, random.choice((100, 5000))), random)


def _top_up(world: Simulated, resident: Resident, amount: int) -> Reply:
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


# -- cases


def ask_refund(world: Simulated, resident: Resident, random: Random) -> None:
    body: dict[str, Any] = {"subscription_id": _one(world, resident, random)}
    if random.random() < 0.3:
        body = {"ledger_entry": random.choice([*_top_ups(world, resident), "entry_nobody"])}
    made = world.customer(resident.id, "POST", "/v1/refund-requests", body)
    _remember(resident, made)


def appeal(world: Simulated, resident: Resident, random: Random) -> None:
    body = {"payment": "pi_1", "date": "2026-01-30", "amount": {"amount": 500, "currency": "usd"},
            "description": "I was charged twice."}  # fmt: skip
    for name in random.sample(sorted(body), random.choice((0, 0, 1, 2))):
        del body[name]
    _remember(resident, world.customer(resident.id, "POST", "/v1/appeals", body))


def refund_midway(world: Simulated, resident: Resident, random: Random) -> None:
    """Stripe has paid a part back, nobody has heard that it did, and for hours nothing of ours runs."""
    resident = _whoever(world, resident, lambda one: one.policy == "1msg")
    made = _top_up(world, resident, 5000)
    if made.status != 201:
        return
    world.try_control("pay_checkout", session=made.body["checkout_session_id"], outcome="paid")
    world.deliver()
    for entry in _top_ups(world, resident)[:1]:
        asked = world.customer(resident.id, "POST", "/v1/refund-requests", {"ledger_entry": entry})
        _remember(resident, asked)
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


def _top_ups(world: Simulated, resident: Resident) -> list[str]:
    """The newest first."""
    entries = world.service("GET", f"/v1/wallet/entries?account_id={resident.id}&limit=100")
    return [e["id"] for e in (entries.body or {}).get("data", []) if e["kind"] == "top_up"]


def _remember(resident: Resident, made: Any) -> None:
    if made.status == 201 and made.body["id"] not in resident.cases:
        resident.cases.append(made.body["id"])


def reply(world: Simulated, resident: Resident, random: Random) -> None:
    case = random.choice([*resident.cases, "case_nobody"])
    body = {"text": "Here is more.", "payment": "pi_1", "date": "2026-01-30"}
    if random.random() < 0.5:
        world.customer(resident.id, "POST", f"/v1/cases/{case}/replies", body)
    else:
        world.operator("POST", f"/v1/cases/{case}/replies", {"text": "We look into it."})


def decide(world: Simulated, resident: Resident, random: Random) -> None:
    case = random.choice([*resident.cases, "case_nobody"])
    body: dict[str, Any] = {"approve": random.random() < 0.7, "reason": "We looked into it."}
    if random.random() < 0.3:
        body["amount"] = {"amount": random.choice((1, 100, 10**6)), "currency": "usd"}
    for _ in range(random.choice((1, 1, 2))):
        world.operator("POST", f"/v1/cases/{case}/decision", body)


def dispute(world: Simulated, resident: Resident, random: Random) -> None:
    """Of somebody who left perhaps in the last second before their purge, and Stripe does not get through to us."""
    resident = _whoever(world, resident, lambda one: _purge_of(world, one) is not None)
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
    if not ends or _living(world, resident):
        return None
    purge = years_after(datetime.fromtimestamp(max(ends), UTC), 1)
    return purge if purge > world.now + timedelta(seconds=1) else None


def close_dispute(world: Simulated, resident: Resident, random: Random) -> None:
    if resident.disputes:
        closing = resident.disputes.pop(random.randrange(len(resident.disputes)))
        world.try_control("close_dispute", dispute=closing, status=random.choice(("won", "lost")))
        world.deliver()


# -- operators, looking


def export(world: Simulated, resident: Resident, random: Random) -> None:
    world.customer(resident.id, "POST", "/v1/exports")


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


def _overrule(world: Simulated, resident: Resident, kind: str, what: str) -> None:
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
    gone = [n for n in _numbers(resident) if n in records and records[n]["status"] == "released"]
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


def knock(world: Simulated, resident: Resident, random: Random) -> None:
    """Somebody who may not tries: a mere member, and an administrator of another account."""
    subscription = _one(world, resident, random)
    e164 = random.choice([*_numbers(resident), "+14155559999"])
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


def look(world: Simulated, resident: Resident, random: Random) -> None:
    world.customer(resident.id, "GET", "/v1/membership")
    world.customer(resident.id, "GET", "/v1/entitlements")
    world.operator("GET", f"/v1/admin/accounts/{resident.id}/timeline")


# -- time


def _jump(by: timedelta) -> Doing:
    def jump(world: Simulated, resident: Resident, random: Random) -> None:
        to = world.now + by * random.choice((0.5, 1, 1, 2))
        _pass_time(world, to.replace(microsecond=0))

    return jump


def _pass_time(world: Simulated, to: Any) -> None:
    if world.chance.strikes("outage"):
        world.trail.append(f"    (an outage until {rfc3339(to)})")
        world.outage(to)
    else:
        world.move(to)


jump_hours = _jump(timedelta(hours=7))


def jump_seconds(world: Simulated, resident: Resident, random: Random) -> None:
    """To one second before, at, or after the next thing that is due."""
    due = world.watch.next_after(rfc3339(world.now))
    if due is not None:
        at = from_rfc3339(due) + timedelta(seconds=random.choice((-1, 0, 1)))
        if at > world.now:
            _pass_time(world, at)


def jump_to_next(world: Simulated, resident: Resident, random: Random) -> None:
    world.travel.move_to_next()
    world.stream.flow()


def jump_months(world: Simulated, resident: Resident, random: Random) -> None:
    _pass_time(world, months_after(world.now, random.choice((1, 2))))


def jump_year(world: Simulated, resident: Resident, random: Random) -> None:
    _pass_time(world, months_after(world.now, 12))


# -- disasters


def back_up(world: Simulated, resident: Resident, random: Random) -> None:
    if world.plan.restores:
        restoring.back_up(world)


def restore(world: Simulated, resident: Resident, random: Random) -> None:
    if world.plan.restores:
        restoring.restore(world)


DOINGS: Mapping[str, Doing] = {
    "subscribe": subscribe, "abandon_checkout": abandon_checkout, "pay_later": pay_later,
    "buy_numbers": buy_numbers, "remove_number": remove_number, "register": register,
    "withdraw_registration": withdraw_registration, "schedule": schedule, "send": send,
    "delete_message": delete_message, "end_twice": end_twice, "cancel": cancel, "cancel_in_portal": cancel_in_portal,
    "resume": resume, "resume_in_portal": resume_in_portal, "waver": waver, "end_at_stripe": end_at_stripe,
    "send_at_the_end": send_at_the_end, "lose_at_carrier": lose_at_carrier,
    "return_midway": return_midway, "hold_midway": hold_midway, "refund_midway": refund_midway, "twice_the_same": twice_the_same,
    "dispute": dispute, "close_dispute": close_dispute, "ask_refund": ask_refund,
    "appeal": appeal, "reply": reply, "decide": decide, "top_up": top_up,
    "pay_balance": pay_balance, "use": use, "charge_usage": charge_usage,
    "switch_plan": switch_plan, "leave_and_return": leave_and_return, "bind_contract": bind_contract, "assign_seat": assign_seat,
    "unassign_seat": unassign_seat, "card_fails": card_fails, "card_works": card_works,
    "export": export, "legal_hold": legal_hold, "release_hold": release_hold,
    "recover_number": recover_number, "knock": knock, "announce_work": announce_work,
    "edit_work": edit_work, "back_up": back_up, "restore": restore,
    "hold_step": hold_step, "retry_step": retry_step, "look": look,
    "jump_seconds": jump_seconds, "jump_hours": jump_hours, "jump_to_next": jump_to_next,
    "jump_days": _jump(timedelta(days=5)), "jump_weeks": _jump(timedelta(days=17)),
    "jump_months": jump_months, "jump_year": jump_year,
}  # fmt: skip
