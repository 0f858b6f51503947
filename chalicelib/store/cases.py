"""Cases and their replies: read by key, listed for an account, and for operators by the next deadline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from urllib.parse import unquote

from chalicelib.domain.cases import Case, Reply, waiting_for, without_content
from chalicelib.domain.decision import CaseSaved, ReplySaved
from chalicelib.domain.moments import rfc3339
from chalicelib.store import keys
from chalicelib.store.holdings import rows
from chalicelib.store.records import from_doc, to_doc
from chalicelib.store.rows import position
from chalicelib.store.table import Action, Delete, If, Key, Put, Row, Table, Update

OPEN, CLOSED = "cases", "cases_closed"
"""Kinds in the directory index: open cases by their next deadline, closed ones by when they were closed."""
NO_DEADLINE = "9999-12-31T23:59:59Z"
_UNLISTED: Row = {"dir_kind": None, "dir_key": None}


def load(table: Table, account_id: str, case_id: str) -> Case | None:
    row = table.get(keys.case(account_id, case_id))
    return from_doc(Case, row["doc"]) if row else None


def owner_of(table: Table, case_id: str) -> str | None:
    row = table.get(keys.case_owner(case_id))
    return row["doc"]["account_id"] if row else None


def of_dispute(table: Table, account_id: str, dispute_id: str) -> tuple[Case | None, str]:
    """The dispute's case, if it lies with this account; and whose it is: this account's, unless another has it."""
    case, owner = keys.case(account_id, dispute_id), keys.case_owner(dispute_id)
    found = table.get_many([case, owner])
    whose = found[owner]["doc"]["account_id"] if owner in found else account_id
    return (from_doc(Case, found[case]["doc"]) if case in found else None), whose


def of_account(table: Table, account_id: str) -> Iterator[Case]:
    return (from_doc(Case, row["doc"]) for row in rows(table, account_id, keys.CASE))


def replies(table: Table, account_id: str, case: Case) -> list[Reply]:
    if not case.replies:
        return []
    found = rows(table, account_id, keys.replies_of(case.id))
    return [from_doc(Reply, row["doc"]) for row in found]


# -- for operators


def listed(
    table: Table, kind: str, shards: int, *, limit: int, after: str | None
) -> tuple[list[tuple[str, Case]], str | None]:
    """A page of all accounts' cases, earliest first, each with its account; and where to go on.

    `after` is a place in the index, the same for every shard. Each shard is asked for what follows it.
    """
    found: list[tuple[str, Key]] = []
    for shard in range(shards):
        page = table.directory(f"{kind}#{shard}", limit=limit + 1, after=after)
        found += [(due.due_at, due.key) for due in page.due]
    found.sort(key=lambda one: (one[0], one[1].pk, one[1].sk))
    shown = found[:limit]
    known = table.get_many([key for _, key in shown])
    cases = [
        (keys.account_of(key), from_doc(Case, known[key]["doc"]))
        for _, key in shown
        if key in known
    ]
    more = len(found) > limit and bool(shown)
    return cases, place(*shown[-1]) if more else None


def place(dir_key: str, key: Key) -> str:
    return position(dir_key, key.pk, key.sk)


# -- saved with the account


def saved(account_id: str, item: CaseSaved, shards: int) -> list[Action]:
    case = item.case
    key = keys.case(account_id, case.id)
    values: Row = {"doc": to_doc(case), **_directory(account_id, case, shards)}
    if not item.is_new:
        return [Update(key, values, If(present=True))]
    owner = keys.case_owner(case.id)
    return [
        Put({"pk": key.pk, "sk": key.sk, **values}, If(absent=True)),
        Put({"pk": owner.pk, "sk": owner.sk, "doc": {"account_id": account_id}}, If(absent=True)),
    ]


def reply_saved(account_id: str, item: ReplySaved) -> list[Action]:
    key = keys.reply(account_id, item.case_id, item.n)
    return [Put({"pk": key.pk, "sk": key.sk, "doc": to_doc(item.reply)}, If(absent=True))]


def _directory(account_id: str, case: Case, shards: int) -> Row:
    if case.purged and case.closed_at is not None:
        return _UNLISTED
    kind = OPEN if case.closed_at is None else CLOSED
    return {"dir_kind": keys.due_kind(kind, account_id, shards), "dir_key": _deadline(case)}


def _deadline(case: Case) -> str:
    if case.closed_at is not None:
        return rfc3339(case.closed_at)
    dues: Sequence[datetime] = [due for _, due in waiting_for(case)]
    return rfc3339(min(dues)) if dues else NO_DEADLINE


# -- at a purge


def is_touched_by_purge(table: Table, account_id: str, row: Row) -> bool:
    """Whoever opened a case after the purge began keeps it, replies and all; what is emptied already stays so."""
    case = load(table, account_id, _case_id(row["sk"]))
    if case is not None and case.closed_at is None and case.complete_at is not None:
        return False
    if case is None or row["sk"].startswith(keys.REPLY) or case.closed_at is None:
        return True
    return bool(to_doc(without_content(case)) != row["doc"])


def purge(table: Table, account_id: str, row: Row) -> None:
    """Of a case stays that it was, and what was decided and paid; nobody finds it by its id or in a list any more. Its
    replies go. Whose a dispute is stays: its bank may take it up again, and then its books are this account's."""
    key = Key(row["pk"], row["sk"])
    case = load(table, account_id, _case_id(row["sk"]))
    if key.sk.startswith(keys.REPLY):
        table.write(Delete(key))
    elif case is None or case.closed_at is None:
        # Never completed: there was nothing to decide.
        table.transact([Delete(key), Delete(keys.case_owner(_case_id(key.sk)))])
    else:
        gone = {"doc": to_doc(without_content(case)), **_UNLISTED}
        named = [] if case.dispute is not None else [Delete(keys.case_owner(case.id))]
        table.transact([Update(key, gone), *named])


def _case_id(sk: str) -> str:
    if sk.startswith(keys.CASE):
        return sk.removeprefix(keys.CASE)
    return unquote(sk.removeprefix(keys.REPLY).rpartition("#")[0])
