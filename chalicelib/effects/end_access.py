"""SC-3: the end is recorded, once Stripe agrees that it came. Access itself ended by the clock."""

from chalicelib.effects.effect import Done, Task


def end_access(task: Task) -> Done:
    subscription = task.loaded.account.subscriptions[task.step.subject or ""]
    return Done({"subscription_id": subscription.id, "plan": subscription.plan})
