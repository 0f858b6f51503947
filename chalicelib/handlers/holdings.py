"""Numbers and registrations: put by the SaaS's back end, removed by it or by the account's people."""

from __future__ import annotations

from typing import Any

from chalicelib import sweeping, usage
from chalicelib.domain.facts import (
    NumberPut,
    NumberRemovalAsked,
    RegistrationPut,
    RegistrationWithdrawalAsked,
)
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.number_fees import E164, Number, cycle_of, first_fee_at
from chalicelib.domain.registrations import KINDS, STATES, Registration
from chalicelib.domain.steps import NUMBER_REMOVED, REGISTRATION_WITHDRAWN, Step
from chalicelib.handlers import shapes
from chalicelib.handlers.asking import instant
from chalicelib.handlers.call import Answer, Call
from chalicelib.handlers.calls import is_id
from chalicelib.handlers.problems import invalid, not_found, taken
from chalicelib.lifecycle import tell
from chalicelib.store import holdings, keys
from chalicelib.store.accounts import Taken


def put_number(call: Call[shapes.NumberShape]) -> Answer:
    e164, body = _e164(call), call.body
    bought_at = instant(body.bought_at, "/bought_at")
    _known_provider(call, body.provider)
    if body.monthly_fee.currency != call.account.currency:
        raise invalid(
            "/monthly_fee/currency", f"The account's currency is {call.account.currency}."
        )
    number = Number(
        e164=e164,
        provider=body.provider,
        provider_id=body.provider_id,
        monthly_fee=body.monthly_fee.money(),
        bought_at=bought_at,
        known_since=call.now,
        next_fee_at=first_fee_at(
            bought_at, call.now, cycle_of(call.account, call.policy, bought_at)
        ),
    )
    try:
        tell(
            call.world,
            call.account.id,
            lambda _: NumberPut(
                number=number, existing=holdings.number(call.world.table, call.account.id, e164)
            ),
            id=f"request:{call.request_id}",
            by=call.caller.sub,
        )
    except Taken as error:
        raise taken("This number belongs to another account.") from error
    # M1-7: a number connected counts as use, and its row alone forgets that when it is bought again.
    usage.note(call.world, call.account.id, call.now)
    kept = holdings.number(call.world.table, call.account.id, e164)
    return Answer(200, _number(kept or number))


def delete_number(call: Call[None]) -> Answer:
    """Releases the number at the carrier. If the carrier does not answer now, it is tried again until it does."""
    e164 = _e164(call)
    number = holdings.number(call.world.table, call.account.id, e164)
    if number is None or number.state == "released":
        raise not_found("number")
    tell(
        call.world,
        call.account.id,
        lambda _: NumberRemovalAsked(
            number=holdings.number(call.world.table, call.account.id, e164) or number
        ),
        id=f"request:{call.request_id}",
        by=call.caller.sub,
    )
    _now(call, Step(NUMBER_REMOVED, call.now, e164))
    kept = holdings.number(call.world.table, call.account.id, e164)
    return Answer(200, _number(kept or number))


def put_registration(call: Call[shapes.RegistrationShape]) -> Answer:
    registration_id, body = _registration_id(call), call.body
    if body.kind not in KINDS:
        raise invalid("/kind", f"kind is one of {', '.join(KINDS)}.")
    if body.state not in STATES:
        raise invalid("/state", f"state is one of {', '.join(STATES)}.")
    if body.provider is not None:
        _known_provider(call, body.provider)
    registration = Registration(
        id=registration_id,
        kind=body.kind,
        state=body.state,
        known_since=call.now,
        provider=body.provider,
        provider_id=body.provider_id,
    )
    tell(
        call.world,
        call.account.id,
        lambda _: RegistrationPut(
            registration=registration,
            existing=holdings.registration(call.world.table, call.account.id, registration_id),
        ),
        id=f"request:{call.request_id}",
        by=call.caller.sub,
    )
    return Answer(200, _registration(registration))


def delete_registration(call: Call[None]) -> Answer:
    """NX-2: declines a pending registration, or withdraws an active one."""
    registration_id = _registration_id(call)
    found = holdings.registration(call.world.table, call.account.id, registration_id)
    if found is None:
        raise not_found("registration")
    if found.is_open:
        tell(
            call.world,
            call.account.id,
            lambda _: RegistrationWithdrawalAsked(
                registration=holdings.registration(
                    call.world.table, call.account.id, registration_id
                )
                or found
            ),
            id=f"request:{call.request_id}",
            by=call.caller.sub,
        )
        _now(call, Step(REGISTRATION_WITHDRAWN, call.now, registration_id))
    kept = holdings.registration(call.world.table, call.account.id, registration_id)
    return Answer(200, _registration(kept or found))


def _now(call: Call[None], step: Step) -> None:
    """Carries the step out at once; what fails stays due, and the schedule goes on with it."""
    try:
        sweeping.carry_out(call.world, call.account.id, step.id)
    except Exception as error:  # noqa: BLE001 - recorded with its next try; the wish itself is saved
        sweeping.failed(call.world, keys.step(call.account.id, step.id), error)


def _e164(call: Call[Any]) -> str:
    e164 = call.params["e164"].replace("%2B", "+").replace("%2b", "+")
    if not E164.fullmatch(e164):
        raise invalid("/e164", "A number is written as +14155550100.")
    return e164


def _registration_id(call: Call[Any]) -> str:
    if not is_id(call.params["id"]):
        raise invalid("/id", "An id has 1 to 200 printable characters.")
    return call.params["id"]


def _known_provider(call: Call[Any], provider: str) -> None:
    if provider not in call.world.carriers:
        known = ", ".join(sorted(call.world.carriers)) or "none"
        raise invalid("/provider", f"No carrier of this name is set up here (known: {known}).")


def _number(number: Number) -> dict[str, Any]:
    return {
        "number": number.e164,
        "status": number.state,
        "provider": number.provider,
        "provider_id": number.provider_id,
        "monthly_fee": shapes.money(number.monthly_fee),
        "bought_at": rfc3339(number.bought_at),
    }


def _registration(registration: Registration) -> dict[str, Any]:
    return {
        "id": registration.id,
        "kind": registration.kind,
        "status": registration.state,
        "provider": registration.provider,
        "provider_id": registration.provider_id,
    }
