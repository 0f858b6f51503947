"""GT-5: seats of a subscription, assigned and unassigned by the account's admins or the SaaS."""

from __future__ import annotations

from typing import Any

from chalicelib.domain.account import Seat
from chalicelib.domain.ending import has_ended
from chalicelib.domain.facts import SeatAssigned, SeatUnassigned
from chalicelib.domain.moments import rfc3339
from chalicelib.handlers.asking import subscription
from chalicelib.handlers.call import Answer, Call
from chalicelib.handlers.calls import is_id
from chalicelib.handlers.problems import Problem, invalid, not_found
from chalicelib.lifecycle import tell
from chalicelib.store import keys
from chalicelib.store.accounts import Taken
from chalicelib.store.records import from_doc


def assign(call: Call[None]) -> Answer:
    """Assigning twice is once."""
    found, user = subscription(call), _user(call)
    if not found.has_started or has_ended(call.account, found, call.now):
        raise Problem(
            409, "no_live_plan", "This subscription is not live: it has no seats to give."
        )
    kept = _seat(call, found.id, user)
    if kept is None:
        kept = Seat(subscription_id=found.id, user=user, assigned_at=call.now)
        try:
            tell(
                call.world,
                call.account.id,
                SeatAssigned(seat=kept),
                id=f"request:{call.request_id}",
                by=call.caller.sub,
            )
        except Taken:
            # Assigned twice at the same moment: the other one counts.
            kept = _seat(call, found.id, user) or kept
    return Answer(200, _shown(kept))


def unassign(call: Call[None]) -> Answer:
    found, user = subscription(call), _user(call)
    kept = _seat(call, found.id, user)
    if kept is None:
        raise not_found("seat")
    try:
        tell(
            call.world,
            call.account.id,
            SeatUnassigned(subscription_id=found.id, user=user),
            id=f"request:{call.request_id}",
            by=call.caller.sub,
        )
    except Taken as error:
        # Given back twice at the same moment: the other one counts.
        raise not_found("seat") from error
    return Answer(200, {"subscription_id": found.id, "user": user, "assigned": False})


def _user(call: Call[Any]) -> str:
    if not is_id(call.params["user"]):
        raise invalid("/user", "A user's id has 1 to 200 printable characters.")
    return call.params["user"]


def _seat(call: Call[Any], subscription_id: str, user: str) -> Seat | None:
    row = call.world.table.get(keys.seat(call.account.id, subscription_id, user))
    return from_doc(Seat, row["doc"]) if row else None


def _shown(seat: Seat) -> dict[str, Any]:
    return {
        "subscription_id": seat.subscription_id,
        "user": seat.user,
        "assigned": True,
        "assigned_at": rfc3339(seat.assigned_at),
    }
