"""SC-12: unsent messages are credited at the end, once, to the cent; and a message is either sent or credited."""

from datetime import timedelta

import pytest

from tests.support.life import Life, Reply
from tests.support.smarter_contact import (
    ACME,
    CALLING,
    END,
    LAPSE,
    MESSAGING,
    PURGE,
    RELEASE,
    SECOND,
    subscribed,
)

DAY = timedelta(days=1)


def sent(life: Life, message: str) -> Reply:
    return life.service("POST", f"/v1/scheduled-messages/{message}/sent?account_id={ACME}")


def deleted(life: Life, message: str) -> Reply:
    return life.service("DELETE", f"/v1/scheduled-messages/{message}?account_id={ACME}")


def credits_(life: Life) -> list[tuple[str, int]]:
    found = life.entries(ACME, "messages_credited")
    return [(e["at"], e["amount"]["amount"]) for e in found]


def test_unsent_messages_of_both_channels_are_credited_when_the_date_arrives():
    """SC-12: "When the cancellation date arrives, we'll credit your account for: Unsent scheduled SMS messages,
    Unsent scheduled Ringless Voicemails (RVMs)"."""
    life, plans = subscribed(MESSAGING, CALLING)
    life.schedule(ACME, ("s1", "sms", END + DAY, 7), ("s2", "sms", END + 9 * DAY, 11))
    life.schedule(ACME, ("v1", "rvm", END + DAY, 23))
    for plan in plans:
        life.cancel(ACME, plan)

    life.move(END - SECOND)
    before = life.balance(ACME), credits_(life)
    life.move(END)

    assert before == (-41, [])
    assert life.balance(ACME) == 0
    assert sorted(credits_(life)) == [("2026-02-28T12:00:00Z", 18), ("2026-02-28T12:00:00Z", 23)]


def test_they_are_credited_once():
    """SC-12: "we'll credit your account for": once, to the cent."""
    life, (messaging,) = subscribed()
    life.schedule(ACME, ("s1", "sms", END + DAY, 7))
    life.cancel(ACME, messaging)

    life.move(END)
    life.run_jobs()
    life.move(PURGE + DAY)

    assert credits_(life) == [("2026-02-28T12:00:00Z", 7)]
    assert life.balance(ACME) == 0


def test_a_message_due_exactly_at_the_end_is_credited_not_sent():
    """SC-12: the half-open boundary: at the end nothing is sent any more."""
    life, (messaging,) = subscribed()
    life.schedule(ACME, ("last", "sms", END - SECOND, 3), ("late", "sms", END, 5))
    life.cancel(ACME, messaging)
    life.wait(END - SECOND)
    in_time = sent(life, "last")

    life.wait(END)
    too_late = sent(life, "late")
    life.move(END)

    assert (in_time.status, in_time.body["state"]) == (200, "sent")
    assert (too_late.status, too_late.code) == (409, "already_credited")
    assert credits_(life) == [("2026-02-28T12:00:00Z", 5)]
    assert life.balance(ACME) == -3


@pytest.mark.parametrize("moment", [END, END + 5 * DAY, LAPSE])
def test_after_it_was_credited_it_must_not_be_sent(moment):
    """SC-12: credited → it can never be sent."""
    life, (messaging,) = subscribed()
    life.schedule(ACME, ("s1", "sms", LAPSE + DAY, 7))
    life.cancel(ACME, messaging)
    life.move(moment)

    answer = sent(life, "s1")

    assert (answer.status, answer.code) == (409, "already_credited")
    assert answer.body["state"] == "credited"
    assert credits_(life) == [("2026-02-28T12:00:00Z", 7)]


def test_credited_it_stays_so_after_the_customer_returned():
    """SC-12: credited → it can never be sent, also not by the new subscription."""
    life, (messaging,) = subscribed()
    life.schedule(ACME, ("s1", "sms", LAPSE, 7))
    life.cancel(ACME, messaging)
    life.move(END + DAY)
    life.subscribe(ACME)

    answer = sent(life, "s1")

    assert (answer.status, answer.code) == (409, "already_credited")


def test_what_was_sent_before_is_never_credited():
    """SC-12: "*Unsent* scheduled SMS messages"."""
    life, (messaging,) = subscribed()
    life.schedule(ACME, ("early", "sms", END + DAY, 7))
    sent_early = sent(life, "early")
    life.cancel(ACME, messaging)

    life.move(PURGE - SECOND)

    assert sent_early.status == 200
    assert sent(life, "early").status == 200
    assert credits_(life) == []
    assert life.balance(ACME) == -7


def test_what_was_due_and_never_sent_is_credited_too():
    """SC-12: "Unsent": whatever the date it was for."""
    life, (messaging,) = subscribed()
    life.schedule(ACME, ("forgotten", "sms", END - 10 * DAY, 7))
    life.cancel(ACME, messaging)

    life.move(END)

    assert credits_(life) == [("2026-02-28T12:00:00Z", 7)]


def test_a_deleted_message_gives_its_price_back_at_once_and_only_then():
    """SC-12: withdrawn by the customer, it is paid back there and then, not again at the end."""
    life, (messaging,) = subscribed()
    life.schedule(ACME, ("s1", "sms", END + DAY, 7), ("s2", "sms", END + DAY, 11))
    life.cancel(ACME, messaging)

    first, again = deleted(life, "s1"), deleted(life, "s1")
    balance = life.balance(ACME)
    life.move(END)

    assert (first.status, first.body["state"]) == (200, "deleted")
    assert again.body["state"] == "deleted"
    assert balance == -11
    assert credits_(life) == [("2026-02-28T12:00:00Z", 11)]
    assert life.balance(ACME) == 0


