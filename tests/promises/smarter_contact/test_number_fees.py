"""SC-6: monthly fees from the wallet while somebody waits for the end, and how to avoid them."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.life import Life
from tests.support.smarter_contact import (
    ACME,
    CALLING,
    END,
    LAPSE,
    MESSAGING,
    ONE,
    PURGE,
    RELEASE,
    SECOND,
    THREE,
    TWO,
    instants,
    subscribed,
)

YEARLY = "smarter-contact:messaging:year"


def fees(life: Life) -> list[tuple[str, int]]:
    """When each fee fell due, and what it took from the wallet."""
    return [(e["at"], e["amount"]["amount"]) for e in life.entries(ACME, "number_fee")]


def bought(year: int, month: int, day: int, hour: int = 12) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


def test_the_purchase_is_not_charged_and_the_first_fee_comes_a_month_later():
    """SC-6: "phone number fees … deducted from your balance/wallet"."""
    life, _ = subscribed()
    life.move("2026-02-10T09:30:00Z")
    life.number(ACME, ONE, fee=115)

    life.move("2026-03-10T09:29:59Z")
    before = fees(life)
    life.move("2026-03-10T09:30:00Z")

    assert before == []
    assert fees(life) == [("2026-03-10T09:30:00Z", -115)]
    assert life.balance(ACME) == -115


def test_a_number_bought_on_the_31st_is_due_on_the_last_day_of_short_months():
    """SC-6: "according to your billing cycle": each number's own (`fee_cycle = number`)."""
    life, _ = subscribed(YEARLY)
    life.number(ACME, ONE)

    life.move("2026-08-01T00:00:00Z")

    assert [at for at, _ in fees(life)] == [
        "2026-02-28T12:00:00Z",
        "2026-03-31T12:00:00Z",
        "2026-04-30T12:00:00Z",
        "2026-05-31T12:00:00Z",
        "2026-06-30T12:00:00Z",
        "2026-07-31T12:00:00Z",
    ]


def test_numbers_bought_on_different_days_have_cycles_of_their_own():
    """SC-6: "and the number of phone numbers associated with your account"."""
    life, _ = subscribed(YEARLY)
    life.number(ACME, ONE, fee=100)
    life.move("2026-02-05T00:00:00Z")
    life.number(ACME, TWO, fee=200)
    life.number(ACME, THREE, fee=300)

    life.move("2026-03-20T00:00:00Z")

    assert sorted(fees(life)) == [
        ("2026-02-28T12:00:00Z", -100),
        ("2026-03-05T00:00:00Z", -300),
        ("2026-03-05T00:00:00Z", -200),
    ]
    assert life.balance(ACME) == -600


def test_no_fee_for_a_date_before_we_knew_the_number():
    """SC-6: "phone number fees": those of a time before the number was ours to look after are not."""
    life, _ = subscribed(YEARLY)
    life.move("2026-05-10T12:00:01Z")

    life.number(ACME, ONE, bought_at=bought(2026, 1, 10))
    life.move("2026-07-01T00:00:00Z")

    assert [at for at, _ in fees(life)] == ["2026-06-10T12:00:00Z"]


def test_a_number_put_at_the_very_instant_its_fee_is_due_is_charged_for_it():
    """SC-6: the boundary of the one above: what falls due once we know it is charged."""
    life, _ = subscribed(YEARLY)
    life.move("2026-05-10T12:00:00Z")

    life.number(ACME, ONE, bought_at=bought(2026, 1, 10))
    life.move("2026-05-10T12:00:00Z")

    assert [at for at, _ in fees(life)] == ["2026-05-10T12:00:00Z"]


def test_fees_go_on_while_somebody_waits_for_the_end():
    """SC-6: "While waiting for your subscription to expire, you may still incur phone number fees"."""
    life, (messaging,) = subscribed(YEARLY)
    life.number(ACME, ONE)
    life.cancel(ACME, messaging)

    life.move("2026-06-01T00:00:00Z")

    assert len(fees(life)) == 4
    assert life.balance(ACME) == -400


def test_the_fees_to_come_are_shown_before_cancelling_and_are_those_that_come():
    """SC-6: "you may still incur phone number fees": shown with date and amount, and nothing else is charged."""
    life, (messaging,) = subscribed(YEARLY)
    life.move("2026-10-15T00:00:00Z")
    life.number(ACME, ONE, fee=115)
    shown = life.preview(ACME, messaging).body["consequences"]
    life.cancel(ACME, messaging)

    life.move("2028-03-01T00:00:00Z")

    promised = [(c["at"], -c["amount"]["amount"]) for c in shown if c["kind"] == "number_fee"]
    assert promised == [
        ("2026-11-15T00:00:00Z", -115),
        ("2026-12-15T00:00:00Z", -115),
        ("2027-01-15T00:00:00Z", -115),
    ]
    assert fees(life) == promised


