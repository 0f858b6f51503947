"""SC-2 for whoever cancels while a payment is overdue: the card is left alone, the debt stays."""

from datetime import timedelta

import pytest

from chalicelib.lifecycle import must_load
from tests.support.goto import customer_id
from tests.support.life import Life
from tests.support.rewriting import promise_anew
from tests.support.smarter_contact import ACME, END, SECOND, subscribed

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
FIRST_TRY = END + HOUR
NEXT_END = END + 31 * DAY


def overdue() -> tuple[Life, str]:
    """The renewal's first charge failed; Stripe will try again after three days, five more, and seven more."""
    life, (messaging,) = subscribed()
    life.control("fail_payment", customer=customer_id(life))
    life.move(FIRST_TRY + HOUR)
    assert life.status(ACME, messaging) == "past_due"
    return life, messaging


def tries(life: Life) -> int:
    """How often the card was tried for the renewal."""
    return len([charge for charge in life.charges(customer_id(life)) if not charge["paid"]])


def owed(life: Life) -> list[dict]:
    found = life.stripe("GET", f"/v1/invoices?customer={customer_id(life)}&status=open")["data"]
    return list(found)


def by_ours(life: Life, messaging: str) -> None:
    assert life.cancel(ACME, messaging).status == 200


def by_portal(life: Life, messaging: str) -> None:
    life.control("portal_cancel", subscription=messaging)


@pytest.mark.parametrize("cancel", [by_ours, by_portal])
def test_the_card_is_not_tried_again_after_cancelling(cancel):
    """SC-2: "Your subscription will not renew, and no further charges will be made to your credit card."."""
    life, messaging = overdue()
    assert tries(life) == 1

    cancel(life, messaging)
    life.move(NEXT_END + 60 * DAY)

    assert tries(life) == 1
    assert life.status(ACME, messaging) == "canceled"


def test_without_cancelling_it_is_tried_again_after_three_days():
    """SC-2: the other side: this is what is stopped."""
    life, _ = overdue()

    life.move(FIRST_TRY + 3 * DAY - SECOND)
    assert tries(life) == 1
    life.move(FIRST_TRY + 3 * DAY)

    assert tries(life) == 2


def test_the_debt_stays_and_can_be_paid():
    """SC-2: no charge is made; what is owed is owed."""
    life, messaging = overdue()
    by_ours(life, messaging)
    life.move(FIRST_TRY + 10 * DAY)
    (invoice,) = owed(life)
    assert invoice["amount_remaining"] == 9900
    assert life.features(ACME)["send_sms"] is False

    life.control("allow_payment", customer=customer_id(life))
    life.stripe("POST", f"/v1/invoices/{invoice['id']}/pay")

    assert life.features(ACME)["send_sms"] is True
    assert life.status(ACME, messaging) == "pending_cancellation"
    assert owed(life) == []


def test_who_resumes_is_collected_from_again():
    """SC-4: "You can resume your subscription at any time before the billing period ends": with all that belongs to it."""
    life, messaging = overdue()
    by_ours(life, messaging)
    life.move(FIRST_TRY + 5 * DAY)
    assert owed(life)[0]["auto_advance"] is False

    assert life.resume(ACME, messaging).status == 200
    life.control("allow_payment", customer=customer_id(life))
    life.move(FIRST_TRY + 20 * DAY)

    assert owed(life) == []
    assert life.status(ACME, messaging) == "active"
    assert life.features(ACME)["send_sms"] is True


def test_cancelled_and_resumed_and_cancelled_again_the_card_is_left_alone_again():
    """SC-2: each time."""
    life, messaging = overdue()
    by_ours(life, messaging)
    life.move(FIRST_TRY + 2 * HOUR)
    life.resume(ACME, messaging)
    life.move(FIRST_TRY + 3 * HOUR)
    assert owed(life)[0]["auto_advance"] is True

    by_ours(life, messaging)
    life.move(NEXT_END + DAY)

    assert tries(life) == 1


def test_a_customer_who_is_not_overdue_has_nothing_to_be_stopped():
    """SC-2: renewal off is all there is to do."""
    life, (messaging,) = subscribed()
    by_ours(life, messaging)

    life.move(NEXT_END)

    assert len(life.charges(customer_id(life))) == 1


