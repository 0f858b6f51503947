"""SC-10: after a year everything is deleted, for good.

The beginning is saved first; from then on the purge finishes, even if the customer returns in that second. Every row
of the account's partition is enumerated by its raw key, so that a kind this code does not know is not missed. What law
makes a business keep stays, without content: the ledger, the evidence, and what was decided on cases. The account itself stays, empty (SC-11).
"""

from chalicelib import exporting
from chalicelib.domain.facts import PurgeBegan
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.open_cases import holding_purge
from chalicelib.domain.registrations import Registration
from chalicelib.effects.effect import Done, MoreToDo, NotYet, Task
from chalicelib.gateways.files import FilesUnavailable
from chalicelib.lifecycle import settle
from chalicelib.store import cases, keys, parked
from chalicelib.store.accounts import Loaded
from chalicelib.store.holdings import rows
from chalicelib.store.records import from_doc
from chalicelib.store.table import Delete, Key, Row, Update

KEPT = (
    *("wallet", keys.ENTRY, keys.CAUSE, keys.EVIDENCE, keys.CONFIRMATION, keys.STEP),
    # How far the history is published, and where the receipt of this purge goes until it is sent.
    *(keys.PUBLISHED, keys.RECEIPT),
)
HISTORY_KEPT = ("id", "what", "by", "at", "version", "previous")
"""What stays of a history entry: that it happened, not whom or what it concerned."""


def purge_data(task: Task) -> Done:
    loaded = _begin(task)
    deleted = 0
    for row in rows(task.world.table, task.account_id, ""):
        deleted += _purge(task, row)
        if task.out_of_time():
            raise MoreToDo
    deleted += _purge_parked(task, loaded)
    return Done({"rows": deleted, "files": _purge_files(task)}, loaded)


def _purge_files(task: Task) -> int:
    """Exports, and the documents that were in them."""
    if task.world.files is None:
        return 0
    try:
        return task.world.files.delete_prefix(exporting.home(task.account_id))
    except FilesUnavailable as error:
        raise NotYet("files_unavailable") from error


def _begin(task: Task) -> Loaded:
    account = task.loaded.account
    if account.purge_began_at is not None:
        return task.loaded
    if account.numbers or account.in_flight or account.removals or account.withdrawals:
        # Deleting the row of a number that is still rented would leave it rented for ever.
        raise NotYet("numbers_not_released")
    if holding_purge(account):
        # A dispute or a request is not decided: what it rests on is still needed (M1-12).
        raise NotYet("case_open")
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
    if _is_held(row):
        return 0
    if sk.startswith((keys.CASE, keys.REPLY)):
        return cases.purge(task.world.table, task.account_id, row)
    task.world.table.write(Delete(key))
    return 1


def _is_held(row: Row) -> bool:
    """A number or registration that came after the purge had begun, with the customer who returned in that moment: it
    is theirs, and paid for. Before, there was none."""
    sk: str = row["sk"]
    if sk.startswith(keys.NUMBER):
        return bool(row["state"] != "released")
    return sk.startswith(keys.REGISTRATION) and from_doc(Registration, row["doc"]).lapses


def _purge_parked(task: Task, loaded: Loaded) -> int:
    customer = loaded.account.stripe_customer_id
    waiting = list(parked.of_customer(task.world.table, customer)) if customer else []
    for key, _ in waiting:
        parked.remove(task.world.table, key)
    return len(waiting)