@pytest.mark.parametrize(
    ("bought_at", "charged"),
    [
        (bought(2026, 1, 28, hour=11), ["2026-02-28T11:00:00Z"]),
        (bought(2026, 1, 28), []),
        (bought(2026, 1, 31), []),
    ],
    ids=["due before the end", "due at the end", "month's end at the end"],
)
def test_no_fee_falls_due_at_or_after_the_end(bought_at, charged):
    """SC-6: "While waiting for your subscription to expire": no longer than that, though it is held 14 days more."""
    life, (messaging,) = subscribed()
    life.number(ACME, ONE, bought_at=bought_at)
    life.cancel(ACME, messaging)

    life.move(END - SECOND)
    before_the_end = [at for at, _ in fees(life)]
    life.move(PURGE + timedelta(days=400))

    assert before_the_end == charged
    assert [e["at"] for e in life.entries(ACME, "number_fee")] == charged


def test_a_fee_due_one_second_before_the_end_is_charged():
    """SC-6: "While waiting for your subscription to expire, you may still incur phone number fees"."""
    life, (messaging,) = subscribed()
    life.number(ACME, ONE, bought_at=datetime(2026, 1, 28, 11, 59, 59, tzinfo=UTC))
    life.cancel(ACME, messaging)

    life.move(RELEASE)

    assert fees(life) == [("2026-02-28T11:59:59Z", -100)]


@pytest.mark.parametrize("ended_first", [False, True])
def test_ended_in_the_very_second_a_fee_is_due_it_is_charged_only_if_the_plan_was_still_there(
    ended_first,
):
    """SC-6, seed 1426: Stripe is asked at that second, and its word then is what counts, heard of or not."""
    life, (messaging,) = subscribed()
    life.number(ACME, ONE)
    life.control("drop_webhooks")
    life.sleep(END)

    if not ended_first:
        life.run_jobs()
    life.control("cancel_now", subscription=messaging)
    life.move(PURGE + timedelta(days=1))

    booked = [e["at"] for e in life.entries(ACME, "number_fee")]
    assert booked == ([] if ended_first else ["2026-02-28T12:00:00Z"])


def test_while_another_plan_needs_the_number_its_fee_goes_on():
    """SC-6: fees end with the *last* plan that needs the number."""
    life, (messaging, calling) = subscribed(MESSAGING, CALLING)
    life.number(ACME, ONE, bought_at=bought(2026, 1, 15))
    life.cancel(ACME, messaging)
    life.move("2026-03-20T00:00:00Z")
    life.cancel(ACME, calling)

    life.move("2026-06-01T00:00:00Z")

    assert [at for at, _ in fees(life)] == ["2026-02-15T12:00:00Z", "2026-03-15T12:00:00Z"]


def test_a_removed_number_costs_nothing_more():
    """SC-6: "Consider removing the phone numbers before the billing cycle ends to avoid these charges."."""
    life, (messaging,) = subscribed(YEARLY)
    life.number(ACME, ONE)
    life.number(ACME, TWO, fee=200)
    life.cancel(ACME, messaging)
    life.move("2026-02-28T11:59:59Z")

    removed = life.customer(ACME, "DELETE", f"/v1/numbers/{ONE}")
    life.move("2026-04-01T00:00:00Z")

    assert (removed.status, removed.body["status"]) == (200, "released")
    assert fees(life) == [("2026-02-28T12:00:00Z", -200), ("2026-03-31T12:00:00Z", -200)]
    assert life.at_carrier() == {ONE: "released", TWO: "active"}
    assert {n["number"] for n in life.membership(ACME)["numbers"]} == {TWO}


def test_a_removal_that_the_carrier_refused_costs_nothing_more_either():
    """SC-6: "Consider removing the phone numbers": the wish counts, not the carrier's good day."""
    life, _ = subscribed(YEARLY)
    life.number(ACME, ONE)
    life.move("2026-02-28T11:59:59Z")
    life.faults.order({"target": "carrier", "kind": "error", "count": 1})

    asked = life.customer(ACME, "DELETE", f"/v1/numbers/{ONE}")
    life.move("2026-03-01T00:00:00Z")

    assert (asked.status, asked.body["status"]) == (200, "removing")
    assert fees(life) == []
    assert life.at_carrier() == {ONE: "released"}
    assert len(life.releases(ONE)) == 1