def test_what_was_deleted_must_not_be_sent_and_what_was_sent_is_not_deleted():
    """SC-12: sent, deleted or credited: one of them, once."""
    life, _ = subscribed()
    life.schedule(ACME, ("s1", "sms", END + DAY, 7), ("s2", "sms", END + DAY, 11))
    deleted(life, "s1")
    sent(life, "s2")

    assert (sent(life, "s1").status, deleted(life, "s2").status) == (409, 409)
    assert life.balance(ACME) == -11


def test_a_credited_message_gives_nothing_back_when_it_is_deleted_as_well():
    """SC-12: credited once."""
    life, (messaging,) = subscribed()
    life.schedule(ACME, ("s1", "sms", END + DAY, 7))
    life.cancel(ACME, messaging)
    life.move(END)

    answer = deleted(life, "s1")

    assert (answer.status, answer.code) == (409, "already_credited")
    assert life.balance(ACME) == 0


@pytest.mark.parametrize("first", [sent, deleted])
def test_told_at_the_end_that_it_is_credited_it_is_not_deleted_before_a_job_has_run(first):
    """SC-12: "When the cancellation date arrives, we'll credit your account": what one server of the SaaS was told,
    another one cannot undo, and the money comes back once, as the credit that was announced (seed 336)."""
    life, (messaging,) = subscribed()
    life.schedule(ACME, ("s1", "sms", END + DAY, 7))
    life.cancel(ACME, messaging)
    life.wait(END)

    told, then = first(life, "s1"), deleted(life, "s1")
    before = life.balance(ACME)
    life.move(END + DAY)

    assert (told.status, told.body["state"]) == (then.status, then.body["state"])
    assert (then.status, then.body["state"]) == (409, "credited")
    assert before == -7
    assert credits_(life) == [("2026-02-28T12:00:00Z", 7)]
    assert life.balance(ACME) == 0


def test_deleted_in_the_last_second_its_price_comes_back_at_once():
    """SC-12, the other side: until then the message is the SaaS's own."""
    life, (messaging,) = subscribed()
    life.schedule(ACME, ("s1", "sms", END + DAY, 7))
    life.cancel(ACME, messaging)
    life.wait(END - SECOND)

    answer = deleted(life, "s1")
    balance = life.balance(ACME)
    life.move(END + DAY)

    assert (answer.status, answer.body["state"], balance) == (200, "deleted", 0)
    assert credits_(life) == []


@pytest.mark.parametrize(
    ("canceled", "channel", "balance"), [(0, "sms", -23), (1, "rvm", -7)], ids=["sms", "rvm"]
)
def test_with_two_plans_only_what_the_remaining_plan_cannot_send_is_credited(
    canceled, channel, balance
):
    """SC-12: *reading:* with two plans, only what the remaining plan cannot send."""
    life, plans = subscribed(MESSAGING, CALLING)
    life.schedule(ACME, ("sms", "sms", LAPSE, 7), ("rvm", "rvm", LAPSE, 23))
    life.cancel(ACME, plans[canceled])

    life.move(END)
    other = "rvm" if channel == "sms" else "sms"

    assert life.balance(ACME) == balance
    assert sent(life, channel).code == "already_credited"
    assert sent(life, other).status == 200


def test_resumed_in_time_nothing_is_credited_and_everything_may_be_sent():
    """SC-12: "When the cancellation date arrives": it does not, after a resume."""
    life, (messaging,) = subscribed()
    life.schedule(ACME, ("s1", "sms", END, 7))
    life.cancel(ACME, messaging)
    life.move(END - SECOND)
    life.resume(ACME, messaging)

    life.move(END)

    assert sent(life, "s1").status == 200
    assert credits_(life) == []


def test_hundreds_of_messages_are_credited_to_the_cent():
    """SC-12: "we'll credit your account for": all of them."""
    life, (messaging,) = subscribed()
    for first in range(0, 300, 100):
        life.schedule(
            ACME, *[(f"m{n}", "sms", END + DAY, n + 1) for n in range(first, first + 100)]
        )
    sent(life, "m0")
    life.cancel(ACME, messaging)

    life.move(END)

    assert sum(amount for _, amount in credits_(life)) == sum(range(1, 301)) - 1
    assert life.balance(ACME) == -1


def test_after_the_end_nothing_new_is_scheduled_or_debited():
    """SC-12: "When the cancellation date arrives": from then on nothing is taken."""
    life, (messaging,) = subscribed()
    life.cancel(ACME, messaging)
    life.wait(END)

    answer = life.schedule(ACME, ("s1", "sms", LAPSE, 7))

    assert (answer.status, answer.code) == (409, "no_live_plan")
    assert life.entries(ACME) == []


def test_scheduled_at_the_last_second_it_is_credited_at_the_next():
    """SC-12: "Unsent scheduled SMS messages": however late they were scheduled."""
    life, (messaging,) = subscribed()
    life.cancel(ACME, messaging)
    life.move(END - SECOND)

    scheduled = life.schedule(ACME, ("s1", "sms", LAPSE, 7))
    life.move(END)

    assert scheduled.status == 200
    assert credits_(life) == [("2026-02-28T12:00:00Z", 7)]


def test_the_preview_says_how_many_and_how_much():
    """SC-12: "we'll credit your account": the amount shown is the amount credited."""
    life, (messaging,) = subscribed()
    life.schedule(ACME, ("s1", "sms", RELEASE, 7), ("s2", "sms", LAPSE, 11))

    shown = life.preview(ACME, messaging).body["consequences"]
    life.cancel(ACME, messaging)
    life.move(END)

    (credit,) = (c for c in shown if c["kind"] == "messages_credited")
    assert (credit["count"], credit["amount"]["amount"]) == (2, 18)
    assert credits_(life) == [("2026-02-28T12:00:00Z", 18)]
