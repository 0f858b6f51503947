"""Maintenance windows, and beside them what the accounts of each policy are told of all that may still concern them.

Both change in one transaction, with the first checkpoints of the walks that tell: so whoever reads a policy's row knows
of every announcement from its very moment on, also before a walk has come by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chalicelib.domain.maintenance import Window, WorkSaid
from chalicelib.store import keys
from chalicelib.store.records import from_doc, to_doc
from chalicelib.store.table import Action, If, Put, Refused, Row, Table

TOLD_FOR = timedelta(days=35)
"""So long after a window has ended, or was last changed, accounts that nothing has told yet still hear of it. Longer than
Stripe keeps the events from which we may learn late that somebody had access."""


class Overtaken(Exception):
    """Another window, or this one, was saved since."""


@dataclass(frozen=True, slots=True)
class WorkOfPolicy:
    """What the accounts of a policy are told, as it was read."""

    policy: str
    said: tuple[WorkSaid, ...]
    version: int | None


def window(table: Table, window_id: str) -> Window | None:
    row = table.get(keys.window(window_id))
    return from_doc(Window, row["doc"]) if row else None


def windows(table: Table, *, limit: int, after: str | None) -> tuple[list[Window], str | None]:
    """A page of all windows, the last announced first."""
    page = table.query(keys.windows(), keys.WINDOW, limit=limit, after=after, newest_first=True)
    return [from_doc(Window, row["doc"]) for row in page.rows], page.after


def work_of(table: Table, policy: str) -> WorkOfPolicy:
    row = table.get(keys.work_of(policy))
    return _work(policy, row) if row else WorkOfPolicy(policy, (), None)


def save(
    table: Table,
    window: Window,
    told: Sequence[tuple[WorkOfPolicy, WorkSaid]],
    now: datetime,
    also: Sequence[Action],
) -> None:
    """The window, and what each policy's accounts are told of it. Raises Overtaken, and what the table raises."""
    key = keys.window(window.id)
    row = {"pk": key.pk, "sk": key.sk, "version": window.revision, "doc": to_doc(window)}
    is_new = window.revision == 1
    condition = If(absent=True) if is_new else If(equals={"version": window.revision - 1})
    try:
        table.transact(
            [Put(row, condition), *(_told(work, said, now) for work, said in told), *also]
        )
    except Refused as refused:
        raise Overtaken from refused


def _told(work: WorkOfPolicy, said: WorkSaid, now: datetime) -> Put:
    rest = [one for one in work.said if one.window_id != said.window_id and _may_matter(one, now)]
    key = keys.work_of(work.policy)
    row = {
        "pk": key.pk,
        "sk": key.sk,
        "version": (work.version or 0) + 1,
        "doc": {"said": [to_doc(one) for one in (*rest, said)]},
    }
    return Put(row, If(equals={"version": work.version}))


def _may_matter(said: WorkSaid, now: datetime) -> bool:
    return max(said.ends_at, said.changed_at) + TOLD_FOR > now


def _work(policy: str, row: Row) -> WorkOfPolicy:
    said = tuple(from_doc(WorkSaid, one) for one in row["doc"]["said"])
    return WorkOfPolicy(policy, said, row["version"])
