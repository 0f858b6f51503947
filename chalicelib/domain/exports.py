"""GT-6, OS-5: "Sauvegarder ou transférer toutes les données nécessaires, y compris les données utilisateur."

Somebody who may asks for everything the account has; it is made, kept for a week, and deleted. Before a cancellation
and after it, until the purge: from its beginning on there is nothing to hand out any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from chalicelib.domain.account import Account, Export
from chalicelib.domain.decision import Decision, unchanged
from chalicelib.domain.steps import EXPORT_EXPIRES, EXPORT_MADE, Step

MOST = 3
"""So many at a time: those that are being made, and those that can still be fetched."""
KEPT = timedelta(days=7)
FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""A cell that begins like this is a formula to a spreadsheet, whoever wrote it: also behind blanks, and in full width."""
BLANK = (" ", "\t", "\r", "\n")


class TooMany(Exception):
    """As many exports as there may be are being made or kept."""


class NothingLeft(Exception):
    """Everything was deleted, or is being deleted."""


def ask(account: Account, export_id: str, now: datetime) -> Decision:
    if export_id in account.exports:
        return unchanged(account)
    if account.purge_began_at is not None or (
        account.purged_at is not None and not account.subscriptions
    ):
        raise NothingLeft
    if len(account.exports) >= MOST:
        raise TooMany
    exports = {**account.exports, export_id: Export(asked_at=now)}
    return Decision(replace(account, exports=exports), "export.asked", {"export_id": export_id})


def made(account: Account, export_id: str, now: datetime) -> Account:
    export = account.exports.get(export_id)
    if export is None:
        return account
    ready = replace(export, ready_at=now)
    return replace(account, exports={**account.exports, export_id: ready})


def gone(account: Account, export_id: str) -> Account:
    kept = {id: export for id, export in account.exports.items() if id != export_id}
    return replace(account, exports=kept)


def expires_at(export: Export) -> datetime | None:
    return export.ready_at + KEPT if export.ready_at is not None else None


def steps(account: Account) -> Iterator[Step]:
    """A purge that began deletes them all by itself."""
    if account.purge_began_at is not None:
        return
    for export_id, export in account.exports.items():
        expires = expires_at(export)
        if expires is None:
            yield Step(EXPORT_MADE, export.asked_at, export_id)
        else:
            yield Step(EXPORT_EXPIRES, expires, export_id)


def cell(value: object) -> object:
    """What stands in a cell: a text that a spreadsheet would run is kept readable, and is no formula any more."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return value
    text = str(value)
    runs = text.lstrip("".join(BLANK)).startswith(FORMULA) or text.startswith(BLANK[1:])
    return f"'{text}" if runs else text
