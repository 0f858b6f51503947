"""The wallet in its table: booked once, whoever else books at the same time; read page by page."""

from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Barrier

import pytest

from chalicelib.domain.ledger import Wallet
from chalicelib.store import keys, wallet
from chalicelib.store.memory import MemoryTable
from chalicelib.store.table import If, Put, Update
from tests.support.books import ACME, balance, booked, credit, debit

THREADS = 8
everywhere = pytest.mark.parametrize("table", ["memory", "ministack"], indirect=True)
"""Not moto: it loses rows of parallel transactions, and slows with the size of its table."""


def together(work):
    barrier = Barrier(THREADS)

    def begin(number):
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(begin, range(THREADS)))


@everywhere
def test_debits_and_credits_of_eight_threads_on_one_wallet_all_land_exactly_once(table):
    def work(number):
        postings = [credit(f"in:{number}:{n}", 7 + n) for n in range(12)]
        postings += [debit(f"out:{number}:{n}", 5 + n) for n in range(13)]
        Random(number).shuffle(postings)
        for posting in postings:
            wallet.post(table, ACME, posting)

    together(work)

    entries = booked(table)
    expected = 8 * (sum(7 + n for n in range(12)) - sum(5 + n for n in range(13)))
    assert len(entries) == 200
    assert [entry.seq for entry in entries] == list(range(1, 201))
    assert len({entry.cause for entry in entries}) == 200
    assert balance(table) == expected
    assert wallet.verify(table, ACME) == (200, None)


@everywhere
def test_the_same_causes_from_eight_threads_are_each_booked_once(table):
    def work(number):
        causes = [f"session:{n}" for n in range(10)]
        Random(number).shuffle(causes)
        won = 0
        for cause in causes:
            try:
                wallet.post(table, ACME, credit(cause, 100))
                won += 1
            except wallet.AlreadyBooked:
                pass
        return won

    won = together(work)

    assert sum(won) == 10
    assert balance(table) == 1000
    assert wallet.verify(table, ACME) == (10, None)


@everywhere
def test_a_posting_and_what_comes_with_it_happen_together_or_not_at_all(table):
    row = {"pk": keys.partition(ACME), "sk": "message#1", "state": "scheduled", "doc": {}}
    table.write(Put(row))
    key = keys.message(ACME, "1")

    taken = Update(key, {"state": "sent"}, If(equals={"state": "deleted"}))
    with pytest.raises(wallet.Overtaken) as overtaken:
        wallet.post(table, ACME, credit("a"), [taken])

    assert overtaken.value.failed == (True,)
    assert wallet.load(table, ACME) == Wallet()
    assert booked(table) == []
    wallet.post(table, ACME, credit("a"), [Update(key, {"state": "credited"})])
    with pytest.raises(wallet.AlreadyBooked):
        wallet.post(table, ACME, credit("a"), [Update(key, {"state": "scheduled"})])
    found = table.get(key)
    assert found is not None
    assert found["state"] == "credited"
    assert balance(table) == 100


@everywhere
def test_a_judgement_made_before_the_wallet_was_closed_is_made_again(table):
    wallet.post(table, ACME, credit("a"))
    asked = []

    def still():
        asked.append(len(asked))
        if len(asked) == 1:
            wallet.fence(table, ACME)
            return True
        return False

    with pytest.raises(wallet.Overtaken):
        wallet.post(table, ACME, debit("b"), still=still)

    assert asked == [0, 1]
    assert balance(table) == 100
    assert wallet.verify(table, ACME) == (1, None)


@everywhere
def test_a_wallet_without_entries_can_be_closed_and_then_used(table):
    wallet.fence(table, ACME)
    wallet.fence(table, ACME)

    wallet.post(table, ACME, credit("a", 5))

    assert balance(table) == 5
    assert wallet.verify(table, ACME) == (1, None)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 10, 11])
@everywhere
def test_pages_are_newest_first_exact_and_without_gaps(table, limit):
    for n in range(1, 11):
        wallet.post(table, ACME, credit(f"c{n}", n))

    seen, before, pages = [], None, 0
    while True:
        found, more = wallet.entries(table, ACME, limit=limit, before=before)
        seen += [entry.seq for entry in found]
        pages += 1
        if not more:
            break
        assert len(found) == limit
        before = found[-1].seq

    assert seen == list(range(10, 0, -1))
    assert pages == -(-10 // limit)


def test_a_page_cut_short_by_the_table_is_filled():
    wide = MemoryTable(max_page=lambda limit: min(limit, 2))
    for n in range(1, 8):
        wallet.post(wide, ACME, credit(f"c{n}", n))

    found, more = wallet.entries(wide, ACME, limit=5)

    assert [entry.seq for entry in found] == [7, 6, 5, 4, 3]
    assert more


def test_a_cause_too_long_for_a_key_is_still_booked_once():
    table = MemoryTable()
    cause = "usage:" + "𐍈" * 400

    wallet.post(table, ACME, debit(cause))
    with pytest.raises(wallet.AlreadyBooked):
        wallet.post(table, ACME, debit(cause))
    wallet.post(table, ACME, debit(cause + "x"))

    entry = wallet.booked(table, ACME, cause)
    assert entry is not None
    assert entry.cause == cause
    assert wallet.verify(table, ACME) == (2, None)