def test_the_wallet_goes_below_zero_and_the_card_is_never_charged():
    """SC-6: "deducted from your balance/wallet": never the card."""
    life = Life()
    customer = life.account(ACME)
    messaging = life.subscribe(ACME, YEARLY)
    life.number(ACME, ONE, fee=12345)
    life.cancel(ACME, messaging)

    life.move("2027-01-30T00:00:00Z")

    assert life.balance(ACME) == -12345 * 11
    assert [charge["amount"] for charge in life.charges(customer)] == [99000]


def test_a_new_fee_counts_from_the_next_cycle():
    """SC-6: "phone number fees … according to your billing cycle"."""
    life, _ = subscribed(YEARLY)
    life.number(ACME, ONE, fee=100)
    life.move("2026-02-28T12:00:00Z")

    life.number(ACME, ONE, fee=150)
    life.move("2026-03-31T12:00:00Z")

    assert fees(life) == [("2026-02-28T12:00:00Z", -100), ("2026-03-31T12:00:00Z", -150)]


def test_a_number_without_a_fee_is_charged_nothing():
    """SC-6: "you *may* still incur phone number fees"."""
    life, _ = subscribed(YEARLY)
    life.number(ACME, ONE, fee=0)

    life.move("2026-06-01T00:00:00Z")

    assert life.entries(ACME) == []


def test_a_job_that_slept_charges_each_date_once_at_its_own_date():
    """SC-6: "according to your billing cycle": a date that was slept through is booked at that date."""
    life, _ = subscribed(YEARLY)
    life.number(ACME, ONE)
    life.sleep("2026-05-20T00:00:00Z")

    life.run_jobs()
    life.run_jobs()

    assert fees(life) == [
        ("2026-02-28T12:00:00Z", -100),
        ("2026-03-31T12:00:00Z", -100),
        ("2026-04-30T12:00:00Z", -100),
    ]
    assert instants(life, "number_fee") == ["2026-05-31T12:00:00Z"]


def test_slept_past_the_end_only_the_dates_before_it_are_charged():
    """SC-6: "While waiting for your subscription to expire": a late job may not charge what an early one would not."""
    life, (messaging,) = subscribed()
    life.number(ACME, ONE, bought_at=bought(2026, 1, 20))
    life.cancel(ACME, messaging)
    life.sleep(LAPSE)

    life.run_jobs()

    assert fees(life) == [("2026-02-20T12:00:00Z", -100)]


def test_no_fee_for_the_days_between_the_end_and_the_return():
    """SC-6: no fee falls due while no plan needs the number; after the return its cycle goes on."""
    life, (messaging,) = subscribed()
    life.number(ACME, ONE, bought_at=bought(2026, 1, 5))
    life.cancel(ACME, messaging)
    life.move("2026-03-10T00:00:00Z")

    life.subscribe(ACME)
    on_the_page = instants(life, "number_fee")
    life.move("2026-04-06T00:00:00Z")

    assert [at for at, _ in fees(life)] == ["2026-02-05T12:00:00Z", "2026-04-05T12:00:00Z"]
    assert on_the_page == ["2026-04-05T12:00:00Z"]
    life.move("2026-05-06T00:00:00Z")
    assert fees(life)[-1] == ("2026-05-05T12:00:00Z", -100)


def test_a_number_bought_by_a_customer_who_left_is_not_charged():
    """SC-6: no fee falls due without a plan that needs the number."""
    life, (messaging,) = subscribed()
    life.cancel(ACME, messaging)
    life.move(END + timedelta(days=1))

    life.number(ACME, ONE, bought_at=bought(2026, 2, 1))
    life.move(RELEASE + timedelta(days=1))

    assert fees(life) == []
    assert life.at_carrier() == {ONE: "released"}


def test_removed_and_put_again_at_the_very_date_it_is_not_charged_twice():
    """SC-6: no number fee twice for one date, whatever became of the number in between."""
    life, _ = subscribed(YEARLY)
    life.number(ACME, ONE)
    life.move("2026-02-28T12:00:00Z")

    life.customer(ACME, "DELETE", f"/v1/numbers/{ONE}")
    life.number(ACME, ONE, bought_at=bought(2026, 1, 31))
    life.move("2026-03-31T12:00:00Z")

    assert [at for at, _ in fees(life)] == ["2026-02-28T12:00:00Z", "2026-03-31T12:00:00Z"]
