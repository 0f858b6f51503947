"""Deliveries: signed, retried, dropped, doubled, reordered, held; and events in the list."""

from __future__ import annotations

import threading
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from infra.local.stripe_emulator import ControlError
from tests.infra.stripe_emulator.stack import HOOK, Stack

THREE_DAYS = timedelta(days=3)


def listening() -> Stack:
    stack = Stack()
    stack.listen()
    return stack


def names(stack: Stack) -> list[str]:
    return [event["data"]["object"]["name"] for event in stack.received]


def make(stack: Stack, *customers: str) -> None:
    for name in customers:
        stack.v1.customers.create({"name": name})


def test_an_event_arrives_once_signed_with_the_clock() -> None:
    stack = listening()
    make(stack, "a")

    first, second = stack.deliver(), stack.deliver()

    assert (first, second) == (1, 0)
    event = stack.received[0]
    assert event["type"] == "customer.created"
    assert event["pending_webhooks"] == 1
    assert event["request"]["idempotency_key"]
    assert stack.v1.events.retrieve(event["id"]).pending_webhooks == 0


def test_an_endpoint_hears_only_what_it_asked_for() -> None:
    stack = Stack()
    stack.listen(enabled_events=["customer.subscription.*", "invoice.paid"])

    stack.subscribe()
    stack.deliver()

    assert {event["type"] for event in stack.received} == {
        "customer.subscription.created",
        "invoice.paid",
    }


def test_a_refused_event_is_tried_again_for_three_days_and_no_longer() -> None:
    stack = listening()
    stack.refusing = True
    make(stack, "a")
    attempts = [stack.now] * stack.deliver()

    while (at := stack.emulator.next_at()) is not None:
        stack.now = at
        attempts += [at] * stack.deliver()

    waits = [late - early for early, late in pairwise(attempts)]
    assert waits[:3] == [timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2)]
    assert attempts[-1] - attempts[0] <= THREE_DAYS
    assert attempts[-1] - attempts[0] > THREE_DAYS - timedelta(hours=12)
    undelivered = stack.v1.events.list({"delivery_success": False}).data
    assert [event.type for event in undelivered] == ["customer.created"]


def test_an_exception_while_sending_is_a_failed_attempt() -> None:
    stack = listening()
    make(stack, "a")

    def broken(_url: str, _body: bytes, _headers: dict[str, str]) -> int:
        raise ConnectionError

    assert stack.emulator.deliver(broken) == 1
    stack.by(minutes=5)
    assert names(stack) == ["a"]


def test_dropped_events_never_arrive_but_are_listed_as_undelivered() -> None:
    stack = listening()
    stack.emulator.control("drop_webhooks", count=1)
    make(stack, "lost", "kept")

    stack.by(days=4)

    undelivered = stack.v1.events.list({"delivery_success": False}).data
    assert names(stack) == ["kept"]
    assert [event.data.object.name for event in undelivered] == ["lost"]


def test_doubled_events_arrive_twice_and_count_once() -> None:
    stack = listening()
    stack.emulator.control("duplicate_webhooks")
    make(stack, "a", "b")

    attempted = stack.deliver()
    stack.emulator.control("resume_webhooks")
    make(stack, "c")
    stack.deliver()

    assert attempted == 4
    assert names(stack) == ["a", "b", "a", "b", "c"]
    assert stack.v1.events.list({"delivery_success": False}).data == []


def test_reordered_events_arrive_backwards() -> None:
    stack = listening()
    stack.emulator.control("reorder_webhooks")
    make(stack, "a", "b", "c")

    stack.deliver()

    assert names(stack) == ["c", "b", "a"]


def test_held_events_wait_for_resume() -> None:
    stack = listening()
    stack.emulator.control("delay_webhooks", count=1)
    make(stack, "held", "free")
    stack.by(days=5)
    before = names(stack)

    answer = stack.emulator.control("resume_webhooks")
    stack.deliver()

    assert before == ["free"]
    assert answer["released"] == 1
    assert names(stack) == ["free", "held"]


def test_held_events_are_let_go_at_until() -> None:
    stack = listening()
    until = stack.now + timedelta(hours=2)
    stack.emulator.control("delay_webhooks", until=until.isoformat())
    make(stack, "a")

    stack.to(until - timedelta(seconds=1))
    before = names(stack)
    stack.to(until)

    assert before == []
    assert names(stack) == ["a"]


