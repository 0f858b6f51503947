"""The sentences about money, each in its own words: the wallet and its Checkout, fees, credits, usage, and what is never
given back. SC-6 and SC-12 have files of their own beside this one; here is what they say of the wallet.
"""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.domain.moments import rfc3339
from chalicelib.store import activity
from chalicelib.store.memory import MemoryTable
from tests.support.books import ACME, check_books
from tests.support.life import Life, Reply
from tests.support.smarter_contact import (
    CALLING,
    END,
    MESSAGING,
    ONE,
    SECOND,
    TWO,
    subscribed,
)

CHANNEL = "1msg:channel:month"
DAY = timedelta(days=1)
OK = {"success_url": "https://app.example.com/ok", "cancel_url": "https://app.example.com/no"}


def on_the_channel_plan(price: str = CHANNEL) -> tuple[Life, str, str]:
    """A 1msg customer with a paid plan: the life, the Stripe customer, the subscription."""
    life = Life()
    customer = life.account(ACME, "1msg")
    return life, customer, life.subscribe(ACME, price)


def checkout(life: Life, purpose: str, amount: int | None = None) -> Reply:
    asked = {} if amount is None else {"amount": {"amount": amount, "currency": "usd"}}
    return life.customer(ACME, "POST", "/v1/checkout-sessions", {"purpose": purpose, **asked, **OK})


def paid(life: Life, purpose: str, amount: int | None = None, outcome: str = "paid") -> str:
    made = checkout(life, purpose, amount)
    assert made.status == 201, made.body
    session = str(made.body["checkout_session_id"])
    life.control("pay_checkout", session=session, outcome=outcome)
    return session


def conversation(life: Life, id: str = "c1", amount: int = 900) -> Reply:
    return life.service(
        "POST",
        "/v1/usage-charges",
        {"account_id": ACME, "id": id, "amount": {"amount": amount, "currency": "usd"},
         "kind": "meta_conversation", "at": rfc3339(life.now)},
    )  # fmt: skip


def refunded(life: Life, customer: str) -> int:
    return sum(charge["amount_refunded"] for charge in life.charges(customer))


def kinds(life: Life) -> list[str]:
    return [entry["kind"] for entry in life.entries(ACME)]


# -- M1-5


def test_a_top_up_is_a_one_time_checkout_of_its_own():
    """M1-5: "Voluntary balance top-up for conversation charges and repayment of debt after usage are not done through
    the Customer Portal, but through a separate one-time payment (Stripe Checkout)"."""
    life, customer, _ = on_the_channel_plan()

    session = paid(life, "top_up", 2500)

    assert life.stripe("GET", f"/v1/checkout/sessions/{session}")["mode"] == "payment"
    assert life.balance(ACME) == 2500
    assert [charge["amount"] for charge in life.charges(customer)] == [4900, 2500]


def test_repayment_of_debt_is_what_is_owed_to_the_cent():
    """M1-5: "repayment of debt after usage"."""
    life, _, _ = on_the_channel_plan()
    conversation(life, amount=333)

    owed = life.customer(ACME, "GET", "/v1/wallet").body["balance_due"]
    paid(life, "balance_due")

    assert owed == {"amount": 333, "currency": "usd"}
    assert life.balance(ACME) == 0
    assert checkout(life, "balance_due").status == 422


def test_the_wallet_and_the_plan_s_invoices_never_touch():
    """M1-5: "Subscription invoices for the channel plan must not be confused with balance operations."."""
    life, customer, _ = on_the_channel_plan()
    paid(life, "top_up", 50_000)
    conversation(life, amount=700)

    life.move("2026-05-01T00:00:00Z")

    assert life.balance(ACME) == 49_300
    assert kinds(life) == ["top_up", "usage"]
    assert [c["amount"] for c in life.charges(customer)] == [4900, 50_000, 4900, 4900, 4900]
    assert life.stripe("GET", f"/v1/customers/{customer}")["balance"] == 0


def test_a_debt_is_never_collected_with_the_plan_s_invoice():
    """M1-5: "must not be confused with balance operations": a negative balance is not put on the card."""
    life, customer, _ = on_the_channel_plan()
    conversation(life, amount=5000)

    life.move("2026-04-01T00:00:00Z")

    assert life.balance(ACME) == -5000
    assert {charge["amount"] for charge in life.charges(customer)} == {4900}


