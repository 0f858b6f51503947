"""SC-7: an operator's wish to have a released number back. The wish was saved first; the carrier is asked until it has
answered, and its answer is saved in the one transaction that makes the number the account's again.
"""

from __future__ import annotations

from chalicelib.domain import recovering
from chalicelib.domain.account import Account
from chalicelib.domain.facts import NumberNotRecovered, NumberRecovered
from chalicelib.domain.number_fees import Number
from chalicelib.effects.at_carrier import carrier_of, due_of, id_of, not_yet
from chalicelib.effects.effect import Done, Task
from chalicelib.gateways.carriers import CarrierError, NotRecoverable
from chalicelib.lifecycle import tell
from chalicelib.store import holdings
from chalicelib.store.accounts import Taken


def recover_number(task: Task) -> Done:
    """Rented already counts as done, so a lost answer is found out by asking again under the same key."""
    e164 = task.step.subject or ""
    number = holdings.number(task.world.table, task.account_id, e164)
    try:
        if number is None:
            raise NotRecoverable
        carrier = carrier_of(task, number)
        assert carrier is not None, "a number always has a carrier"
        provider_id = carrier.recover_number(
            e164, number.provider_id, key=f"{task.account_id}:{task.step.id}:{due_of(task)}"
        )
        _tell_recovered(task, number, provider_id)
    except NotRecoverable:
        _tell_not_recovered(task, e164, recovering.NOT_RECOVERABLE)
    except Taken:
        # Another account put it in the meantime: then that one holds it, and whatever we rented is what it has.
        _tell_not_recovered(task, e164, recovering.TAKEN)
    except CarrierError as error:
        raise not_yet(error) from error
    return Done()


def _tell_recovered(task: Task, number: Number, provider_id: str) -> None:
    def fact(_: Account) -> NumberRecovered:
        # Read again after the account: the SaaS may have put it anew.
        stored = holdings.number(task.world.table, task.account_id, number.e164)
        return NumberRecovered(number=stored or number, provider_id=provider_id)

    by = f"step:{task.step.id}"
    tell(task.world, task.account_id, fact, id=id_of(task, "recovered"), by=by)


def _tell_not_recovered(task: Task, e164: str, why: str) -> None:
    fact = NumberNotRecovered(e164=e164, why=why)
    by = f"step:{task.step.id}"
    tell(task.world, task.account_id, fact, id=id_of(task, "not_recovered"), by=by)
