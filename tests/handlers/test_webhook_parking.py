"""What cannot be applied yet is kept, with the reason and without its content, and applied as soon as it can be."""

import json
from datetime import timedelta
from itertools import pairwise

import pytest

from chalicelib.gateways.stripe import StripeUnavailable
from chalicelib.store import keys, parked
from tests.support.invariants import rows_of
from tests.support.life import Life
from tests.support.stage import END, Stage, moved
from tests.support.stripe_shapes import event, invoice

FIVE_MINUTES = timedelta(minutes=5)


@pytest.fixture
def stage():
    return Stage()


def waiting(stage):
    """Event id → the reason why it waits."""
    return {
        row["doc"]["event_id"]: row["doc"]["reason"]
        for row in rows_of(stage.table)
        if row["sk"].startswith(keys.PARKED)
    }


def test_an_event_of_an_unknown_customer_waits_and_is_applied_once_the_account_is_there(stage):
    first = stage.subscribe(hear=False)
    assert stage.deliver(first) == (200, {"outcome": "parked"})
    assert waiting(stage) == {first["id"]: "unknown_customer"}

    stage.tick()
    assert waiting(stage) == {first["id"]: "unknown_customer"}

    stage.account()
    stage.tick(3)
    assert waiting(stage) == {}
    assert stage.load().subscriptions["sub_1"].paid_until == END


def test_a_parked_event_keeps_no_payload_no_link_and_no_secret(stage):
    stage.subscribe(hear=False)
    paid = stage.truth.thing("in_sub_1") | {"customer_email": "ann@example.com"}
    assert "secret-link" in json.dumps(paid)

    stage.deliver(stage.truth.event("invoice.paid", paid))

    (row,) = list(rows_of(stage.table))
    assert set(row["doc"]) == {
        "event_id", "type", "created", "object_id", "customer_id", "reason", "parked_at", "attempts",
    }  # fmt: skip
    assert "secret-link" not in json.dumps(row)
    assert "ann@example.com" not in json.dumps(row)


def test_the_waits_between_tries_grow_from_one_tick_to_six_hours(stage):
    stage.deliver(stage.subscribe(hear=False))
    tries = []
    for _ in range(60 * 12):
        before = _attempts(stage)
        stage.tick()
        if _attempts(stage) != before:
            tries.append(stage.now)

    waits = [b - a for a, b in pairwise(tries)]
    assert waits[:4] == [FIVE_MINUTES, FIVE_MINUTES * 2, FIVE_MINUTES * 4, FIVE_MINUTES * 8]
    assert set(waits[8:]) == {timedelta(hours=6)}


def _attempts(stage):
    (row,) = [row for row in rows_of(stage.table) if row["sk"].startswith(keys.PARKED)]
    return row["doc"].get("attempts", 0)


def test_one_delivered_twice_while_it_waits_waits_once(stage):
    first = stage.subscribe(hear=False)

    for _ in range(3):
        assert stage.deliver(first) == (200, {"outcome": "parked"})

    assert len(waiting(stage)) == 1
    assert len(stage.due_now()) == 1


def test_an_unknown_price_waits_until_the_policy_knows_it(stage):
    stage.account()
    event = stage.subscribe(price="somebody:elses:month", hear=False)
    assert stage.deliver(event) == (200, {"outcome": "parked"})
    assert waiting(stage) == {event["id"]: "unknown_price"}

    thing = stage.truth.thing("sub_1")
    thing["items"]["data"][0]["price"]["lookup_key"] = "smarter-contact:calling:month"
    stage.truth.change("sub_1", items=thing["items"])
    stage.tick(2)
    assert waiting(stage) == {}
    assert stage.load().subscriptions["sub_1"].plan == "calling"


UNREADABLE = {
    "no items": {"items": None},
    "no item at all": {"items": {"object": "list", "data": []}},
    "items that are texts": {"items": {"object": "list", "data": ["si_1"]}},
    "an item without a price": {"items": {"object": "list", "data": [{"id": "si_1"}]}},
    "a price without an id": {
        "items": {"object": "list", "data": [{"price": {"id": None}, "current_period_end": 1}]}
    },
    "no status": {"status": None},
    "a status that is a number": {"status": 7},
    "an end before all time": {"cancel_at": -1},
    "an end beyond all years": {"cancel_at": 10**14},
    "an end in fractions": {"ended_at": 1.5},
    "no id": {"id": None},
    "an id of a megabyte": {"id": "s" * 900_000},
    "an id with a line break": {"id": "sub_\n"},
    "no start": {"start_date": None, "created": None},
    "a customer's id of a megabyte": {"customer": "c" * 900_000},
    "a customer without a name": {"customer": {"deleted": True}},
    "no customer": {"customer": None},
    "a customer that is a number": {"customer": 7},
}


