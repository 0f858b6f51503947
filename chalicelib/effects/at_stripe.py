"""What we ask of Stripe by ourselves, on its day: contracts that run to their end, and cards that are left alone.

Each call carries a key made of the business fact; Stripe's own answer is what changes our state.
"""

from __future__ import annotations

from datetime import timedelta

from chalicelib import log
from chalicelib.domain.account import Account, Subscription
from chalicelib.domain.collecting import to_set
from chalicelib.domain.contracts import outlasts_the_period, would_end_early
from chalicelib.domain.ending import contract_end, end_of
from chalicelib.domain.facts import CollectionSet, ContractCorrectionBegan
from chalicelib.domain.moments import rfc3339
from chalicelib.effects.effect import Done, NotYet, Task
from chalicelib.lifecycle import confirm, settle, tell
from chalicelib.store import consents

ALARM_BEFORE = timedelta(hours=24)


class Late(Exception):
    """Something that had to be done by now is only being done now."""


def restore_renewal(task: Task) -> Done:
    """GT-2: takes back a portal cancellation that would end the contract early; the wish to leave is kept here."""
    account, subscription = task.loaded.account, _subscription(task)
    if not would_end_early(account, subscription):
        return Done()
    loaded = task.loaded
    if not subscription.correcting:
        began = ContractCorrectionBegan(subscription_id=subscription.id)
        loaded = settle(task.world, loaded, began, id=_id(task, "begun"), by=_by(task)).loaded
    said = task.world.stripe.turn_renewal_on(
        subscription.id,
        key=f"{task.account_id}:{task.step.id}:{rfc3339(task.step.due)}",
        clears_cancel_at=_only_cancel_at(subscription),
        leaving_at=_leaving_at(account, subscription),
    )
    confirm(task.world, loaded, said, id=_id(task, "confirmed"), by="stripe")
    return Done()


def turn_renewal_off(task: Task) -> Done:
    """GT-2, GT-11: in the contract's last period, so that it neither ends early nor renews afterwards."""
    account, subscription = task.loaded.account, _subscription(task)
    if outlasts_the_period(account, subscription):
        raise NotYet("not_in_the_last_period")
    _say_if_late(task)
    feedback, comment = _why(task, subscription)
    said = task.world.stripe.turn_renewal_off(
        subscription.id,
        key=f"{task.account_id}:{task.step.id}:{rfc3339(task.step.due)}",
        feedback=feedback,
        comment=comment,
    )
    confirm(task.world, task.loaded, said, id=_id(task, "confirmed"), by="stripe")
    log.event("contract_renewal_off", account=task.account_id, subscription=subscription.id)
    return Done()


def _say_if_late(task: Task) -> None:
    """A day before the contract ends it must be off, or Stripe renews somebody who has left."""
    end = contract_end(task.loaded.account, _subscription(task))
    if end is not None and task.world.clock.now() > end - ALARM_BEFORE:
        late = Late(f"renewal was still on, and the contract ends at {rfc3339(end)}")
        log.problem("contract_renewal_off_late", late, account=task.account_id)


def _why(task: Task, subscription: Subscription) -> tuple[str, str | None]:
    """The reason they gave when they consented, in Stripe's words."""
    world, consented = task.world, subscription.evidence_id
    evidence = consents.confirmed(world.table, task.account_id, consented) if consented else None
    if evidence is None:
        return "other", None
    rules = world.policies.get(task.loaded.account.policy).cancellation
    words = {reason.code: reason.stripe_feedback for reason in rules.reasons}
    return words.get(evidence.reason or "", "other"), evidence.comment


def _leaving_at(account: Account, subscription: Subscription) -> str:
    end = end_of(account, subscription)
    assert end is not None
    return rfc3339(end)


def stop_collection(task: Task) -> Done:
    """SC-2: "no further charges will be made to your credit card"."""
    return _set_collection(task, stopped=True)


def resume_collection(task: Task) -> Done:
    return _set_collection(task, stopped=False)


def _set_collection(task: Task, *, stopped: bool) -> Done:
    subscription = _subscription(task)
    for invoice in to_set(subscription, stopped=stopped):
        task.world.stripe.set_collection(
            invoice.id,
            stopped=stopped,
            key=f"{task.account_id}:{task.step.id}:{invoice.id}:{task.loaded.version}",
        )
        fact = CollectionSet(
            subscription_id=subscription.id, invoice_id=invoice.id, stopped=stopped
        )
        tell(task.world, task.account_id, fact, id=_id(task, "confirmed"), by=_by(task))
    return Done()


def _subscription(task: Task) -> Subscription:
    return task.loaded.account.subscriptions[task.step.subject or ""]


def _only_cancel_at(subscription: Subscription) -> bool:
    return subscription.cancel_at is not None and not subscription.cancel_at_period_end


def _id(task: Task, what: str) -> str:
    return f"{task.step.kind}.{what}:{task.world.new_id()}"


def _by(task: Task) -> str:
    return f"step:{task.step.id}"
