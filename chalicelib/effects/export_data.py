"""GT-6, OS-5: makes an export, and deletes it when its week is over.

The file is written whole and under its own name, so a run that is repeated writes the same file again. It can be
fetched once the account says that it is there. Whoever finds that a purge began meanwhile deletes what they wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from errno import ENOSPC
from tempfile import SpooledTemporaryFile
from typing import IO, TypeVar

from chalicelib import exporting
from chalicelib.domain.account import Account
from chalicelib.effects.effect import Done, Moot, NotYet, Task
from chalicelib.gateways.files import Files, FilesUnavailable
from chalicelib.gateways.stripe import StripeUnavailable
from chalicelib.gateways.stripe_reader import BilledInvoice
from chalicelib.lifecycle import must_load
from chalicelib.store import keys
from chalicelib.store.records import to_doc
from chalicelib.store.table import If, Refused, Update

T = TypeVar("T")

IN_MEMORY = 8 * 1024 * 1024
"""More than that waits on disk until it is sent."""


def make_export(task: Task) -> Done:
    export_id, files = task.step.subject or "", _files(task)
    invoices = _invoices(task)

    def told(parts: int) -> None:
        if task.out_of_time():
            # What is written so far is thrown away: half a zip is of no use to anybody, and the next run has more time.
            raise NotYet("out_of_time")
        _say_how_far(task, parts)

    with _room() as zip:
        counts = _answered(
            lambda: exporting.write(
                zip, task.world, files, task.loaded.account, export_id, invoices, told
            )
        )
        zip.seek(0)
        _answered(lambda: files.write(exporting.file_of(task.account_id, export_id), zip))
    if not _is_wanted(must_load(task.world, task.account_id).account, export_id):
        _delete(task, export_id)
        raise Moot
    return Done({"export_id": export_id, "rows": sum(counts.values()), "parts": len(counts)})


@contextmanager
def _room() -> Iterator[IO[bytes]]:
    """Raises NotYet where an export is larger than the disk: a person has to give the function more."""
    try:
        with SpooledTemporaryFile(max_size=IN_MEMORY) as zip:
            yield zip
    except OSError as error:
        if error.errno != ENOSPC:
            raise
        raise NotYet("no_room_on_disk", needs_person=True) from error


def _say_how_far(task: Task, parts: int) -> None:
    """For whoever waits. It stands beside the step, and is worth no second try."""
    percent = min(99, 100 * parts // (exporting.PARTS + 1))
    key = keys.step(task.account_id, task.step.id)
    said = {
        "kind": task.step.kind,
        "subject": task.step.subject,
        "due": task.step.due,
        "progress": percent,
    }
    with suppress(Refused):
        task.world.table.write(Update(key, {"doc": to_doc(said)}, If(equals={"state": "pending"})))


def expire_export(task: Task) -> Done:
    export_id = task.step.subject or ""
    _delete(task, export_id)
    return Done({"export_id": export_id})


def _is_wanted(account: Account, export_id: str) -> bool:
    return account.purge_began_at is None and export_id in account.exports


def _delete(task: Task, export_id: str) -> None:
    name = exporting.file_of(task.account_id, export_id)
    _answered(lambda: _files(task).delete_prefix(name))


def _files(task: Task) -> Files:
    if task.world.files is None:
        raise NotYet("no_place_for_files")
    return task.world.files


def _invoices(task: Task) -> tuple[BilledInvoice, ...]:
    customer = task.loaded.account.stripe_customer_id
    if customer is None:
        return ()
    try:
        return task.world.stripe.every_invoice_of(customer)
    except StripeUnavailable as error:
        raise NotYet("stripe_unavailable") from error


def _answered(ask: Callable[[], T]) -> T:
    try:
        return ask()
    except FilesUnavailable as error:
        raise NotYet("files_unavailable") from error