def test_an_old_version_is_the_shape_of_the_events_only() -> None:
    stack = listening()
    stack.emulator.control("old_api_version", version="2024-06-20")

    subscription = stack.subscribe()
    stack.deliver()

    created = next(e for e in stack.received if e["type"] == "customer.subscription.created")
    paid = next(e for e in stack.received if e["type"] == "invoice.paid")
    assert created["api_version"] == "2024-06-20"
    old = created["data"]["object"]
    assert old["current_period_end"] == subscription["items"].data[0].current_period_end
    assert "current_period_end" not in old["items"]["data"][0]
    invoice = paid["data"]["object"]
    assert invoice["subscription"] == subscription.id
    assert invoice["paid"] is True
    assert invoice["charge"].startswith("ch_")
    assert invoice["payment_intent"].startswith("pi_")
    assert "parent" not in invoice


def test_an_endpoint_of_an_old_version_hears_previous_periods_at_the_top() -> None:
    stack = Stack()
    stack.listen(api_version="2020-08-27")
    subscription = stack.subscribe()

    stack.by(days=28)

    event = next(e for e in stack.received if e["type"] == "customer.subscription.updated")
    previous = event["data"]["previous_attributes"]
    assert previous["current_period_end"] == subscription["items"].data[0].current_period_end


def test_the_receiver_may_call_back_while_it_is_being_told() -> None:
    stack = listening()
    make(stack, "a")
    names_read: list[str] = []

    def reading(_url: str, _body: bytes, _headers: dict[str, str]) -> int:
        def ask() -> None:
            names_read.append(stack.v1.customers.list().data[0].name)

        # Another thread, since the lock would let the same one in.
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join(timeout=5)
        return 200

    stack.emulator.deliver(reading)

    assert names_read == ["a"]


def test_two_threads_never_send_the_same_attempt() -> None:
    stack = listening()
    make(stack, *(f"customer {number}" for number in range(50)))
    sent: list[str] = []
    gate = threading.Barrier(4)

    def collecting(url: str, body: bytes, headers: dict[str, str]) -> int:
        sent.append(headers["Stripe-Signature"])
        return stack.send(url, body, headers)

    def work() -> None:
        gate.wait()
        stack.emulator.deliver(collecting)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(sent) == len(set(sent)) == 50


def test_an_interrupted_sender_leaves_the_rest_to_be_sent() -> None:
    stack = listening()
    make(stack, "a", "b", "c")

    def interrupted(_url: str, _body: bytes, _headers: dict[str, str]) -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stack.emulator.deliver(interrupted)
    stack.deliver()

    assert names(stack) == ["a", "b", "c"]


def test_events_are_listed_for_thirty_days_newest_first_and_page_both_ways() -> None:
    stack = Stack()
    make(stack, "a", "b", "c")
    params: Any = {"type": "customer.*", "limit": 2}

    forwards = stack.v1.events.list(params)
    oldest = stack.v1.events.list({**params, "starting_after": forwards.data[-1].id})
    backwards = stack.v1.events.list({**params, "ending_before": oldest.data[0].id})
    stack.by(days=30)
    kept = stack.v1.events.list(params).data
    stack.by(seconds=1)

    assert [event.data.object.name for event in forwards.data] == ["c", "b"]
    assert forwards.has_more is True
    assert [event.data.object.name for event in oldest.data] == ["a"]
    assert oldest.has_more is False
    assert [event.id for event in backwards.data] == [event.id for event in forwards.data]
    assert kept != []
    assert stack.v1.events.list(params).data == []


def test_auto_paging_backwards_reads_events_in_order() -> None:
    stack = Stack()
    make(stack, *(str(number) for number in range(7)))
    first = stack.v1.events.list({"types": ["customer.created"], "limit": 100}).data[-1]

    listed = stack.v1.events.list(
        {"types": ["customer.created"], "ending_before": first.id, "limit": 2}
    )

    assert [event.data.object.name for event in listed.auto_paging_iter()] == list("123456")


def test_an_unlistened_event_owes_nothing() -> None:
    stack = Stack()
    make(stack, "a")

    assert stack.deliver() == 0
    assert stack.v1.events.list({"delivery_success": True, "type": "customer.created"}).data


def test_a_removed_endpoint_is_owed_nothing_more() -> None:
    stack = listening()
    make(stack, "a")
    endpoint = stack.v1.webhook_endpoints.list().data[0]

    stack.v1.webhook_endpoints.delete(endpoint.id)

    assert endpoint.url == HOOK
    assert stack.deliver() == 0


def test_an_unknown_control_is_refused_in_a_sentence() -> None:
    stack = Stack()

    with pytest.raises(ControlError, match="There is no control called 'explode'"):
        stack.emulator.control("explode")
    with pytest.raises(ControlError, match="needs `customer`"):
        stack.emulator.control("fail_payment")
    with pytest.raises(ControlError, match="There is no customer 'cus_nobody'"):
        stack.emulator.control("fail_payment", customer="cus_nobody")
    answer = stack.emulator.handle("POST", "/_control", "", {}, b'{"action": "explode"}')
    assert answer.status == 400