def test_closing_the_tab_credits_nothing():
    """M1-4, M1-5: "Changes … take effect after confirmation by payment events …, not merely by closing the browser
    tab": the link was opened, the success page seen, and nothing was paid."""
    life, _, _ = on_the_channel_plan()

    made = checkout(life, "top_up", 2500)
    life.move(life.now + 2 * DAY)

    assert made.status == 201
    assert life.balance(ACME) == 0
    assert kinds(life) == []


@pytest.mark.parametrize("amount", [100, 1_000_000])
def test_top_ups_within_the_bounds_are_taken(amount):
    """M1-5: "top-up of the balance": from 100 to 1,000,000 in this policy."""
    life, _, _ = on_the_channel_plan()

    paid(life, "top_up", amount)

    assert life.balance(ACME) == amount


@pytest.mark.parametrize("amount", [99, 1_000_001])
def test_top_ups_beyond_the_bounds_are_refused(amount):
    """M1-5: the other side of both bounds."""
    life, _, _ = on_the_channel_plan()

    assert checkout(life, "top_up", amount).status == 422


# -- M1-6, OS-4


def test_cancelling_in_the_middle_of_the_period_gives_no_money_back():
    """M1-6: "By default, no cash refund is made for the unused portion of an already paid subscription period:
    turning off renewal is not the same as a refund for the current period."."""
    life, customer, channel = on_the_channel_plan()
    life.move("2026-02-05T00:00:00Z")

    assert life.cancel(ACME, channel).status == 200
    life.move("2026-06-01T00:00:00Z")

    assert refunded(life, customer) == 0
    assert kinds(life) == []
    assert life.balance(ACME) == 0


@pytest.mark.parametrize(
    ("now_on", "then_on"), [("year", "month"), ("month", "year")], ids=["downgrade", "upgrade"]
)
def test_plan_changes_follow_stripe_and_credit_nothing_here(now_on, then_on):
    """M1-6: "Plan changes (upgrade/downgrade) and proration follow Stripe and product rules; separate compensation for
    “remaining days” on downgrade or cancellation is not available in self-service"."""
    life, customer, channel = on_the_channel_plan(f"1msg:channel:{now_on}")
    life.move("2026-02-10T00:00:00Z")
    price = life.stripe("GET", f"/v1/prices?lookup_keys[0]=1msg:channel:{then_on}")["data"][0]
    held = life.stripe("GET", f"/v1/subscriptions/{channel}")
    item = held["items"]["data"][0]["id"]

    life.stripe(
        "POST", f"/v1/subscriptions/{channel}", f"items[0][id]={item}&items[0][price]={price['id']}"
    )
    life.move("2026-02-20T00:00:00Z")

    assert refunded(life, customer) == 0
    assert kinds(life) == []


def test_an_annual_plan_left_after_a_month_is_not_refunded_in_part():
    """OS-4: "typically SaaS subscriptions are paid monthly or annually with no refunds for unused portions of a
    period"."""
    life = Life()
    customer = life.account(ACME, "1smtg")
    standard = life.subscribe(ACME, "1smtg:standard:year")
    life.move("2026-03-01T00:00:00Z")

    assert life.cancel(ACME, standard).status == 200
    life.move("2027-06-01T00:00:00Z")

    assert [charge["amount"] for charge in life.charges(customer)] == [29_000]
    assert refunded(life, customer) == 0
    assert kinds(life) == []


# -- M1-8


def test_conversation_fees_are_debited_at_once_and_passed_on():
    """M1-8: "Fees for conversations initiated in WhatsApp (Conversation-Based Pricing) are charged in real-time and
    passed to Meta."."""
    life, _, _ = on_the_channel_plan()
    paid(life, "top_up", 2000)

    charged = conversation(life)

    assert charged.body["balance"] == {"amount": 1100, "currency": "usd"}
    (entry,) = life.entries(ACME, "usage")
    assert entry["amount"] == {"amount": -900, "currency": "usd"}
    assert entry["note"] == {"usage": "c1", "kind": "meta_conversation"}


