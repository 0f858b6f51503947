"""One reader for every shape in which Stripe has told the same thing, and a refusal for what it cannot read."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from chalicelib.gateways.stripe_reader import (
    Unreadable,
    customer_of,
    is_one_off,
    read_event,
    read_invoice,
    read_subscription,
)
from tests.support.stripe_shapes import (
    ENDIVE,
    VERSIONS,
    event,
    has_plans,
    invoice,
    is_old,
    subscription,
)

START = datetime(2026, 1, 31, 12, tzinfo=UTC)
END = datetime(2026, 2, 28, 12, tzinfo=UTC)
SEEN = datetime(2026, 2, 1, tzinfo=UTC)
start, end = int(START.timestamp()), int(END.timestamp())


def read(version=ENDIVE, **more):
    return read_subscription(subscription(start=start, end=end, version=version, **more), SEEN)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_says_the_same_of_a_subscription(version):
    key = None if has_plans(version) else read(ENDIVE).lookup_key

    assert read(version) == replace(read(ENDIVE), lookup_key=key)
    assert (read(version).period_start, read(version).period_end) == (START, END)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_says_the_same_of_an_invoice(version):
    said = read_invoice(invoice(start=start, end=end, version=version))

    assert said == read_invoice(invoice(start=start, end=end))
    assert (said.subscription_id, said.covers_until, said.status) == ("sub_1", END, "paid")


@pytest.mark.parametrize("version", VERSIONS)
def test_both_ways_to_be_cancelled_are_read_in_every_version(version):
    by_flag = read(version, cancel_at_period_end=True, cancel_at=end, canceled_at=start)
    by_date = read(version, cancel_at=end, canceled_at=start)

    assert (by_flag.cancel_at_period_end, by_flag.cancel_at) == (True, END)
    assert (by_date.cancel_at_period_end, by_date.cancel_at) == (False, END)
    assert by_date.canceled_at == START
    assert by_date.ended_at is None


def test_of_several_items_the_earliest_end_counts():
    thing = subscription(start=start, end=end)
    (item,) = thing["items"]["data"]
    later = {**item, "id": "si_2", "current_period_end": end + 86_400}

    both = {**thing["items"], "data": [later, item]}
    assert read_subscription({**thing, "items": both}, SEEN).period_end == END


def test_one_item_without_its_period_makes_the_whole_unreadable():
    thing = subscription(start=start, end=end)
    (item,) = thing["items"]["data"]
    bare = {name: value for name, value in item.items() if "period" not in name}

    with pytest.raises(Unreadable):
        read_subscription({**thing, "items": {"data": [item, bare]}}, SEEN)


@pytest.mark.parametrize(
    ("customer", "read_as"),
    [
        ("cus_1", "cus_1"),
        ({"id": "cus_1", "object": "customer", "email": "ann@example.com"}, "cus_1"),
        ({"id": "cus_1", "object": "customer", "deleted": True}, "cus_1"),
        (None, None),
    ],
    ids=["plain", "expanded", "deleted", "missing"],
)
def test_the_customer_is_read_plain_expanded_and_deleted(customer, read_as):
    thing = subscription(start=start, end=end, customer=customer)

    assert customer_of(thing) == read_as
    if read_as is None:
        with pytest.raises(Unreadable):
            read_subscription(thing, SEEN)


@pytest.mark.parametrize("nested", ["sub_1", {"id": "sub_1", "object": "subscription"}])
@pytest.mark.parametrize("version", VERSIONS)
def test_an_invoice_names_its_subscription_plain_or_expanded(version, nested):
    said = read_invoice(invoice(start=start, end=end, subscription=nested, version=version))

    assert said.subscription_id == "sub_1"


@pytest.mark.parametrize("version", VERSIONS)
def test_an_invoice_of_no_subscription_is_none_of_ours(version):
    single = invoice(start=start, end=end, subscription=None, version=version)

    assert is_one_off(single)
    assert read_invoice(single) is None


def test_a_status_stripe_has_not_invented_yet_is_kept_as_it_is():
    assert read(status="hibernating").status == "hibernating"


def test_an_ended_subscription_ends_when_it_ended_not_when_somebody_asked():
    said = read(status="canceled", canceled_at=start, cancel_at=start + 60, ended_at=end)

    assert said.ended_at == END


def test_an_old_payload_that_does_not_say_when_it_ended_ended_when_it_was_seen():
    assert read("2020-08-27", status="canceled", ended_at=None).ended_at == SEEN


@pytest.mark.parametrize(
    ("details", "since"),
    [
        ({"status_details": {"paused": {"transitioned_at": start}}}, START),
        ({"status_details": {"paused": {"transitioned_at": None}}}, SEEN),
        ({"status_details": {"paused": None}}, SEEN),
        ({"status_details": None}, SEEN),
        ({}, SEEN),
    ],
)
def test_a_pause_began_when_stripe_says_or_else_when_it_was_seen(details, since):
    assert read(status="paused", **details).suspended_at == since


def test_prorations_do_not_reach_beyond_what_was_paid():
    thing = invoice(start=start, end=end)
    (line,) = thing["lines"]["data"]
    parent = {"subscription_item_details": {"subscription": "sub_1", "proration": True}}
    odd = {**line, "period": {"start": start, "end": end + 86_400 * 300}, "parent": parent}

    both = {**thing, "lines": {"data": [odd, line]}}
    assert read_invoice(both).covers_until == END


def test_a_failed_charge_is_dated_by_the_event_or_else_by_the_finalization():
    open_ = {"start": start, "end": end, "status": "open"}

    assert read_invoice(invoice(**open_), SEEN).failed_at == SEEN
    assert read_invoice(invoice(**open_)).failed_at == START
    assert read_invoice(invoice(**open_, attempt_count=0)).failed_at is None
    assert read_invoice(invoice(start=start, end=end)).failed_at is None


def test_the_reader_takes_what_has_more_than_it_knows():
    said = read(
        brand_new={"of": ["a", "later", "version"]},
        pause_collection={"behavior": "void", "resumes_at": None},
        items_again=[],
    )

    assert said == read()


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_missing_in_a_version_is_never_guessed(version):
    thing = subscription(start=start, end=end, version=version)
    if is_old(version):
        del thing["current_period_end"]
    else:
        del thing["items"]["data"][0]["current_period_end"]

    with pytest.raises(Unreadable):
        read_subscription(thing, SEEN)


def test_no_date_is_taken_that_could_not_be_counted_on_from():
    """A year and a month are still to be added to whatever is read."""
    for far in (253_402_300_799, 10**14, -1, True, "1700000000", 1.5):
        with pytest.raises(Unreadable):
            read(cancel_at=far)


def test_a_customers_name_for_an_id_stays_one_row():
    """A `#` in an id is taken as it is: the keys that it becomes part of are each its own."""
    assert customer_of({"customer": "cus#1"}) == "cus#1"


def test_the_envelope_says_when_and_what():
    said = read_event(event("evt_1", "invoice.paid", start, {"id": "in_1"}))

    assert (said.id, said.type, said.created, said.thing) == (
        "evt_1",
        "invoice.paid",
        START,
        {"id": "in_1"},
    )
