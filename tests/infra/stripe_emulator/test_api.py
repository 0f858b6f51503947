"""What holds for every call: keys, parameters, idempotency, expansion, pages, faults, ids."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import textwrap
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import stripe

from infra.local.stripe_emulator import parameters
from infra.local.stripe_emulator.state import StateFile
from tests.infra.stripe_emulator.stack import START, Stack


def error(answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer.body)["error"]
    return found


@pytest.mark.parametrize("key", ["", "Bearer pk_test_1", "Bearer sk_live_1", "Basic sk_test_1"])
def test_a_call_without_a_test_key_is_refused(key: str) -> None:
    stack = Stack()

    answer = stack.raw("GET", "/v1/customers", Authorization=key)

    assert answer.status == 401
    assert error(answer)["type"] == "invalid_request_error"


def test_a_restricted_key_is_accepted() -> None:
    assert Stack().raw("GET", "/v1/prices", Authorization="Bearer rk_test_1").status == 200


def test_a_restricted_key_reads_what_it_may_not_write_and_writes_the_rest() -> None:
    stack = Stack()
    key = {"Authorization": "Bearer rk_test_without_refunds"}

    def asked(method: str, path: str) -> int:
        return stack.emulator.handle(method, path, "", key, b"").status

    assert asked("GET", "/v1/refunds") == 200
    assert asked("POST", "/v1/refunds") == 403
    assert asked("POST", "/v1/refunds/re_1") == 403
    assert asked("POST", "/v1/customers") == 200


def test_forms_are_read_as_stripe_reads_them() -> None:
    tree = parameters.decode("a[b]=1&c[0]=x&c[1][d]=y&e[]=1&e[]=2&f=&g=%C3%A9")

    assert tree == {
        "a": {"b": "1"},
        "c": {"0": "x", "1": {"d": "y"}},
        "e": {"0": "1", "1": "2"},
        "f": "",
        "g": "é",
    }


@pytest.mark.parametrize(
    "text",
    ["", "&", "a", "=", "=1&=2", "a=1=2", "a+b=c%2Bd+e", "a=%", "a=%ff&é=é", "a&&b=&a=2", "a;b=1"],
)
def test_a_form_is_taken_apart_as_the_standard_library_does(text: str) -> None:
    assert parameters.decode(text) == dict(
        parse_qsl(text, keep_blank_values=True, errors="replace")
    )


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/v1/subscriptions", "items[0][colour]=1", "items[0][colour]"),
        ("/v1/customers", "invoice_settings[x]=1", "invoice_settings[x]"),
        ("/v1/refunds", "amount=ten", "amount"),
        ("/v1/refunds", "reason=boredom", "reason"),
        ("/v1/subscriptions", "cancel_at_period_end=maybe", "cancel_at_period_end"),
        ("/v1/refunds", "charge=", "charge"),
        ("/v1/refunds", "charge[a]=b", "charge"),
        ("/v1/checkout/sessions", "payment_method_types[0]=card", "payment_method_types"),
    ],
)
def test_a_parameter_that_is_wrong_is_named(path: str, body: str, param: str) -> None:
    answer = Stack().raw("POST", path, body)

    assert answer.status == 400
    assert error(answer)["param"] == param


def test_what_does_not_exist_is_404_and_says_so() -> None:
    answer = Stack().raw("GET", "/v1/subscriptions/sub_none")

    assert answer.status == 404
    assert error(answer)["code"] == "resource_missing"
    assert error(answer)["message"] == "No such subscription: 'sub_none'"


def test_the_same_key_and_body_give_the_same_answer_once_done() -> None:
    stack = Stack()

    first = stack.raw("POST", "/v1/customers", "name=a", Idempotency_Key="k")
    second = stack.raw("POST", "/v1/customers", "name=a", Idempotency_Key="k")
    other = stack.raw("POST", "/v1/customers", "name=b", Idempotency_Key="k")

    assert first.body == second.body
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert other.status == 400
    assert error(other)["type"] == "idempotency_error"
    assert len(stack.emulator.truth()["customers"]) == 1


@pytest.mark.parametrize(("hours", "customers"), [(24, 1), (24.001, 2)])
def test_a_key_is_remembered_for_a_day(hours: float, customers: int) -> None:
    stack = Stack()
    stack.raw("POST", "/v1/customers", "name=a", Idempotency_Key="k")

    stack.by(hours=hours)
    stack.raw("POST", "/v1/customers", "name=a", Idempotency_Key="k")

    assert len(stack.emulator.truth()["customers"]) == customers


def test_a_refused_parameter_does_not_use_up_the_key() -> None:
    stack = Stack()

    wrong = stack.raw("POST", "/v1/customers", "nam=a", Idempotency_Key="k")
    right = stack.raw("POST", "/v1/customers", "name=a", Idempotency_Key="k")

    assert (wrong.status, right.status) == (400, 200)


def test_a_refused_call_leaves_nothing_behind() -> None:
    stack = Stack()
    subscription = stack.subscribe()
    before = stack.emulator.truth()
    data = "items[0][price_data][product_data][name]=New&items[0][price_data][currency]=eur"

    answer = stack.raw(
        "POST", f"/v1/subscriptions/{subscription.id}", f"{data}&metadata[a]=b&cancel_at=5"
    )

    assert answer.status == 400
    after = stack.emulator.truth()
    assert {**before, "_meta": {}} == {**after, "_meta": {}}


def test_every_answer_carries_an_id_and_the_clock() -> None:
    answer = Stack().raw("GET", "/v1/customers")

    assert answer.headers["Request-Id"].startswith("req_")
    assert answer.headers["Date"] == "Sat, 31 Jan 2026 12:00:00 GMT"


def test_references_are_expanded_in_objects_and_in_lists() -> None:
    stack = Stack()
    subscription = stack.subscribe()

    one = stack.v1.subscriptions.retrieve(
        subscription.id,
        {
            "expand": [
                "customer.invoice_settings.default_payment_method",
                "latest_invoice.payments",
                "items.data.price.product",
            ]
        },
    )
    many = stack.v1.subscriptions.list({"expand": ["data.customer"]})

    assert one.customer.invoice_settings.default_payment_method.card.last4 == "4242"
    assert one.latest_invoice.payments.data[0].status == "paid"
    assert one["items"].data[0].price.product.name == "Channel"
    assert many.data[0].customer.email == "ann@example.com"
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        stack.v1.subscriptions.retrieve(subscription.id, {"expand": ["colour"]})


def test_an_old_version_in_the_header_is_answered_in_its_shape() -> None:
    stack = Stack()
    subscription = stack.subscribe()

    answer = stack.raw(
        "GET",
        f"/v1/subscriptions/{subscription.id}?expand[]=latest_invoice.payment_intent",
        Stripe_Version="2024-06-20",
    )

    shown = json.loads(answer.body)
    assert "current_period_end" in shown
    assert shown["latest_invoice"]["payment_intent"]["status"] == "succeeded"
    assert shown["latest_invoice"]["lines"]["data"][0]["price"]["id"] == stack.price["id"]


def test_lists_filter_and_page() -> None:
    stack = Stack()
    first, second = stack.subscribe(), stack.subscribe()
    stack.v1.subscriptions.cancel(first.id)

    def ids(**params: Any) -> list[str]:
        return [one.id for one in stack.v1.subscriptions.list(params).data]

    assert ids() == [second.id]
    assert ids(status="all") == [second.id, first.id]
    assert ids(status="canceled") == [first.id]
    assert ids(status="all", customer=first.customer) == [first.id]
    assert ids(status="all", price="price_none") == []
    assert ids(status="all", limit=1, starting_after=second.id) == [first.id]
    keys = stack.v1.prices.list({"lookup_keys": ["1msg:channel:month", "none"]})
    assert [price.id for price in keys.data] == [stack.price["id"]]


def test_metadata_is_merged_and_cleared() -> None:
    stack = Stack()
    customer = stack.v1.customers.create({"metadata": {"a": "1", "b": "2"}})

    merged = stack.v1.customers.update(customer.id, {"metadata": {"a": "", "c": "3"}})
    cleared = stack.v1.customers.update(customer.id, {"metadata": ""})

    assert merged.metadata.to_dict() == {"b": "2", "c": "3"}
    assert cleared.metadata.to_dict() == {}


def test_a_card_attached_with_an_address_keeps_it() -> None:
    stack = Stack()
    customer = stack.customer(card=None)
    card: Any = {
        "type": "card",
        "card": {"token": "tok_visa"},
        "billing_details": {"address": {"line1": "1 Main St", "country": "US"}},
    }

    made = stack.v1.payment_methods.create(card)
    stack.v1.payment_methods.attach(made.id, {"customer": customer.id})

    held = stack.v1.customers.payment_methods.list(customer.id).data[0]
    assert held.id == made.id
    assert held.billing_details.address.line1 == "1 Main St"
    assert (held.card.brand, held.card.last4) == ("visa", "4242")


def test_test_clocks_are_refused() -> None:
    stack = Stack()

    with pytest.raises(stripe.InvalidRequestError, match="one clock"):
        stack.v1.test_helpers.test_clocks.create({"frozen_time": stack.seconds()})


@pytest.mark.parametrize(
    ("fault", "status", "done"),
    [
        ("error", 500, 0),
        ("throttle", 429, 0),
        ("timeout", 0, 0),
        ("answer_lost", 0, 1),
        ("answer_lost_500", 500, 1),
    ],
)
def test_a_fault_refuses_or_loses_the_answer(fault: str, status: int, done: int) -> None:
    stack = Stack()
    stack.emulator.faults = lambda _method, _path: fault

    answer = stack.raw("POST", "/v1/customers", "name=a", Idempotency_Key="k")
    made = len(stack.emulator.truth()["customers"])
    stack.emulator.faults = lambda _method, _path: None
    again = stack.raw("POST", "/v1/customers", "name=a", Idempotency_Key="k")

    assert (answer.status, made) == (status, done)
    assert again.status == (500 if fault == "answer_lost_500" else 200)
    assert len(stack.emulator.truth()["customers"]) == 1 if again.status == 200 else done


def test_the_sdk_retries_a_lost_answer_and_nothing_happens_twice() -> None:
    stack = Stack()
    faults = iter(["answer_lost"])
    stack.emulator.faults = lambda _method, _path: next(faults, None)

    customer = stack.v1.customers.create({"name": "a"}, {"max_network_retries": 2})

    assert [customer.id] == list(stack.emulator.truth()["customers"])


def test_the_same_calls_on_the_same_clock_give_the_same_ids() -> None:
    first, second = Stack().subscribe(), Stack().subscribe()
    elsewhere = Stack(start=Stack().now + timedelta(seconds=1)).subscribe()

    assert first.id == second.id
    assert elsewhere.id != first.id


def test_delays_are_real_but_do_not_hold_up_others() -> None:
    stack = Stack()
    stack.emulator.control("set_delay", ms=30)

    began = time.monotonic()
    stack.raw("GET", "/v1/customers")

    assert time.monotonic() - began >= 0.03
    assert stack.raw("GET", "/elsewhere").status == 404


def test_everything_survives_a_killed_process(tmp_path: Path) -> None:
    state = tmp_path / "deep" / "stripe.sqlite3"
    script = textwrap.dedent(
        f"""
        import os, signal, sys
        from pathlib import Path
        from tests.infra.stripe_emulator.stack import Stack
        stack = Stack(state=Path({str(state)!r}))
        stack.listen()
        stack.emulator.control("delay_webhooks", count=1)
        stack.raw("POST", "/v1/customers", "name=a", Idempotency_Key="k")
        stack.subscribe()
        sys.stdout.write(str(sum(len(kind) for kind in stack.emulator.truth().values())))
        sys.stdout.flush()
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )

    died = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    stack = Stack(state=state)
    truth = stack.emulator.truth()
    replayed = stack.raw("POST", "/v1/customers", "name=a", Idempotency_Key="k")
    stack.deliver()
    stack.emulator.control("resume_webhooks")
    stack.deliver()
    fresh = stack.subscribe()

    assert died.returncode == -9, died.stderr
    assert sum(len(kind) for kind in truth.values()) == int(died.stdout)
    assert replayed.headers["Idempotent-Replayed"] == "true"
    assert stack.received[-1]["data"]["object"]["name"] == "a"
    assert len(stack.emulator.truth()["subscriptions"]) == 2
    assert fresh.id not in truth["subscriptions"]


