"""What operators look for, page by page over the shards of both indexes, on every table there is."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.domain.account import Account
from chalicelib.domain.moments import rfc3339
from chalicelib.store import accounts, directory, keys
from chalicelib.store.accounts import Told
from chalicelib.store.table import Put

SHARDS = 3
START = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
IDS = [f"acme-{n}" for n in range(8)]


def put(table, ids):
    for id in ids:
        account = Account(
            id=id, policy="1msg", currency="usd", created_at=START, email="all@example.com"
        )
        accounts.create(table, account, Told(id="t", by="t", at=START), [], SHARDS)


def every_page(ask):
    found, after = [], None
    while True:
        page, after = ask(after)
        found += page
        if after is None:
            return found


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_every_account_that_begins_so_once_and_in_order(table, limit):
    put(table, [*IDS, "other"])

    found = every_page(
        lambda after: directory.beginning_with(table, "acme-", SHARDS, limit=limit, after=after)
    )

    assert found == IDS


def test_every_account_of_an_address_once(table):
    put(table, IDS)

    found = every_page(
        lambda after: directory.with_email(table, " ALL@example.com", limit=3, after=after)
    )

    assert found == IDS


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_what_is_due_soonest_first_over_kinds_and_shards(table, limit):
    for n, id in enumerate(IDS):
        for kind in ("access_ends", "data_purged"):
            key = keys.step(id, kind)
            due = {"due_kind": keys.due_kind(kind, id, SHARDS)}
            due["due_at"] = rfc3339(START + timedelta(days=(n * 5) % 8))
            table.write(Put({"pk": key.pk, "sk": key.sk, "doc": {}, **due}))

    found = every_page(
        lambda after: directory.deadlines(
            table,
            ("access_ends", "data_purged"),
            rfc3339(START + timedelta(days=6)),
            SHARDS,
            cases=True,
            limit=limit,
            after=after,
        )
    )

    assert [at for at, _ in found] == sorted(at for at, _ in found)
    assert len({key for _, key in found}) == len(found) == 14
