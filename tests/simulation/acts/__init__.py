"""What people do: each act a few lines, told to the world through the doors that people have.

An act that makes no sense now (there is nothing to cancel) still knocks where it can: the app must refuse in a
sentence. Nothing here knows what is right.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from random import Random

from chalicelib.domain.moments import rfc3339
from tests.simulation import restoring
from tests.simulation.acts import customers, midway, operators, outsiders, passing, saas
from tests.simulation.acts.choosing import Doing
from tests.simulation.plan import Act
from tests.simulation.world import MODES, OLD_VERSIONS, Resident, Simulated


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


def back_up(world: Simulated, resident: Resident, random: Random) -> None:
    if world.plan.restores:
        restoring.back_up(world)


def restore(world: Simulated, resident: Resident, random: Random) -> None:
    if world.plan.restores:
        restoring.restore(world)


DOINGS: Mapping[str, Doing] = {
    "subscribe": customers.subscribe, "abandon_checkout": customers.abandon_checkout,
    "pay_later": customers.pay_later, "remove_number": customers.remove_number,
    "withdraw_registration": customers.withdraw_registration, "cancel": customers.cancel,
    "cancel_in_portal": customers.cancel_in_portal, "resume": customers.resume,
    "resume_in_portal": customers.resume_in_portal, "waver": customers.waver, "ask_refund": customers.ask_refund,
    "appeal": customers.appeal, "reply": customers.reply, "top_up": customers.top_up,
    "pay_balance": customers.pay_balance, "leave_and_return": customers.leave_and_return,
    "assign_seat": customers.assign_seat, "unassign_seat": customers.unassign_seat, "export": customers.export,
    "knock": customers.knock, "look": customers.look,
    "buy_numbers": saas.buy_numbers, "register": saas.register, "schedule": saas.schedule, "send": saas.send,
    "delete_message": saas.delete_message, "end_twice": saas.end_twice, "use": saas.use,
    "charge_usage": saas.charge_usage,
    "decide": operators.decide, "bind_contract": operators.bind_contract, "legal_hold": operators.legal_hold,
    "release_hold": operators.release_hold, "recover_number": operators.recover_number,
    "announce_work": operators.announce_work, "edit_work": operators.edit_work, "hold_step": operators.hold_step,
    "retry_step": operators.retry_step,
    "end_at_stripe": outsiders.end_at_stripe, "lose_at_carrier": outsiders.lose_at_carrier,
    "dispute": outsiders.dispute, "close_dispute": outsiders.close_dispute, "switch_plan": outsiders.switch_plan,
    "card_fails": outsiders.card_fails, "card_works": outsiders.card_works,
    "send_at_the_end": midway.send_at_the_end, "return_midway": midway.return_midway,
    "hold_midway": midway.hold_midway, "refund_midway": midway.refund_midway, "twice_the_same": midway.twice_the_same,
    "jump_seconds": passing.jump_seconds, "jump_hours": passing.jump_hours, "jump_to_next": passing.jump_to_next,
    "jump_days": passing.jump(timedelta(days=5)), "jump_weeks": passing.jump(timedelta(days=17)),
    "jump_months": passing.jump_months, "jump_year": passing.jump_year,
    "back_up": back_up, "restore": restore,
}  # fmt: skip
