"""A step that cannot be undone lies ahead: this records that the customer is told, and the record becomes the mail."""

from chalicelib.domain import reminders, steps
from chalicelib.domain.account import Account
from chalicelib.effects.effect import Done, Task


def remind(task: Task) -> Done:
    account, now = task.loaded.account, task.world.clock.now()
    ahead = reminders.event_of(task.step, account.steps)
    if ahead is None or ahead.due <= now or reminders.is_overtaken(task.step, account.steps, now):
        # Noted all the same: what it reminds of may stay due for long (a purge that waits for a number which somebody
        # kept), and until then every sweep would come by again, and ask Stripe.
        return Done({"skipped": True})
    return Done({"before": ahead.kind, "event_at": ahead.due, "count": _count(account, ahead.kind)})


def _count(account: Account, kind: str) -> int | None:
    match kind:
        case steps.NUMBERS_RELEASED:
            return account.numbers
        case steps.REGISTRATIONS_LAPSE:
            return account.registrations
        case _:
            return None