def test_what_is_reopened_goes_on_as_if_it_had_never_stopped(tmp_path: Path) -> None:
    steady, broken = Stack(), Stack(state=tmp_path / "s")
    for stack in (steady, broken):
        stack.subscribe()
        stack.by(days=40)

    reopened = Stack(state=tmp_path / "s", start=broken.now)
    for stack in (steady, reopened):
        stack.by(days=40)

    assert reopened.types() == steady.types()
    assert list(reopened.emulator.truth()["invoices"]) == list(steady.emulator.truth()["invoices"])


def test_dying_at_any_write_and_starting_again_ends_in_the_same_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = StateFile.write
    left = 0

    def dying(self: StateFile, *rows: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise KeyboardInterrupt
        write(self, *rows)

    def lived(name: str, dies_after: int) -> Stack:
        nonlocal left
        stack = Stack(state=tmp_path / name)
        stack.subscribe()
        stack.emulator.control("fail_payment", customer=next(iter(customers(stack))))
        left = dies_after
        with suppress(KeyboardInterrupt):
            stack.by(days=60)
        left = 0
        again = Stack(state=tmp_path / name, start=stack.now)
        again.to(START + timedelta(days=60))
        return again

    def customers(stack: Stack) -> dict[str, Any]:
        return stack.emulator.truth()["customers"]

    monkeypatch.setattr(StateFile, "write", dying)
    whole = lived("whole", 0)

    for death in range(1, 12):
        broken = lived(f"broken {death}", death)
        assert broken.types() == whole.types()
        for kind in ("subscriptions", "invoices", "charges"):
            assert broken.emulator.truth()[kind] == whole.emulator.truth()[kind]


def test_the_state_file_is_written_before_the_answer(tmp_path: Path) -> None:
    stack = Stack(state=tmp_path / "s")

    stack.raw("POST", "/v1/customers", "name=a")

    rows = sqlite3.connect(tmp_path / "s").execute("SELECT 1 FROM object WHERE kind = 'customer'")
    assert len(rows.fetchall()) == 1


def test_two_years_of_twenty_accounts_pass_within_what_a_clock_s_move_may_take() -> None:
    stack = Stack()
    stack.listen()
    for _ in range(20):
        stack.subscribe()

    # The processor's time: how busy the machine is otherwise is not what this is about.
    began = time.process_time()
    stack.by(days=730)

    assert time.process_time() - began < 15
    assert len(stack.emulator.truth()["charges"]) == 20 * 24
    assert stack.v1.events.list({"delivery_success": False}).data == []