@pytest.mark.parametrize("values", UNREADABLE.values(), ids=UNREADABLE)
def test_an_event_in_a_shape_we_cannot_read_waits_for_its_object(stage, values):
    """Never guessed at, never lost: its object is asked for at Stripe later, and whose it is as well."""
    stage.account()
    event = moved(stage.subscribe(hear=False), **values)

    assert stage.deliver(event) == (200, {"outcome": "parked"})
    assert list(waiting(stage)) == [event["id"]]
    assert max(len(json.dumps(row)) for row in rows_of(stage.table)) < 4000

    stage.tick(2)
    known = values.get("id", "sub_1") == "sub_1"
    assert ("sub_1" in stage.load().subscriptions) == known
    assert (waiting(stage) == {}) == known


@pytest.mark.parametrize(
    "lines",
    [None, {}, {"data": []}, {"data": [1]}, {"data": [{}]}, {"data": [{"period": {"end": "now"}}]},
     {"data": [{"period": None}]}],
)  # fmt: skip
def test_an_invoice_in_a_shape_we_cannot_read_waits_too(stage, lines):
    stage.account()
    stage.subscribe()
    odd = stage.truth.event("invoice.paid", stage.truth.thing("in_sub_1") | {"lines": lines})

    assert stage.deliver(odd) == (200, {"outcome": "parked"})
    stage.tick(2)
    assert waiting(stage) == {}


def test_an_invoice_of_no_subscription_is_ignored_even_of_an_unknown_customer(stage):
    """A top-up or a single charge: of no concern, so nothing is written, read or parked for it."""
    start = stage.unix
    single = invoice(customer="cus_of_nobody", subscription=None, start=start, end=start)
    single["parent"] = None

    assert stage.deliver(event("evt_9", "invoice.paid", start, single)) == (
        200,
        {"outcome": "ignored"},
    )
    assert list(rows_of(stage.table)) == []


class _Down:
    def __getattr__(self, name):
        def ask(*_):
            raise StripeUnavailable("down")

        return ask


def test_while_stripe_is_down_what_must_be_asked_waits(stage):
    stage.account()
    stage.subscribe()
    tie = stage.cancel(hear=False)
    cut_off = stage.process(stripe=_Down())

    assert stage.deliver(tie, cut_off) == (200, {"outcome": "parked"})
    assert waiting(stage) == {tie["id"]: "stripe_unavailable"}
    stage.tick(2)
    assert waiting(stage) == {}
    assert stage.load().subscriptions["sub_1"].cancel_at == END


def test_a_newer_event_is_applied_although_stripe_is_down(stage):
    stage.account()
    stage.subscribe()
    stage.move(stage.now + FIVE_MINUTES)
    news = stage.cancel(hear=False)

    assert stage.deliver(news, stage.process(stripe=_Down())) == (200, {"outcome": "applied"})


def test_what_stripe_says_of_another_customer_reaches_no_account(stage):
    """Invariant 13: an object that is not this customer's is not applied to this customer's account."""
    stage.account("acme", "cus_1")
    stage.account("other", "cus_2")
    stage.subscribe("sub_2", "cus_2")
    theirs = stage.truth.thing("in_sub_2") | {"customer": "cus_1"}

    odd = stage.truth.event("invoice.paid", theirs)
    assert stage.deliver(odd) == (200, {"outcome": "parked"})

    assert waiting(stage) == {odd["id"]: "other_customer"}
    assert stage.load("acme").subscriptions == {}


def test_one_parked_row_that_nobody_can_read_does_not_hold_up_the_rest(stage):
    events = [stage.subscribe(f"sub_{n}", f"cus_{n}", hear=False) for n in range(6)]
    for one in events:
        stage.deliver(one)
    spoilt = parked.load(stage.table, keys.parked("cus_0", events[0]["id"]))
    assert spoilt is not None
    _spoil(stage, keys.parked("cus_0", events[0]["id"]))
    for n in range(6):
        stage.account(f"account-{n}", f"cus_{n}")

    stage.tick(2)

    assert list(waiting(stage)) == [None]
    for n in range(1, 6):
        assert f"sub_{n}" in stage.load(f"account-{n}").subscriptions


