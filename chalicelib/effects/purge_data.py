"""SC-10: after a year everything is deleted, for good.

The beginning is saved first; from then on the purge finishes, even if the customer returns in that second. Every row
of the account's partition is enumerated by its raw key, so that a kind this code does not know is not missed. What law
makes a business keep stays, without content: the ledger and the evidence. The account itself stays, empty (SC-11).
"""

from chalicelib.domain.facts import PurgeBegan
from chalicelib.domain.moments import rfc3339
from chalicelib.effects.effect import Done, MoreToDo, NotYet, Task
from chalicelib.lifecycle import settle
from chalicelib.store import keys, parked
from chalicelib.store.accounts import Loaded
from chalicelib.store.holdings import rows
from chalicelib.store.table import Delete, Key, Row, Update

KEPT = ("wallet", keys.ENTRY, keys.CAUSE, keys.EVIDENCE, keys.STEP)
HISTORY_KEPT = ("id", "what", "by", "at", "version")
"""What stays of a history entry: that it happened, not whom or what it concerned."""


def purge_data(task: Task) -> Done:
    loaded = _begin(task)
    deleted = 0
    for row in rows(task.world.table, task.account_id, ""):
        deleted += _purge(task, row)
        if task.out_of_time():
            raise MoreToDo
    deleted += _purge_parked(task, loaded)
    return Done({"rows": deleted}, loaded)


def _begin(task: Task) -> Loaded:
    account = task.loaded.account
    if account.purge_began_at is not None:
        return task.loaded
    if account.numbers or account.in_flight or account.removals:
        # Deleting the row of a number that is still rented would leave it rented for ever.
        raise NotYet("numbers_not_released")
    return settle(
        task.world,
        task.loaded,
        PurgeBegan(step=task.step),
        id=f"purge:{rfc3339(task.step.due)}",
        by=f"step:{task.step.id}",
    ).loaded


def _purge(task: Task, row: Row) -> int:
    sk: str = row["sk"]
    key = Key(row["pk"], sk)
    if sk == "account" or sk.startswith(KEPT):
        return 0
    if sk.startswith(keys.HISTORY):
        kept = {name: value for name, value in row["doc"].items() if name in HISTORY_KEPT}
        if kept != row["doc"]:
            task.world.table.write(Update(key, {"doc": kept}))
        return 0
    task.world.table.write(Delete(key))
    return 1


def _purge_parked(task: Task, loaded: Loaded) -> int:
    customer = loaded.account.stripe_customer_id
    waiting = list(parked.of_customer(task.world.table, customer)) if customer else []
    for key, _ in waiting:
        parked.remove(task.world.table, key)
    return len(waiting)
