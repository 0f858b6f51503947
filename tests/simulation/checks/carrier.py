"""What is at the carrier: both say the same of it, and nothing is there for ever."""

from __future__ import annotations

from chalicelib.domain import releasing
from chalicelib.domain.account import Account
from chalicelib.domain.steps import (
    CALL_SETTLED,
    NUMBER_REMOVED,
    NUMBERS_RELEASED,
    REGISTRATION_WITHDRAWN,
    REGISTRATIONS_LAPSE,
)
from tests.simulation.stripes_truth import at_stripe, ever_paid, instant, plan_says
from tests.simulation.world import Resident, Simulated
from tests.support.invariants import Seen


def calls_are_found_out(world: Simulated, account: Account) -> None:
    """11. Of whatever is at a carrier somebody will find out what became of it: the step that called is due and calls
    again, or one lies ahead that asks."""
    for call in account.in_flight:
        number = call.startswith(releasing.IN_FLIGHT)
        again = account.steps.get(NUMBERS_RELEASED if number else REGISTRATIONS_LAPSE)
        asks = f"{CALL_SETTLED}:{call}" in account.steps
        assert asks or (again is not None and again <= world.now), (
            f"11: {call} of {account.id} is at the carrier, and nobody will ask what became of it"
        )


def carrier_agrees(world: Simulated, resident: Resident, seen: Seen) -> None:
    """What it lost behind our back nobody can know of; nor what became of a wish that an operator held after it was
    tried. Once we are rid of it, both say so."""
    view = world.carrier.view()
    unknown = {"status": "released"}
    unsure = (
        resident.lost
        | held_of(seen.account, NUMBER_REMOVED)
        | held_of(seen.account, REGISTRATION_WITHDRAWN)
    )
    for number in seen.numbers:
        theirs = view["numbers"].get(number.e164, unknown)["status"]
        ours = "released" if number.state == "released" else "active"
        assert theirs == ours or (ours == "active" and number.e164 in unsure), (
            f"4: {number.e164} is {theirs} at the carrier, and {number.state} here"
        )
    for registration in seen.registrations:
        theirs = view["registrations"][registration.id]["status"]
        ours = "active" if registration.is_open else "lapsed"
        assert theirs == ours or (ours == "active" and registration.id in unsure), (
            f"5: {registration.id} is {theirs} at the carrier, {registration.state} here"
        )


def still_registered(world: Simulated, resident: Resident, seen: Seen) -> list[str]:
    """Though a plan that needed it has ended since, and none lives."""
    mine = [s for s in at_stripe(world, resident)
            if plan_says(world, resident, s, "needs_registrations") and ever_paid(world, s)]  # fmt: skip
    if not mine or any(s["ended_at"] is None for s in mine):
        return []
    ended = max(instant(s["ended_at"]) for s in mine)
    return [r.id for r in seen.registrations if r.lapses and r.known_since < ended]


def status_at_carrier(world: Simulated, book: str, name: str) -> str | None:
    record = world.carrier._notebook.get(book, name)
    return record["status"] if record else None


def held_of(account: Account, kind: str) -> set[str]:
    """What steps of a kind are about that an operator holds."""
    return {id.removeprefix(f"{kind}:") for id in account.held if id.startswith(f"{kind}:")}
