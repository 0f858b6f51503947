"""SC-12 for an account with a great many messages: bounded in every way, and fair to those behind it."""

import json
from dataclasses import replace

import pytest

from chalicelib import scheduling
from chalicelib.domain import steps
from chalicelib.effects import credit_messages
from chalicelib.store import holdings, keys, wallet
from chalicelib.store.table import Update
from chalicelib.sweeping import sweep
from tests.support.books import balance, booked
from tests.support.scheduling import (
    books_something,
    counting,
    key_of,
    leaving,
    many,
    messages,
    register,
    result,
    state,
    subscribed,
)
from tests.support.stage import END, Stage


@pytest.mark.parametrize(
    ("count", "chunks"), [(1, 1), (89, 1), (90, 1), (91, 2), (180, 2), (181, 3)]
)
def test_crediting_takes_one_transaction_for_ninety_messages(count, chunks):
    stage = leaving(count)
    counted = counting(stage)

    report = sweep(stage.world, steps.MESSAGES_CREDITED)

    entries = booked(stage.table, kind="messages_credited")
    assert str(report) == "1 done"
    assert len(counted.transactions) == chunks
    assert [len(e.note["messages"]) for e in entries] == [90] * (count // 90) + (
        [count % 90] if count % 90 else []
    )
    assert balance(stage.table) == 0


def test_an_account_with_nine_thousand_messages_is_credited_in_a_hundred_transactions():
    stage = leaving(9000)
    counted = counting(stage)

    report = sweep(stage.world, steps.MESSAGES_CREDITED)

    entries = booked(stage.table, kind="messages_credited")
    listed = [id for entry in entries for id in entry.note["messages"]]
    assert str(report) == "1 done"
    assert counted.transactions == [94] * 100
    assert counted.queries.count(keys.MESSAGE) == -(-9000 // holdings.MANY) + 1
    assert len(entries) == 100
    assert sorted(listed) == many(9000)
    assert balance(stage.table) == 0
    assert largest_transaction(stage) < 4 * 1024 * 1024


def largest_transaction(stage: Stage) -> int:
    """Roughly: an entry with the longest list, and its ninety messages."""
    rows = list(holdings.rows(stage.table, "acme", ""))
    sizes = sorted((len(json.dumps(row)) for row in rows), reverse=True)
    return sum(sizes[:94])


def test_a_large_account_holds_up_nobody_and_is_done_in_turns(monkeypatch):
    monkeypatch.setattr(credit_messages, "TURN", 2)
    stage = subscribed(Stage(), "acme", "bravo", "crowd")
    for account, count in (("acme", 900), ("bravo", 3), ("crowd", 3)):
        for start in range(0, count, 90):
            ids = many(count, account)[start : start + 90]
            register(stage, messages(*ids), account)
    for n in range(3):
        stage.cancel(f"sub_{n}")
    stage.move(END)
    order: list[str] = []

    class Watched:
        def __init__(self, inner):
            self.inner = inner

        def __getattr__(self, name):
            return getattr(self.inner, name)

        def transact(self, actions):
            self.inner.transact(actions)
            order.append(keys.account_of(key_of(actions[0])))

    stage.world = replace(stage.world, table=Watched(stage.table))
    report = sweep(stage.world, steps.MESSAGES_CREDITED)

    last = {name: len(order) - order[::-1].index(name) for name in ("acme", "bravo", "crowd")}
    assert report.counts["done"] == 3
    assert max(last["bravo"], last["crowd"]) < last["acme"]
    assert [balance(stage.table, name) for name in ("acme", "bravo", "crowd")] == [0, 0, 0]
    done = result(stage, "acme")
    assert (done["count"], done["amount"]) == (900, {"amount": 6300, "currency": "usd"})


def test_a_run_that_is_out_of_time_stops_and_the_next_goes_on():
    stage = leaving(450)
    left = iter([False, False, True, True, True, True, True, True])

    first = sweep(stage.world, steps.MESSAGES_CREDITED, lambda: next(left))
    half = len(booked(stage.table, kind="messages_credited"))
    second = sweep(stage.world, steps.MESSAGES_CREDITED)

    assert str(first) == "1 more to do"
    assert 0 < half < 5
    assert str(second) == "1 done"
    assert balance(stage.table) == 0
    assert result(stage, "acme")["count"] == 450


def test_a_customer_who_comes_back_half_way_keeps_what_the_new_plan_can_send():
    stage = leaving(200)

    class Returning:
        """After the first chunk the customer resubscribes."""

        def __init__(self, inner):
            self.inner, self.chunks = inner, 0

        def __getattr__(self, name):
            return getattr(self.inner, name)

        def transact(self, actions):
            self.inner.transact(actions)
            self.chunks += books_something(actions)
            if self.chunks == 1:
                self.chunks += 1
                stage.subscribe("sub_new", "cus_0")

    slow = stage.process(table=Returning(stage.table))
    sweep(slow, steps.MESSAGES_CREDITED)

    credited = [
        id for e in booked(stage.table, kind="messages_credited") for id in e.note["messages"]
    ]
    assert credited == many(90)
    assert state(stage, "m00090") == "scheduled"
    assert scheduling.mark_sent(stage.world, stage.load(), "m00090") == "sent"
    assert scheduling.mark_sent(stage.world, stage.load(), "m00089") == "credited"


def test_a_message_sent_while_its_chunk_is_credited_is_left_out_of_it():
    stage = leaving(5)
    key = keys.message("acme", "m00002")

    class Racing:
        def __init__(self, inner):
            self.inner, self.armed = inner, True

        def __getattr__(self, name):
            return getattr(self.inner, name)

        def transact(self, actions):
            if self.armed:
                self.armed = False
                self.inner.write(Update(key, {"state": "sent"}))
            self.inner.transact(actions)

    sweep(stage.process(table=Racing(stage.table)), steps.MESSAGES_CREDITED)

    (entry,) = booked(stage.table, kind="messages_credited")
    assert entry.note["messages"] == ["m00000", "m00001", "m00003", "m00004"]
    assert state(stage, "m00002") == "sent"
    assert result(stage, "acme")["count"] == 4


@pytest.mark.parametrize(
    "id", ["a#b", "entry#000000000001", "../wallet", "é" * 100, "𐍈" * 200, "a b", "null", "'; --"]
)
def test_a_hostile_id_stays_an_id(id):
    stage = subscribed(Stage())

    register(stage, messages(id, "plain"))
    stage.cancel("sub_0")
    stage.move(END)
    sweep(stage.world, steps.MESSAGES_CREDITED)

    assert state(stage, id) == "credited"
    assert balance(stage.table) == 0
    assert wallet.verify(stage.table, "acme")[1] is None
