"""Calls to carriers: the intent is saved first, on the account's version; then the call; then its outcome.

The saved intent is the last condition before the call: a customer who came back in the meantime changed the version,
and nothing is called. If the outcome is lost, the thing stays in flight and the call is made again under its key, or,
once nobody wants it any more, the carrier is asked whether it is still there (`settle_call`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from chalicelib.domain import lapsing, releasing
from chalicelib.domain.facts import CarrierCalled, CarrierDone, CarrierKept
from chalicelib.domain.holdings import call_of
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.number_fees import Number
from chalicelib.domain.registrations import Registration
from chalicelib.domain.steps import NUMBER_FEE, Step
from chalicelib.effects.effect import Done, MoreToDo, NotYet, Task
from chalicelib.gateways.carriers import Carrier, CarrierError
from chalicelib.lifecycle import must_load, settle, tell
from chalicelib.store import holdings
from chalicelib.store.accounts import Loaded, Stale

Thing = Number | Registration

MOST_IN_FLIGHT = 20
"""Of one account. Each that is cut short has to be settled when the customer returns, in the transaction that
records the return: a carrier that is down must not make that too large."""


def release_numbers(task: Task) -> Done:
    """SC-8. One number after another; one that fails does not hold up the rest."""
    if NUMBER_FEE in task.loaded.account.steps:
        # After an outage both are due. What fell due before the end is charged first (SC-6): nobody charges for a
        # number that is gone.
        raise NotYet("fees_first")
    return _end_all(task, list(holdings.numbers(task.world.table, task.account_id)))


def lapse_registrations(task: Task) -> Done:
    """SC-9."""
    return _end_all(task, list(holdings.registrations(task.world.table, task.account_id)))


def _end_all(task: Task, things: Sequence[Thing]) -> Done:
    loaded = task.loaded
    failed: CarrierError | None = None
    ended = sum(_ended_since(thing, task.step.due) for thing in things)
    for listed in filter(_is_held_by_us, things):
        if loaded.account.steps.get(task.step.id) != task.step.due:
            # The customer came back while the one before was at the carrier.
            raise Stale
        # Read again, after the account: a removal may have dealt with it since it was listed.
        thing = _stored(task, listed)
        if thing is None or not _is_held_by_us(thing):
            continue
        if len(loaded.account.in_flight) >= MOST_IN_FLIGHT and not _is_in_flight(loaded, thing):
            raise NotYet("too_many_in_flight") from failed
        try:
            loaded = _end(task, loaded, thing)
            ended += 1
        except CarrierError as error:
            failed = _graver(failed, error)
            loaded = must_load(task.world, task.account_id)
        if task.out_of_time():
            raise MoreToDo
    if failed is not None:
        raise not_yet(failed) from failed
    return Done({"count": ended}, loaded)


def not_yet(error: CarrierError) -> NotYet:
    return NotYet(f"carrier:{error.code}", needs_person=not error.retryable)


def _graver(one: CarrierError | None, other: CarrierError) -> CarrierError:
    """Of several numbers that failed, the failure that somebody has to look at is the one that is told."""
    return one if one is not None and not one.retryable else other


def _is_held_by_us(thing: Thing) -> bool:
    """Whether this step is to end it; a number that is being removed has a step of its own."""
    return thing.state in ("active", "releasing") if isinstance(thing, Number) else thing.lapses


def _ended_since(thing: Thing, due: datetime) -> bool:
    """Whether an earlier, interrupted run of this step ended it: the count is of the step, not of the run."""
    if isinstance(thing, Number):
        return thing.released_at is not None and thing.released_at >= due
    return thing.state == "lapsed" and thing.ended_at is not None and thing.ended_at >= due


def _is_in_flight(loaded: Loaded, thing: Thing) -> bool:
    return call_of(thing) in loaded.account.in_flight


def _end(task: Task, loaded: Loaded, thing: Thing) -> Loaded:
    """Raises CarrierError, and accounts.Stale when the account changed before the call: then nothing was called."""
    carrier = carrier_of(task, thing)
    by = f"step:{task.step.id}"
    called = CarrierCalled(thing=thing, step=task.step)
    settle(task.world, loaded, called, id=id_of(task, "called"), by=by)
    _call(
        carrier,
        thing,
        key=_key(task, thing),
    )
    return _tell_done(task, thing, task.step)


def _tell_done(task: Task, thing: Thing, step: Step | None = None) -> Loaded:
    """The row is read again after the account: somebody else (a removal, another run) may have been told the same
    in the meantime, and a number is counted off once."""
    return tell(
        task.world,
        task.account_id,
        lambda _: CarrierDone(thing=_stored(task, thing) or thing, step=step),
        id=id_of(task, "done"),
        by=f"step:{task.step.id}",
    ).loaded


def remove_number(task: Task) -> Done:
    """SC-6: "Consider removing the phone numbers": the customer's own wish, so nobody is asked again."""
    number = holdings.number(task.world.table, task.account_id, task.step.subject or "")
    if number is not None:
        _end_wished(task, number)
    return Done()