def test_conversation_fees_are_never_given_back():
    """M1-8: "These funds are strictly non-refundable under any circumstances": not at the end, not after a return, not by
    reporting them again; and whoever caused them has used the plan (M1-7)."""
    life, customer, channel = on_the_channel_plan()
    paid(life, "top_up", 2000)
    conversation(life)

    life.cancel(ACME, channel)
    life.move("2026-03-15T00:00:00Z")
    conversation(life)
    life.subscribe(ACME, CHANNEL)
    life.move("2026-05-01T00:00:00Z")

    assert life.balance(ACME) == 1100
    assert kinds(life) == ["top_up", "usage"]
    assert refunded(life, customer) == 0
    began = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
    assert activity.used_between(life.world.table, ACME, began, began + 28 * DAY)


def test_conversation_fees_are_not_refused_for_an_empty_wallet():
    """M1-5, M1-8: "repayment of debt after usage": the conversation has taken place, so it is owed."""
    life, _, _ = on_the_channel_plan()

    charged = conversation(life, amount=12_345)

    assert charged.status == 200
    assert life.balance(ACME) == -12_345


# -- M1-16


def test_a_top_up_stays_on_the_wallet_and_is_no_refund_by_itself():
    """M1-16: "Balance top-ups and other prepaid operations are reflected in the service accounting; card refunds are not
    self-service in the account"."""
    life, customer, channel = on_the_channel_plan()
    session = paid(life, "top_up", 5000)

    life.cancel(ACME, channel)
    life.move("2026-12-31T00:00:00Z")

    assert life.balance(ACME) == 5000
    assert refunded(life, customer) == 0
    # What a person needs who considers it: the payment it came from.
    (entry,) = life.entries(ACME, "top_up")
    intent = life.stripe("GET", f"/v1/payment_intents/{entry['note']['payment_intent']}")
    assert entry["cause"] == f"checkout:{session}"
    assert (intent["amount"], intent["customer"]) == (5000, customer)
    assert intent["metadata"]["account_id"] == ACME


# -- SC-6, as far as the wallet is concerned


def test_a_debt_from_number_fees_can_be_paid_and_the_fees_go_on():
    """SC-6: "phone number fees, which will be deducted from your balance/wallet": it may go below zero, which is a
    balance due."""
    life, _ = subscribed("smarter-contact:messaging:year")
    life.number(ACME, ONE, fee=115)
    life.number(ACME, TWO, fee=200)
    life.move("2026-03-01T00:00:00Z")

    paid(life, "balance_due")
    settled = life.balance(ACME)
    life.move("2026-04-01T00:00:00Z")

    assert settled == 0
    assert life.balance(ACME) == -315
    assert kinds(life) == ["number_fee", "number_fee", "balance_due", "number_fee", "number_fee"]


def test_each_fee_is_one_entry_that_names_its_number_and_its_date():
    """SC-6: "according to your billing cycle and the number of phone numbers associated with your account"."""
    life, _ = subscribed("smarter-contact:messaging:year")
    for number in (ONE, TWO):
        life.number(ACME, number, fee=100)

    life.move("2026-03-31T12:00:00Z")

    causes = {entry["cause"] for entry in life.entries(ACME, "number_fee")}
    assert causes == {
        f"number_fee:{number}:{date}"
        for number in (ONE, TWO)
        for date in ("2026-02-28T12:00:00Z", "2026-03-31T12:00:00Z")
    }


# -- SC-12


def unsent(life: Life, *channels: str, price: int = 37) -> None:
    scheduled = [
        (f"{channel}{n}", channel, END + DAY, price) for channel in channels for n in range(3)
    ]
    registered = life.schedule(ACME, *scheduled)
    assert {one["outcome"] for one in registered.body["data"]} == {"scheduled"}


def test_sms_and_voicemails_are_credited_when_the_date_arrives_and_not_before():
    """SC-12: "When the cancellation date arrives, we'll credit your account for: Unsent scheduled SMS messages, Unsent
    scheduled Ringless Voicemails (RVMs)"."""
    life, plans = subscribed(MESSAGING, CALLING)
    unsent(life, "sms", "rvm")
    for plan in plans:
        life.cancel(ACME, plan)

    life.move(END - SECOND)
    before = life.balance(ACME)
    life.move(END)

    assert before == -6 * 37
    assert life.balance(ACME) == 0
    credited = life.entries(ACME, "messages_credited")
    assert {entry["at"] for entry in credited} == {"2026-02-28T12:00:00Z"}
    assert sorted(id for entry in credited for id in entry["note"]["messages"]) == [
        "rvm0", "rvm1", "rvm2", "sms0", "sms1", "sms2",
    ]  # fmt: skip


