"""OS-6 and what goes with it: the customer hears, in writing, of everything that changes for them. Once."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.store import keys
from tests.support.life import Life, consenting
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
    leaving,
    subscribed,
)

CONFIRMED = "cancellation"
DAY = timedelta(days=1)


def put(life: Life, **fields: object) -> None:
    reply = life.operator("PUT", f"/v1/admin/accounts/{ACME}", fields)
    assert reply.status == 200, reply.body


def notices(life: Life) -> list[str]:
    return [one["kind"] for one in life.membership(ACME)["notices"]]


# -- cancelling


def test_a_confirmation_is_in_the_mail_when_the_answer_is_there():
    """OS-6: "look for a confirmation email or an in-platform notification to ensure … your subscription will not
    auto-renew"."""
    life, (subscription,) = subscribed()

    life.cancel(ACME, subscription)

    (mail,) = life.mail(CONFIRMED)
    assert mail["to"] == "acme@example.com"
    assert mail["account_id"] == ACME
    assert "will not renew automatically" in mail["text"]
    assert "Last day of access: 28 February 2026 (2026-02-28), until 12:00 (UTC)." in mail["text"]


def test_a_notification_in_the_product_says_the_same():
    """OS-6: "or an in-platform notification"."""
    life, (subscription,) = subscribed()

    life.cancel(ACME, subscription)

    (notice,) = life.membership(ACME)["notices"]
    (mail,) = life.mail(CONFIRMED)
    assert notice["kind"] == "cancellation_confirmed"
    assert notice["at"] == "2026-01-31T12:00:00Z"
    assert notice["title"] == mail["subject"]
    assert notice["text"] in mail["text"]


def test_the_confirmation_lists_what_the_preview_showed():
    """SC-1: what was consented to is what is confirmed, date for date (invariant 14)."""
    life, (subscription,) = subscribed()
    life.number(ACME, ONE)
    life.registration(ACME, "R1")
    shown = life.preview(ACME, subscription).body["consequences"]

    life.cancel(ACME, subscription)

    (mail,) = life.mail(CONFIRMED)
    for line in (
        "- 28 February 2026 at 12:00 (UTC): Unsent scheduled messages are credited to your wallet",
        "- 14 March 2026 at 12:00 (UTC): Phone numbers are released (1)",
        "- 30 March 2026 at 12:00 (UTC): 10DLC registration lapses (1)",
        "- 28 February 2027 at 12:00 (UTC): All account data is permanently deleted",
    ):
        assert line in mail["text"]
    listed = mail["text"].count("\n- ")
    assert listed == len([one for one in shown if one["kind"] not in ("access_ends", "number_fee")])


def test_number_fees_that_go_on_are_mentioned():
    """SC-6: "you may still incur phone number fees"."""
    life, (subscription,) = subscribed()
    life.number(ACME, ONE, bought_at=datetime(2026, 1, 20, 12, 0, tzinfo=UTC))

    life.cancel(ACME, subscription)

    assert "phone number fees are still deducted" in life.mail(CONFIRMED)[0]["text"]


def test_the_last_day_is_named_in_the_account_s_own_time_zone():
    """OS-6: "to ensure the process was successful": a date nobody has to convert."""
    life, (subscription,) = subscribed(start=datetime(2026, 1, 31, 20, 30, tzinfo=UTC))
    put(life, time_zone="Asia/Tokyo")

    life.cancel(ACME, subscription)

    text = life.mail(CONFIRMED)[0]["text"]
    assert "Last day of access: 1 March 2026 (2026-03-01), until 05:30 (Asia/Tokyo)." in text