def withdraw_registration(task: Task) -> Done:
    """NX-2: declined or withdrawn by somebody who may."""
    registration = holdings.registration(task.world.table, task.account_id, task.step.subject or "")
    if registration is not None:
        _end_wished(task, registration)
    return Done()


def _end_wished(task: Task, thing: Thing) -> None:
    try:
        _call(
            carrier_of(task, thing),
            thing,
            key=f"{task.account_id}:{task.step.id}:{due_of(task)}",
        )
    except CarrierError as error:
        raise not_yet(error) from error
    _tell_done(task, thing)


def settle_call(task: Task) -> Done:
    """A call was cut short and nobody wants it any more: the carrier's word decides what became of the thing."""
    thing = _in_flight(task)
    if thing is None:
        return Done()
    try:
        carrier = carrier_of(task, thing)
        held = carrier is not None and _is_held(carrier, thing)
    except CarrierError as error:
        raise not_yet(error) from error
    if held:
        _tell_kept(task, thing)
    else:
        _tell_done(task, thing)
    return Done()


def _tell_kept(task: Task, thing: Thing) -> None:
    # On the very version for which the carrier was asked: whoever calls it again meanwhile changes that.
    fact = CarrierKept(thing=thing)
    settle(task.world, task.loaded, fact, id=id_of(task, "kept"), by=f"step:{task.step.id}")


def _in_flight(task: Task) -> Thing | None:
    subject = task.step.subject or ""
    if subject.startswith(releasing.IN_FLIGHT):
        e164 = subject.removeprefix(releasing.IN_FLIGHT)
        return holdings.number(task.world.table, task.account_id, e164)
    registration_id = subject.removeprefix(lapsing.IN_FLIGHT)
    return holdings.registration(task.world.table, task.account_id, registration_id)


def _stored(task: Task, thing: Thing) -> Thing | None:
    if isinstance(thing, Number):
        return holdings.number(task.world.table, task.account_id, thing.e164)
    return holdings.registration(task.world.table, task.account_id, thing.id)


def carrier_of(task: Task, thing: Thing) -> Carrier | None:
    """None for a registration that no carrier knows: there is nobody to tell."""
    if thing.provider is None:
        return None
    carrier = task.world.carriers.get(thing.provider)
    if carrier is None:
        raise CarrierError(f"no_carrier_{thing.provider}", retryable=False)
    return carrier


def _call(carrier: Carrier | None, thing: Thing, *, key: str) -> None:
    if carrier is None:
        return
    if isinstance(thing, Number):
        carrier.release_number(thing.e164, thing.provider_id, key=key)
    else:
        carrier.lapse_registration(thing.id, thing.provider_id or thing.id, key=key)


def _is_held(carrier: Carrier, thing: Thing) -> bool:
    if isinstance(thing, Number):
        return carrier.holds_number(thing.e164, thing.provider_id)
    return carrier.holds_registration(thing.id, thing.provider_id or thing.id)


def _key(task: Task, thing: Thing) -> str:
    """One for one release of one thing. `known_since`, because a number may come back (put anew, or recovered) and
    fall due again for the very same date: under the old key a carrier would take it for done."""
    since = rfc3339(thing.known_since)
    return f"{task.account_id}:{task.step.id}:{_name(thing)}:{since}:{due_of(task)}"


def _name(thing: Thing) -> str:
    return thing.e164 if isinstance(thing, Number) else thing.id


def due_of(task: Task) -> str:
    return rfc3339(task.step.due)


def id_of(task: Task, what: str) -> str:
    """Each saving is its own; the account's version, not this id, keeps it from happening twice."""
    return f"carrier.{what}:{task.world.new_id()}"