def test_with_two_plans_only_what_the_remaining_one_cannot_send_is_credited():
    """SC-12: "we'll credit your account for": what nobody can send any more."""
    life, (messaging, _) = subscribed(MESSAGING, CALLING)
    unsent(life, "sms", "rvm")
    life.cancel(ACME, messaging)

    life.move(END + DAY)

    credited = [id for e in life.entries(ACME, "messages_credited") for id in e["note"]["messages"]]
    assert sorted(credited) == ["sms0", "sms1", "sms2"]
    assert sent(life, "rvm0").status == 200
    refused = sent(life, "sms0")
    assert (refused.status, refused.code) == (409, "already_credited")


def sent(life: Life, id: str) -> Reply:
    return life.service("POST", f"/v1/scheduled-messages/{id}/sent?account_id={ACME}")


def test_what_the_preview_counts_is_what_is_credited():
    """SC-12 with SC-1: the number of messages and the amount are shown before anybody consents."""
    life, (messaging,) = subscribed()
    unsent(life, "sms")
    shown = life.preview(ACME, messaging).body["consequences"]
    life.cancel(ACME, messaging)

    life.move(END)

    (promised,) = [c for c in shown if c["kind"] == "messages_credited"]
    (entry,) = life.entries(ACME, "messages_credited")
    assert (promised["count"], promised["amount"]) == (3, entry["amount"])
    assert promised["amount"] == {"amount": 111, "currency": "usd"}


def test_at_the_very_end_a_message_is_credited_and_not_sent():
    """SC-12: "When the cancellation date arrives": at E − 1 s it may be sent, at E it is credited."""
    life, (messaging,) = subscribed()
    unsent(life, "sms")
    life.cancel(ACME, messaging)

    life.wait(END - SECOND)
    in_time = sent(life, "sms0")
    life.wait(END)
    too_late = sent(life, "sms1")
    life.move(END)

    assert in_time.status == 200
    assert (too_late.status, too_late.code) == (409, "already_credited")
    (entry,) = life.entries(ACME, "messages_credited")
    assert entry["note"]["messages"] == ["sms1", "sms2"]


def test_after_the_end_nothing_new_is_scheduled_or_debited():
    """SC-12: once the date has arrived there is no plan that could send it."""
    life, (messaging,) = subscribed()
    life.cancel(ACME, messaging)
    life.move(END)

    refused = life.schedule(ACME, ("late", "sms", END + DAY, 37))

    assert (refused.status, refused.code) == (409, "no_live_plan")
    assert kinds(life) == []


# -- all of them at once


def test_after_a_year_of_everything_the_books_are_whole():
    """M1-5: one ledger, in which every cent has one cause."""
    table = MemoryTable()
    life = Life(table)
    life.account(ACME)
    messaging = life.subscribe(ACME)
    life.number(ACME, ONE, fee=126)
    paid(life, "top_up", 5000)
    unsent(life, "sms")
    conversation(life)
    sent(life, "sms0")
    life.service("DELETE", f"/v1/scheduled-messages/sms1?account_id={ACME}")
    life.move("2026-02-10T00:00:00Z")
    life.cancel(ACME, messaging)

    life.move("2027-03-01T00:00:00Z")

    check_books(table)
    assert kinds(life) == [
        "top_up",
        "messages_scheduled",
        "usage",
        "message_deleted",
        "messages_credited",
    ]
    assert life.entries(ACME)[-1]["lines"] == [
        {"account": "wallet", "amount": {"amount": 37, "currency": "usd"}},
        {"account": "messages", "amount": {"amount": -37, "currency": "usd"}},
    ]
    reply = life.service("GET", f"/v1/wallet?account_id={ACME}")
    assert reply.body["balance"] == {"amount": 5000 - 900 - 37, "currency": "usd"}
