"""M1-7, M1-16: an approved refund goes back to where it came from: once, whatever happens on the way.

Stripe is asked first what refunds there are: one that carries this case and this decision is it, however its answer got
lost. Otherwise the intent is saved, a top-up is taken off the wallet, and only then Stripe is told. Its key stays the
same for as long as that call may still be under way; after that a new key is used, for Stripe repeats an error it
answered once, and by then its list says for certain that nothing was made.
"""

from __future__ import annotations

from dataclasses import replace

from chalicelib import log
from chalicelib.domain import appeals
from chalicelib.domain.case_facts import AppealCredited, RefundBegun, RefundRefused
from chalicelib.domain.cases import Case, Payout
from chalicelib.domain.ledger import Posting, to_wallet
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.refunds import Disputed, RefundAtStripe
from chalicelib.domain.steps import CALL_IS_OVER
from chalicelib.effects.effect import Done, Task
from chalicelib.gateways.stripe import StripeRefused
from chalicelib.lifecycle import settle
from chalicelib.refunding import (
    book_return,
    deadlines_from,
    debit_posting,
    record,
    refuse_disputed,
)
from chalicelib.store import cases, wallet
from chalicelib.store.accounts import Loaded, Stale, still


class _Impossible(Exception):
    """It cannot be made as it was decided. The reason is a code."""


def pay_refund(task: Task) -> Done:
    case, loaded = _ordered(task), task.loaded
    if case is None:
        return Done()
    found = _made_before(task, case)
    try:
        if found is None:
            _still_possible(task, case)
            loaded, case = _begin(task, case)
            found = _make(task, case)
    except _Impossible as error:
        # A call of ours whose answer was lost may have come through only now: then that is what is in its way.
        found = _made_before(task, case)
        if found is None:
            return _refuse(task, loaded, case, str(error))
    # Named after the version: told again by a later try, it is decided on again, and changes nothing twice.
    id = f"refund:{found.id}:{found.status}:{loaded.version}"
    telling = record(task.world, loaded, case, found, id=id)
    log.event("refund_paid", account=task.account_id, case=case.id, status=found.status)
    return Done(loaded=telling.loaded)


def _ordered(task: Task) -> Case | None:
    case = cases.load(task.world.table, task.account_id, task.step.subject or "")
    return case if case is not None and case.is_paying else None


def would_pay(task: Task) -> dict[str, object]:
    case = _ordered(task)
    return {"case_id": case.id, "amount": _payout(case).amount} if case is not None else {}


def _payout(case: Case) -> Payout:
    assert case.payout is not None
    return case.payout


def _made_before(task: Task, case: Case) -> RefundAtStripe | None:
    made = task.world.stripe.refunds_of(_payout(case).charge_id or "")
    mine = [one for one in made if (one.case_id, one.attempt) == (case.id, case.attempt)]
    # Were there two after all, the one that is in force counts.
    return max(mine, key=lambda one: one.in_force, default=None)


def _still_possible(task: Task, case: Case) -> None:
    """Between the decision and now, the bank or somebody at Stripe may have given the money back."""
    charge = task.world.stripe.charge(_payout(case).charge_id or "")
    try:
        refuse_disputed(task.world, charge)
    except Disputed as error:
        raise _Impossible("disputed") from error
    if (charge.paid - charge.refunded).amount < _payout(case).amount.amount:
        raise _Impossible("already_refunded")


def _make(task: Task, case: Case) -> RefundAtStripe:
    payout = _payout(case)
    if payout.debits_wallet:
        _debit(task, case)
    assert payout.begun_at is not None
    begun = rfc3339(payout.begun_at)
    try:
        return task.world.stripe.pay_back(
            payout.charge_id or "",
            payout.amount,
            case_id=case.id,
            attempt=case.attempt,
            key=f"refund:{task.account_id}:{case.id}:{case.attempt}:{begun}",
        )
    except StripeRefused as error:
        raise _Impossible(f"stripe_refused:{error.code}") from error


def _begin(task: Task, case: Case) -> tuple[Loaded, Case]:
    """The intent (invariant 12). A call that may still be under way keeps its key."""
    now, begun = task.world.clock.now(), _payout(case).begun_at
    if begun is not None and now < begun + CALL_IS_OVER:
        return task.loaded, case
    fact = RefundBegun(case=case, at=now)
    id = f"refund.begun:{case.id}:{task.loaded.version}"
    loaded = settle(task.world, task.loaded, fact, id=id, by=f"step:{task.step.id}").loaded
    return loaded, replace(case, payout=replace(_payout(case), begun_at=now))


def _debit(task: Task, case: Case) -> None:
    """Before Stripe is told: what has been spent in the meantime cannot be refunded as well."""
    table, amount = task.world.table, _payout(case).amount

    def still_there() -> bool:
        return wallet.load(table, task.account_id).balance(amount.currency).amount >= amount.amount

    posting = debit_posting(case, task.world.clock.now())
    if wallet.booked(table, task.account_id, posting.cause) is not None:
        return
    try:
        wallet.post(table, task.account_id, posting, still=still_there)
    except wallet.AlreadyBooked:
        return
    except wallet.Overtaken as error:
        raise _Impossible("spent") from error


def _refuse(task: Task, loaded: Loaded, case: Case, why: str) -> Done:
    """The case is open again, and the wallet as it was."""
    world = task.world
    book_return(world, task.account_id, case)
    policy = world.policies.get(loaded.account.policy)
    fact = RefundRefused(case=case, why=why, due=deadlines_from(world, policy, world.clock.now()))
    log.event("refund_impossible", account=task.account_id, case=case.id, reason=why)
    id = f"refund.refused:{case.id}:{case.attempt}"
    return Done(loaded=settle(world, loaded, fact, id=id, by=f"step:{task.step.id}").loaded)


def credit_appeal(task: Task) -> Done:
    """M1-11: what was decided comes to the wallet, once per case."""
    case = _ordered(task)
    if case is None:
        return Done()
    posting = Posting(
        cause=appeals.cause_of(case.id),
        kind="appeal_credited",
        at=task.world.clock.now(),
        lines=to_wallet(_payout(case).amount, "appeals"),
        note={"case": case.id},
    )
    try:
        # Not once an operator has put it on hold meanwhile: that changes the account.
        wallet.post(task.world.table, task.account_id, posting, [still(task.loaded)])
    except wallet.AlreadyBooked:
        pass
    except wallet.Overtaken as overtaken:
        raise Stale from overtaken
    fact = AppealCredited(case=case)
    id = f"appeal.credited:{case.id}"
    by = f"step:{task.step.id}"
    return Done(loaded=settle(task.world, task.loaded, fact, id=id, by=by).loaded)
