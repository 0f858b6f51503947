"""M1-7, M1-12: what the plan was paid with went back, so the plan ends at Stripe as well, at once. Otherwise Stripe would
go on renewing, and charging for, what nobody can use."""

from __future__ import annotations

from chalicelib import log
from chalicelib.effects.effect import Done, Task
from chalicelib.lifecycle import tell


def end_plan(task: Task) -> Done:
    subscription_id = task.step.subject or ""
    said = task.world.stripe.end_now(subscription_id)
    id = f"plan_ended:{subscription_id}:{task.world.new_id()}"
    tell(task.world, task.account_id, said, id=id, by="stripe")
    log.event("plan_ended", account=task.account_id, subscription=subscription_id)
    return Done()
