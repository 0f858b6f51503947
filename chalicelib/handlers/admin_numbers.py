"""`POST /v1/admin/numbers/{e164}/recovery`: an operator gets a released number back for the account that had it."""

from __future__ import annotations

from typing import Any

from chalicelib import recovering
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.number_fees import Number
from chalicelib.domain.recovering import CannotRecover
from chalicelib.handlers import shapes
from chalicelib.handlers.asking import reason
from chalicelib.handlers.call import Answer, Call
from chalicelib.handlers.calls import e164, is_id
from chalicelib.handlers.problems import Problem, not_found
from chalicelib.store import holdings


def find(call: Call[Any]) -> None:
    """A number the account has, or had: more than one account may have had it, so the body says whose it was."""
    named = e164(call)
    if not is_id(named) or holdings.number(call.world.table, call.account.id, named) is None:
        raise not_found("number")


def recover(call: Call[shapes.Recovery]) -> Answer:
    """200 when the account has it, 202 while the carrier has not answered: it is asked until it has."""
    try:
        number, state = recovering.recover(
            call.world,
            call.account.id,
            e164(call),
            reason=reason(call),
            id=f"request:{call.request_id}",
            by=call.caller.sub,
        )
    except CannotRecover as error:
        raise Problem(409, error.code, str(error)) from error
    except LookupError as error:
        raise not_found("number") from error
    return Answer(
        202 if state == recovering.RECOVERING else 200, shown(call.account.id, number, state)
    )


def shown(account_id: str, number: Number, state: str) -> dict[str, Any]:
    is_ours = state == "active"
    return {
        "account_id": account_id,
        "number": number.e164,
        "status": state,
        "provider": number.provider,
        "provider_id": number.provider_id,
        "released_at": number.released_at and rfc3339(number.released_at),
        "next_fee_at": rfc3339(number.next_fee_at) if is_ours else None,
    }
