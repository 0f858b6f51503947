"""GT-5: at the end nobody of the company uses the product any more."""

from chalicelib.effects.effect import Done, MoreToDo, Task
from chalicelib.store import keys
from chalicelib.store.holdings import rows
from chalicelib.store.table import Delete, Key


def unassign_seats(task: Task) -> Done:
    subscription_id = task.step.subject or ""
    count = task.loaded.account.seats.get(subscription_id, 0)
    for row in rows(task.world.table, task.account_id, keys.seats_of(subscription_id)):
        task.world.table.write(Delete(Key(row["pk"], row["sk"])))
        if task.out_of_time():
            raise MoreToDo
    return Done({"subscription_id": subscription_id, "count": count})