def test_in_french():
    """GT-1: in the language of the account."""
    life, (subscription,) = subscribed()
    put(life, locale="fr-FR", time_zone="Europe/Paris")

    life.cancel(ACME, subscription)

    (mail,) = life.mail()
    assert mail["subject"] == "Votre annulation de Messaging plan est confirmée"
    assert "Il ne sera pas renouvelé automatiquement" in mail["text"]
    assert (
        "Dernier jour d'accès : 28 février 2026 (2026-02-28), jusqu'à 13:00 (Europe/Paris)."
        in (mail["text"])
    )
    assert "Les numéros" not in mail["text"]
    assert '<html lang="fr">' in mail["html"]
    assert life.membership(ACME)["notices"][0]["title"] == mail["subject"]


def test_pressing_twice_confirms_once():
    """SC-1: one cancellation, one confirmation."""
    life, (subscription,) = subscribed()
    shown = life.preview(ACME, subscription)
    path = f"/v1/subscriptions/{subscription}/cancellation"

    for _ in range(3):
        assert life.customer(ACME, "POST", path, consenting(shown.body)).status == 200
    life.cancel(ACME, subscription)

    assert len(life.mail()) == 1


def test_a_webhook_in_between_and_delivered_twice_confirms_once():
    """SC-1: Stripe tells us as well, as often as it likes."""
    life, (subscription,) = subscribed()
    life.control("duplicate_webhooks")

    life.cancel(ACME, subscription)
    life.move(life.now + DAY)

    assert len(life.mail()) == 1


def test_a_timed_out_first_press_confirms_once():
    """SC-2: "done" is said when Stripe has said so, and once."""
    life, (subscription,) = subscribed()
    shown = life.preview(ACME, subscription)
    path = f"/v1/subscriptions/{subscription}/cancellation"
    life.faults.order({"target": "stripe", "kind": "answer_lost", "count": 3})

    first = life.customer(ACME, "POST", path, consenting(shown.body))
    again = life.customer(ACME, "POST", path, consenting(shown.body))

    assert (first.status, again.status) == (503, 200)
    assert len(life.mail()) == 1


def test_nothing_is_confirmed_that_stripe_has_not_confirmed():
    """M1-4: "take effect after confirmation by payment events"."""
    life, (subscription,) = subscribed()
    shown = life.preview(ACME, subscription)
    life.faults.order({"target": "stripe", "kind": "error", "count": 9})

    path = f"/v1/subscriptions/{subscription}/cancellation"
    answer = life.customer(ACME, "POST", path, consenting(shown.body))

    assert answer.status == 503
    assert life.mail() == []
    assert notices(life) == []


def test_a_cancellation_made_in_the_portal_is_confirmed_like_ours():
    """M1-3: cancelling in the Portal leads to exactly the same."""
    life, (subscription,) = subscribed()

    life.control("portal_cancel", subscription=subscription)

    (mail,) = life.mail()
    assert "28 February 2026 (2026-02-28), until 12:00 (UTC)" in mail["text"]


def test_a_cancellation_that_only_a_sweep_learns_of_is_confirmed_too():
    """OS-6: every webhook was lost; whoever asks Stripe next tells the customer."""
    life, (subscription, _) = subscribed(MESSAGING, CALLING)
    life.number(ACME, ONE, bought_at=datetime(2026, 1, 20, 12, 0, tzinfo=UTC))
    life.cancel(ACME, subscription)
    life.control("drop_webhooks")
    life.control("cancel_now", subscription=subscription)

    life.move(END + DAY)

    assert [mail["subject"] for mail in life.mail(CONFIRMED)] == [
        "Your cancellation of Messaging plan is confirmed"
    ]


def test_cancelling_again_after_a_resume_is_confirmed_again():
    """SC-4: "You can resume": after it, a new cancellation is a new one."""
    life, (subscription,) = subscribed()

    life.cancel(ACME, subscription)
    life.resume(ACME, subscription)
    life.cancel(ACME, subscription)

    assert [mail["subject"].split()[1] for mail in life.mail()] == [
        "cancellation",
        "subscription",
        "cancellation",
    ]
    assert notices(life) == ["cancellation_confirmed", "resumed", "cancellation_confirmed"]


