"""One-time codes that lead to our own page, and the sessions they are exchanged for.

Whoever reads the table cannot use them: only their hashes are kept. They lie in their account's partition, so nothing
of them crosses accounts, and a purge takes them along.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256

from chalicelib.store import keys
from chalicelib.store.records import from_doc, to_doc
from chalicelib.store.table import If, Key, Put, Refused, Row, Table, Update

CODE, USED, SESSION = "code", "used", "session"
TIDY_AFTER_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Who follows the link, until when it counts, and where they came from."""

    sub: str
    until: datetime
    return_url: str
    email: str | None = None
    roles: tuple[str, ...] = ()
    subscription_id: str | None = None


def keep_code(table: Table, account_id: str, code: str, visit: Visit) -> None:
    table.write(Put(_row(_key(account_id, code), CODE, visit), If(absent=True)))


def visit_of(table: Table, account_id: str, code: str) -> Visit | None:
    """What an unused code stands for."""
    return _read(table, _key(account_id, code), CODE)


def begin(
    table: Table, account_id: str, code: str, session: str, visit: Visit, until: datetime
) -> bool:
    """Uses the code up for a session; False when somebody else did. One transaction: a code is never used up for
    nothing, and never used twice."""
    lasting = replace(visit, until=until)
    try:
        table.transact(
            [
                Update(_key(account_id, code), {"state": USED}, If(equals={"state": CODE})),
                Put(_row(_key(account_id, session), SESSION, lasting), If(absent=True)),
            ]
        )
    except Refused:
        return False
    return True


def session(table: Table, account_id: str, token: str) -> Visit | None:
    return _read(table, _key(account_id, token), SESSION)


def _read(table: Table, key: Key, state: str) -> Visit | None:
    row = table.get(key)
    if row is None or row.get("state") != state:
        return None
    return from_doc(Visit, {"roles": [], **row["doc"]})


def _row(key: Key, state: str, visit: Visit) -> Row:
    expires = int(visit.until.timestamp()) + TIDY_AFTER_SECONDS
    return {
        "pk": key.pk,
        "sk": key.sk,
        "state": state,
        "doc": to_doc(visit),
        "expires_at": expires,
    }


def _key(account_id: str, secret: str) -> Key:
    return keys.page_link(account_id, sha256(secret.encode()).hexdigest())
