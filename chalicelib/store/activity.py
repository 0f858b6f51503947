"""When an account was used: one small row a day, never the account's own record, which every webhook writes."""

from __future__ import annotations

from datetime import datetime

from chalicelib.domain.activity import Activity, UsedDay, day_of, was_held, with_use
from chalicelib.store import holdings, keys
from chalicelib.store.records import from_doc, to_doc
from chalicelib.store.table import Contended, If, Put, Refused, Table, Update

ATTEMPTS = 20


def note(table: Table, account_id: str, at: datetime) -> None:
    """Remembers that the account was used at this instant. Noted again, it changes nothing."""
    key = keys.used(account_id, day_of(at))
    for _ in range(ATTEMPTS):
        row = table.get(key)
        known = from_doc(UsedDay, row["doc"]) if row else None
        after = with_use(known, at)
        if after == known:
            return
        version = row["version"] if row else None
        change = {"version": (version or 0) + 1, "doc": to_doc(after)}
        try:
            table.write(Update(key, change, If(equals={"version": version})))
        except (Refused, Contended):
            # Another use in the same second has noted it for us, or we note ours after its.
            continue
        return
    raise Contended(f"the use of {account_id} changed {ATTEMPTS} times in a row")


def report(table: Table, account_id: str, activity: Activity, keep_until: datetime) -> Activity:
    """Takes a report in, once. Answers what is kept under its id: an earlier one, if it was told before."""
    key = keys.activity(account_id, activity.id)
    row = {
        "pk": key.pk,
        "sk": key.sk,
        "expires_at": int(keep_until.timestamp()),
        "doc": to_doc(activity),
    }
    try:
        table.write(Put(row, If(absent=True)))
    except Refused:
        found = table.get(key)
        return from_doc(Activity, found["doc"]) if found else activity
    return activity


def used_between(table: Table, account_id: str, start: datetime, end: datetime) -> bool:
    """Whether the account was used in [start, end): by any reported activity, a sent message, a usage charge, or a
    number that was connected."""
    return _a_day_touches(table, account_id, start, end) or was_held(
        holdings.numbers(table, account_id), start, end
    )


def _a_day_touches(table: Table, account_id: str, start: datetime, end: datetime) -> bool:
    """The day of `start` itself may lie wholly before it; the next day on record then decides."""
    first = table.get(keys.used(account_id, day_of(start)))
    if first is not None and from_doc(UsedDay, first["doc"]).touches(start, end):
        return True
    after: str | None = keys.used(account_id, day_of(start)).sk
    while after is not None:
        page = table.query(keys.partition(account_id), keys.USED, limit=1, after=after)
        if page.rows:
            return from_doc(UsedDay, page.rows[0]["doc"]).touches(start, end)
        after = page.after
    return False