def _spoil(stage, key):
    from chalicelib.store.table import Update

    stage.table.write(Update(key, {"doc": {"event_id": None, "reason": None}}))


def test_a_fault_nobody_foresaw_is_a_reason_to_wait_longer_each_time(stage):
    """Not every tick for ever: what keeps failing is tried less and less often."""

    class Odd:
        def __getattr__(self, name):
            return getattr(stage.truth, name)

        def subscription(self, *_):
            raise KeyError("surprise")

    stage.deliver(stage.subscribe(hear=False))
    stage.account()
    stage.world = stage.process(stripe=Odd())
    stage.tick(3)

    assert list(waiting(stage).values()) == ["KeyError"]
    assert _attempts(stage) == 2
    stage.world = stage.process()
    stage.tick(4)
    assert waiting(stage) == {}


# -- through the whole app


def test_putting_the_account_applies_what_waited_for_it_at_once():
    life = Life()
    customer = life.stripe("POST", "/v1/customers", "email=ann%40example.com")["id"]
    method = life.stripe("POST", "/v1/payment_methods/pm_card_visa/attach", f"customer={customer}")[
        "id"
    ]
    price = life.stripe(
        "GET", "/v1/prices?lookup_keys[0]=smarter-contact:messaging:month"
    )["data"][0]["id"]  # fmt: skip
    made = life.stripe(
        "POST",
        "/v1/subscriptions",
        f"customer={customer}&items[0][price]={price}&default_payment_method={method}",
    )
    listed = life.operator("GET", "/v1/admin/parked-events").body["data"]
    assert {one["reason"] for one in listed} == {"unknown_customer"}
    assert {one["type"] for one in listed} >= {"customer.subscription.created", "invoice.paid"}

    put = life.operator(
        "PUT",
        "/v1/admin/accounts/acme",
        {"stripe_customer_id": customer, "policy": "smarter-contact", "currency": "usd"},
    )

    assert put.body["subscriptions"] == [made["id"]]
    assert life.operator("GET", "/v1/admin/parked-events").body["data"] == []
    assert life.status("acme", made["id"]) == "active"
    assert life.features("acme")["send_sms"] is True


def test_an_operator_replays_one_by_hand():
    life = Life()
    customer = life.stripe("POST", "/v1/customers", "email=ann%40example.com")["id"]
    life.stripe("POST", f"/v1/customers/{customer}", "name=Ann")
    body = life.stripe("GET", "/v1/prices?lookup_keys[0]=smarter-contact:messaging:month")
    life.stripe(
        "POST",
        "/v1/subscriptions",
        f"customer={customer}&items[0][price]={body['data'][0]['id']}",
    )
    (waits, *_) = life.operator("GET", "/v1/admin/parked-events").body["data"]

    why = {"reason": "the account is there now"}
    replay = life.operator("POST", f"/v1/admin/parked-events/{waits['id']}/replay", why)
    assert (replay.status, replay.code) == (409, "blocked")
    assert life.operator("POST", "/v1/admin/parked-events/evt_none/replay", why).status == 404


def test_those_that_wait_are_listed_page_by_page():
    life = Life()
    at, shards = life.now, life.world.settings.due_shards
    for n in range(7):
        waits = parked.ParkedEvent(
            event_id=f"evt_{n}",
            type="invoice.paid",
            created=at,
            object_id=f"in_{n}",
            customer_id=f"cus_{n % 2}",
            reason="unknown_customer",
            parked_at=at,
        )
        parked.park(life.world.table, waits, at + timedelta(minutes=n), shards)
    listed, cursor, pages = [], "", 0
    while cursor is not None:
        page = life.operator("GET", f"/v1/admin/parked-events?limit=3{cursor}").body
        listed += [one["id"] for one in page["data"]]
        assert page["has_more"] is (page["next_cursor"] is not None)
        cursor, pages = page["next_cursor"] and f"&cursor={page['next_cursor']}", pages + 1

    assert listed == [f"evt_{n}" for n in range(7)]
    assert pages == 3
    wrong = life.operator("GET", "/v1/admin/parked-events?cursor=bm8")
    assert (wrong.status, wrong.code) == (422, "invalid_request")