def test_without_an_address_there_is_the_notification():
    """OS-6: "a confirmation email or an in-platform notification"."""
    life = Life()
    customer = life.stripe("POST", "/v1/customers", "email=a%40example.com")["id"]
    method = life.stripe("POST", "/v1/payment_methods/pm_card_visa/attach", f"customer={customer}")[
        "id"
    ]
    life.stripe(
        "POST",
        f"/v1/customers/{customer}",
        f"invoice_settings[default_payment_method]={method}",
    )
    new = {"stripe_customer_id": customer, "policy": "smarter-contact", "currency": "usd"}
    life.operator("PUT", f"/v1/admin/accounts/{ACME}", new)
    subscription = life.subscribe(ACME)

    life.cancel(ACME, subscription)

    assert life.mail() == []
    assert notices(life) == ["cancellation_confirmed"]


def test_the_proof_that_it_was_confirmed_outlives_the_purge():
    """SC-1: the evidence says that the confirmation was sent, to whom it concerned, and when."""
    life, _ = leaving()

    life.move(PURGE + DAY)

    page = life.world.table.query(keys.partition(ACME), keys.CONFIRMATION)
    (proof,) = [row["doc"] for row in page.rows]
    assert proof["sent_at"] == "2026-01-31T12:00:00Z"
    assert proof["access_ends_at"] == "2026-02-28T12:00:00Z"
    assert proof["evidence_id"]
    assert "example.com" not in json.dumps(proof)


# -- resuming, ending, coming back


def test_a_resume_is_confirmed():
    """SC-4: "You can resume your subscription at any time before the billing period ends"."""
    life, subscription = leaving()

    life.resume(ACME, subscription)

    (mail,) = life.mail("continues")
    assert "renews on 28 February 2026 at 12:00 (UTC)" in mail["text"]


def test_a_resume_in_the_portal_is_confirmed():
    """M1-3: as ours."""
    life, subscription = leaving()

    life.control("portal_resume", subscription=subscription)

    assert len(life.mail("continues")) == 1


def test_the_end_says_what_was_credited_and_what_comes_next():
    """SC-12: "When the cancellation date arrives, we'll credit your account"."""
    life, _ = leaving()
    life.schedule(ACME, ("m1", "sms", END + DAY, 126), ("m2", "sms", END + 2 * DAY, 4))

    life.move(END)

    (mail,) = life.mail("has ended")
    assert mail["at"] == "2026-02-28T12:00:00Z"
    assert "Unsent scheduled messages credited to your wallet: 2, 1.30 USD in all." in mail["text"]
    assert "- 14 March 2026 at 12:00 (UTC): Phone numbers are released (1)" in mail["text"]
    assert "messages are credited" not in mail["text"]


def test_the_end_of_a_plan_that_credits_nothing_is_told_as_well():
    """GT-13: under another company's policy."""
    life = Life()
    life.account(ACME, "nexorone")
    subscription = life.subscribe(ACME, "nexorone:service:month")
    life.cancel(ACME, subscription)

    life.move(END + DAY)

    assert len(life.mail("has ended")) == 1


def test_with_another_plan_going_on_nothing_is_said_to_be_lost():
    """SC-5: cancelling one of two plans takes only that plan's features."""
    life, (_, calling) = subscribed(MESSAGING, CALLING)
    life.number(ACME, ONE)
    life.cancel(ACME, calling)

    life.move(END)

    (mail,) = life.mail("Calling plan", "has ended")
    assert "released" not in mail["text"]


