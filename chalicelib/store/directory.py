"""How operators find an account: by the start of its id, its Stripe customer, a subscription, an e-mail, a number;
and what is due next, of all accounts together.

Each is a read by key, or a page of an index: nothing here scans. The rows that lead from an e-mail or a subscription
to its account change in the transaction that changes the account, so they are gone with its purge.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chalicelib.domain.account import Account
from chalicelib.store import keys
from chalicelib.store.cases import OPEN
from chalicelib.store.holdings import owner_of_number
from chalicelib.store.rows import position
from chalicelib.store.table import Action, Delete, DuePage, Key, Put, Table

Place = tuple[str, Key]
"""Where something stands in an index: its sort key there, and its row."""

ACCOUNTS = "accounts"
LAST = "\U0010ffff"


def changes(before: Account | None, after: Account) -> list[Action]:
    """What leads to the account now, and what does no longer."""
    if (
        before is not None
        and before.email == after.email
        and before.subscriptions.keys() == after.subscriptions.keys()
    ):
        return []
    was, now = _leading_to(before), _leading_to(after)
    doc = {"account_id": after.id}
    return [
        *(Put({"pk": key.pk, "sk": key.sk, "doc": doc}) for key in sorted(now - was, key=_order)),
        *(Delete(key) for key in sorted(was - now, key=_order)),
    ]


def _leading_to(account: Account | None) -> set[Key]:
    if account is None:
        return set()
    found = {keys.subscription(id) for id in account.subscriptions}
    return found | ({keys.of_email(account.email, account.id)} if account.email else set())


def _order(key: Key) -> tuple[str, str]:
    return key.pk, key.sk


def named(table: Table, query: str) -> list[str]:
    """The accounts whose Stripe customer, subscription or live number has exactly this name."""
    rows = table.get_many([keys.customer(query), keys.subscription(query)])
    found = [row["doc"]["account_id"] for row in rows.values()]
    number = owner_of_number(table, e164(query))
    return [*dict.fromkeys([*found, *([number] if number else [])])]


def e164(query: str) -> str:
    """A number as people write it; in an address, its plus sign may have become a space."""
    bare = query.strip().translate(str.maketrans("", "", " -().\u00a0"))
    return f"+{bare}" if bare.isascii() and bare.isdigit() else bare


def with_email(
    table: Table, query: str, *, limit: int, after: str | None
) -> tuple[list[str], str | None]:
    page = table.query(keys.email(query), limit=limit, after=after)
    return [row["doc"]["account_id"] for row in page.rows], page.after


def told_already(table: Table, query: str, ids: Sequence[str]) -> set[str]:
    """Those of these accounts that the query also names, or is the e-mail of."""
    known = table.get_many([keys.of_email(query, id) for id in ids]) if "@" in query else {}
    return {key.sk for key in known} | ({*ids} & {*named(table, query)})


def beginning_with(
    table: Table, prefix: str, shards: int, *, limit: int, after: str | None
) -> tuple[list[str], str | None]:
    """A page of the accounts whose id starts so, in the order of their ids; and where to go on.

    `after` is a place in the index, the same for every shard.
    """
    pages = [
        table.directory(f"{ACCOUNTS}#{shard}", prefix, limit=limit + 1, after=after)
        for shard in range(shards)
    ]
    found, more = _soonest(pages, limit)
    return [id for id, _ in found], more


def deadlines(
    table: Table,
    due_kinds: Sequence[str],
    until: str,
    shards: int,
    *,
    cases: bool,
    limit: int,
    after: str | None,
) -> tuple[list[Place], str | None]:
    """A page of everything that has to happen up to `until`, soonest first, over all kinds and shards: one bounded
    query for each of them, however much there is. `cases`: also what people have to decide."""
    pages = [
        table.due(f"{kind}#{shard}", until, limit=limit + 1, after=after)
        for kind in due_kinds
        for shard in range(shards)
    ]
    if cases:
        pages += [
            table.directory(f"{OPEN}#{shard}", limit=limit + 1, after=after)
            for shard in range(shards)
        ]
    return _soonest(pages, limit, until)


def _soonest(
    pages: Iterable[DuePage], limit: int, until: str = LAST
) -> tuple[list[Place], str | None]:
    found = [(due.due_at, due.key) for page in pages for due in page.due if due.due_at <= until]
    found.sort(key=lambda one: (one[0], one[1].pk, one[1].sk))
    shown = found[:limit]
    if len(found) <= limit:
        return shown, None
    at, key = shown[-1]
    return shown, position(at, key.pk, key.sk)