def test_a_policy_that_keeps_collecting_keeps_collecting():
    """SC-2's key, `open_invoices_on_cancel`: the other word."""
    life, messaging = overdue()
    promise_anew(
        life,
        "smarter-contact",
        ('open_invoices_on_cancel = "stop_collection"', 'open_invoices_on_cancel = "keep"'),
    )

    by_ours(life, messaging)
    life.move(FIRST_TRY + 3 * DAY)

    assert tries(life) == 2


def test_stripe_away_the_card_is_left_alone_as_soon_as_it_is_back():
    """SC-2: tried again until Stripe has confirmed it."""
    life, messaging = overdue()
    by_ours(life, messaging)
    life.faults.order({"target": "stripe", "kind": "error", "count": 40})

    life.move(life.now + 2 * DAY)

    assert owed(life)[0]["auto_advance"] is False
    life.move(NEXT_END)
    assert tries(life) == 1


def owes_twice() -> tuple[Life, str]:
    """An upgrade within the paid period could not be charged, and neither could the renewal after it."""
    life, (messaging,) = subscribed()
    life.move(END - 2 * HOUR)
    life.control("fail_payment", customer=customer_id(life))
    (item,) = life.stripe("GET", f"/v1/subscriptions/{messaging}")["items"]["data"]
    upgrade = f"items[0][id]={item['id']}&items[0][quantity]=2&proration_behavior=always_invoice"
    life.stripe("POST", f"/v1/subscriptions/{messaging}", upgrade)
    life.move(FIRST_TRY + HOUR)
    assert len(owed(life)) == 2
    assert tries(life) == 2
    return life, messaging


@pytest.mark.parametrize("cancel", [by_ours, by_portal])
def test_of_several_open_invoices_none_is_tried_again(cancel):
    """SC-2: "no further charges will be made to your credit card.": for none of them, be its period paid or not."""
    life, messaging = owes_twice()

    cancel(life, messaging)
    life.move(NEXT_END + 60 * DAY)

    assert tries(life) == 2
    assert [invoice["auto_advance"] for invoice in owed(life)] == [False, False]


def test_who_resumes_is_collected_from_again_for_all_of_them():
    """SC-4."""
    life, messaging = owes_twice()
    by_ours(life, messaging)
    life.move(FIRST_TRY + 2 * HOUR)

    assert life.resume(ACME, messaging).status == 200
    life.move(FIRST_TRY + 3 * HOUR)

    assert [invoice["auto_advance"] for invoice in owed(life)] == [True, True]


def test_an_invoice_of_a_paid_period_is_left_alone_as_well():
    """SC-2: the renewal is paid by now, but the upgrade before it still is not."""
    life, messaging = owes_twice()
    life.control("allow_payment", customer=customer_id(life))
    renewal = max(owed(life), key=lambda one: one["lines"]["data"][0]["period"]["end"])
    life.stripe("POST", f"/v1/invoices/{renewal['id']}/pay")
    life.control("fail_payment", customer=customer_id(life))
    (still_open,) = owed(life)

    by_ours(life, messaging)
    life.move(NEXT_END + 60 * DAY)

    assert owed(life) == [still_open | {"auto_advance": False, "next_payment_attempt": None}]
    assert tries(life) == 2


def test_a_failure_that_is_told_late_is_asked_about():
    """SC-2: told after a later period was paid, it is either settled since, or still being tried: only Stripe knows."""
    life, (messaging,) = subscribed()
    life.move(END - 2 * HOUR)
    life.control("fail_payment", customer=customer_id(life))
    life.control("delay_webhooks")
    (item,) = life.stripe("GET", f"/v1/subscriptions/{messaging}")["items"]["data"]
    upgrade = f"items[0][id]={item['id']}&items[0][quantity]=2&proration_behavior=always_invoice"
    life.stripe("POST", f"/v1/subscriptions/{messaging}", upgrade)
    life.control("allow_payment", customer=customer_id(life))
    (upgrade_invoice,) = owed(life)
    life.stripe("POST", f"/v1/invoices/{upgrade_invoice['id']}/pay")
    life.control("resume_webhooks")

    account = must_load(life.world, ACME).account
    assert account.subscriptions[messaging].unpaid_invoices == {}