@pytest.mark.parametrize(
    ("back_at", "kept", "gone"),
    [
        (RELEASE - SECOND, "phone numbers (1), 10DLC registration (1), account data", None),
        (RELEASE + DAY, "10DLC registration (1), account data", "phone numbers (1)"),
        (LAPSE + DAY, "account data", "phone numbers (1), 10DLC registration (1)"),
        (PURGE + DAY, None, "account data"),
    ],
)
def test_coming_back_says_what_is_kept_and_what_is_gone(back_at, kept, gone):
    """SC-7, SC-9: "If you choose to return … you must reapply"."""
    life, _ = leaving()
    life.move(back_at)
    put(life, email="acme@example.com")

    life.subscribe(ACME)

    (mail,) = life.mail("Welcome back")
    assert (f"Kept: {kept}." in mail["text"]) == bool(kept)
    assert (f"Gone for good: {gone}." in mail["text"]) == bool(gone)
    assert ("apply for a new 10DLC" in mail["text"]) == ("10DLC" in (gone or ""))


def test_coming_for_the_first_time_is_no_coming_back():
    """SC-7: nor is a second plan."""
    life, _ = subscribed(MESSAGING, CALLING)

    assert life.mail() == []


# -- what cannot be undone


def test_each_irreversible_step_is_announced_and_reported():
    """SC-8, SC-9, SC-10: a word before, and one when it is done."""
    life, _ = leaving()

    life.move(PURGE + DAY)

    assert [(mail["at"], mail["subject"]) for mail in life.mail()] == [
        ("2026-01-31T12:00:00Z", "Your cancellation of Messaging plan is confirmed"),
        ("2026-02-28T12:00:00Z", "Your subscription to Messaging plan has ended"),
        ("2026-03-11T12:00:00Z", "Reminder: Your phone numbers will be released"),
        ("2026-03-14T12:00:00Z", "Your phone numbers were released"),
        ("2026-03-23T12:00:00Z", "Reminder: Your 10DLC registration will lapse"),
        ("2026-03-30T12:00:00Z", "Your 10DLC registration lapsed"),
        (
            "2027-01-29T12:00:00Z",
            "Reminder: All your account data will be permanently deleted",
        ),
        (
            "2027-02-21T12:00:00Z",
            "Reminder: All your account data will be permanently deleted",
        ),
        ("2027-02-28T12:00:00Z", "Your account data was permanently deleted"),
    ]


def test_reminders_are_not_shown_among_the_consequences():
    """SC-1: they are ours; what they remind of is shown."""
    life, (subscription,) = subscribed()
    life.number(ACME, ONE)

    shown = life.preview(ACME, subscription).body["consequences"]
    life.cancel(ACME, subscription)

    assert "reminder" not in {one["kind"] for one in shown}
    assert "reminder" not in life.upcoming(ACME)


def test_whoever_comes_back_is_not_reminded_any_more():
    """SC-7: "resubscribing" stops every consequence not yet carried out."""
    life, _ = leaving()
    life.move(RELEASE - 4 * DAY)

    life.subscribe(ACME)
    life.move(RELEASE + DAY)

    assert life.mail("Reminder") == []


def test_a_reminder_is_sent_late_while_it_still_helps():
    """SC-8: the job slept a day past the reminder, and woke before the release."""
    life, _ = leaving()
    life.move(END)
    life.sleep(RELEASE - 2 * DAY)

    life.run_jobs()

    assert [mail["at"] for mail in life.mail("Reminder")] == ["2026-03-12T12:00:00Z"]


@pytest.mark.parametrize("wakes", [RELEASE, RELEASE + 5 * DAY])
def test_a_reminder_is_never_sent_after_the_fact(wakes):
    """SC-8: the job slept past the release itself."""
    life, _ = leaving()
    life.move(END)
    life.sleep(wakes)

    life.run_jobs()
    life.move(wakes + DAY)

    assert life.at_carrier()[ONE] == "released"
    assert life.mail("Reminder", "released") == []
    assert len(life.mail("were released")) == 1


def test_of_two_late_reminders_only_the_nearer_one_is_sent():
    """SC-10: "retained for one year": 30 and 7 days before, not twice on one day."""
    life, _ = leaving()
    life.move(LAPSE + DAY)
    life.sleep(PURGE - 3 * DAY)

    life.run_jobs()
    life.move(PURGE - SECOND)

    assert len(life.mail("Reminder", "deleted")) == 1


