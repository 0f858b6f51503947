"""An operator gets a released number back: whether it can be had, and having it. Over HTTP and by the command line alike.

The rules are in `domain.recovering`; what the carrier has to say is asked by the step that the wish becomes.
"""

from __future__ import annotations

from datetime import datetime

from chalicelib import sweeping
from chalicelib.domain import recovering
from chalicelib.domain.account import Account
from chalicelib.domain.facts import NumberRecoveryAsked
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.number_fees import Number
from chalicelib.domain.recovering import NO_LIVE_PLAN, NOT_RECOVERABLE, TAKEN, CannotRecover
from chalicelib.domain.steps import NUMBER_RECOVERED, Step
from chalicelib.gateways.stripe import StripeRefused
from chalicelib.lifecycle import ask_of_all, must_load, tell
from chalicelib.store import holdings
from chalicelib.wiring import World

RECOVERING = "recovering"
"""Asked for, and the carrier has not answered yet: it is asked again until it has."""


def recover(
    world: World, account_id: str, e164: str, *, reason: str, id: str, by: str
) -> tuple[Number, str]:
    """The number, and how it stands: active, or still RECOVERING. One the account has already is active.

    Raises LookupError, CannotRecover and StripeUnavailable.
    """
    account = _after_asking(world, account_id, id)
    if e164 not in account.recoveries:
        if check(world, account, e164) is None:
            return _stored(world, account_id, e164), "active"
        account = tell(
            world,
            account_id,
            lambda _: NumberRecoveryAsked(number=_stored(world, account_id, e164), reason=reason),
            id=id,
            by=by,
        ).account
    if (asked_at := account.recoveries.get(e164)) is not None:
        sweeping.try_now(world, account_id, Step(NUMBER_RECOVERED, asked_at, e164).id)
    number, now_is = _stored(world, account_id, e164), must_load(world, account_id).account
    if number.state != "released":
        return number, number.state
    if e164 in now_is.recoveries:
        return number, RECOVERING
    _must_be_free(world, now_is, e164)
    raise CannotRecover(NOT_RECOVERABLE, f"{number.provider} does not give this number back.")


def check(world: World, account: Account, e164: str) -> datetime | None:
    """Until when its carrier gives it back; None if the account has it already. Asks nobody outside.

    Raises LookupError for a number the account never had, and CannotRecover.
    """
    number, now = _stored(world, account.id, e164), world.clock.now()
    if number.state == "active":
        return None
    if number.state != "released" or number.released_at is None:
        raise CannotRecover(
            NOT_RECOVERABLE,
            f"The number is {number.state}: its carrier has not let go of it yet. Try again then.",
        )
    _must_be_free(world, account, e164)
    carrier = world.carriers.get(number.provider)
    if carrier is None:
        raise CannotRecover(
            NOT_RECOVERABLE, f"No carrier of the name {number.provider} is set up here."
        )
    if carrier.recoverable_for is None:
        raise CannotRecover(
            NOT_RECOVERABLE, f"{number.provider} never gives a released number back."
        )
    until = number.released_at + carrier.recoverable_for
    if now >= until:
        raise CannotRecover(
            NOT_RECOVERABLE,
            f"{number.provider} gave it back until {rfc3339(until)}, and not after.",
        )
    recovering.must_be_needed(account, world.policies.get(account.policy), now)
    return until


def _after_asking(world: World, account_id: str, id: str) -> Account:
    """A number costs rent: Stripe says whether the plan that needs it is still there."""
    account = must_load(world, account_id).account
    customer = account.stripe_customer_id
    if customer is None:
        return account
    try:
        return ask_of_all(world, account_id, customer, id=f"{id}:asked").account
    except StripeRefused as refused:
        raise CannotRecover(
            NO_LIVE_PLAN,
            f"Stripe says nothing of this account's customer ({refused.code}), so nobody knows of a plan that needs the"
            " number. See whether the account names the right customer.",
        ) from refused


def _must_be_free(world: World, account: Account, e164: str) -> None:
    if holdings.owner_of_number(world.table, e164) not in (None, account.id):
        raise CannotRecover(TAKEN, "Another account has this number by now.")


def _stored(world: World, account_id: str, e164: str) -> Number:
    number = holdings.number(world.table, account_id, e164)
    if number is None:
        raise LookupError(f"{account_id} never had the number {e164}, or its data was purged")
    return number