def test_leaving_a_second_time_is_reminded_of_again():
    """SC-7, SC-8: the second leaving has dates of its own."""
    life, _ = leaving()
    life.move(RELEASE - DAY)
    again = life.subscribe(ACME)
    life.cancel(ACME, again)

    life.move(life.now + 60 * DAY)

    assert len(life.mail("Reminder", "released")) == 2


def test_the_receipt_of_the_purge_goes_to_the_last_address_and_holds_no_content():
    """SC-10: "all data will be permanently deleted": a receipt, without what was deleted."""
    life, _ = leaving()
    life.schedule(ACME, ("canary-message", "sms", END + DAY, 126))

    life.move(PURGE)

    (mail,) = life.mail("permanently deleted", "was")
    assert mail["to"] == "acme@example.com"
    for secret in (ONE, "R1", "canary", ACME + "@", "sub_"):
        assert secret not in mail["text"] + mail["html"]


def test_nothing_of_the_receipt_s_address_stays():
    """SC-10: nor in any outbox of ours."""
    life, _ = leaving()

    life.move(PURGE + DAY)

    rows = life.world.table.query(keys.partition(ACME), limit=1000).rows
    assert "acme@example.com" not in json.dumps([dict(row) for row in rows])
    assert {row["sk"] for row in rows if row["sk"] == keys.RECEIPT} == set()


def test_the_receipt_waits_for_a_mailer_that_is_down_and_the_purge_does_not():
    """SC-10: a mail that fails never blocks what was promised."""
    life, _ = leaving()
    life.move(PURGE - SECOND)
    life.faults.order({"target": "mail", "kind": "error", "count": 2})

    life.move(PURGE)
    assert life.events("data.purged")
    assert life.mail("was permanently") == []
    life.move(PURGE + DAY)

    assert [mail["to"] for mail in life.mail("was permanently")] == ["acme@example.com"]


# -- paying


def test_a_failed_payment_is_told_once_with_what_it_means_for_access():
    """M1-14: access follows what is paid, and the policy's grace."""
    life, (_,) = subscribed()
    customer = life.stripe("GET", "/v1/customers?limit=1")["data"][0]["id"]
    life.control("fail_payment", customer=customer)

    life.move(END + 10 * DAY)

    (mail,) = life.mail("payment")
    assert "Amount due: 99.00 USD." in mail["text"]
    assert "Access is paused until the payment succeeds." in mail["text"]
    assert "4242" not in mail["text"]


# -- words


def test_the_company_s_name_and_support_stand_at_the_end():
    """OS-7: "you can contact their support team via phone … or email"."""
    life = Life()
    life.account(ACME, "1smtg")
    subscription = life.subscribe(ACME, "1smtg:standard:month")

    life.cancel(ACME, subscription)

    (mail,) = life.mail()
    end = mail["text"].rpartition("-- \n")[2]
    policy = life.world.policies.get("1smtg")
    assert end.startswith(policy.title)
    assert (policy.support.phone or "") in end
    assert (policy.support.email or "") in end


def test_no_link_no_card_and_no_comment_of_the_customer_is_in_a_mail_or_an_event():
    """OS-6: a confirmation can be forwarded; nothing in it opens anything."""
    life, (subscription,) = subscribed()
    shown = life.preview(ACME, subscription).body
    body = consenting(shown)
    body["reason"]["comment"] = "<script>alert(1)</script> canary-comment \u202efdp.exe"

    life.customer(ACME, "POST", f"/v1/subscriptions/{subscription}/cancellation", body)
    life.move(PURGE + DAY)

    said = json.dumps(life.outbox.view(), ensure_ascii=False)
    for secret in ("canary", "<script", "\u202e", "http://", "https://", "4242", "billing.stripe"):
        assert secret not in said
