"""1msg's promise about work on its systems (M1-13), through the real routes and jobs."""

from datetime import timedelta

import pytest

from chalicelib.domain.moments import rfc3339
from tests.support.life import Life, consenting
from tests.support.maintenance import (
    ACME,
    CHANNEL,
    DAY,
    END,
    HOUR,
    MESSAGING,
    SECOND,
    SMARTER,
    WHY,
    Works,
    on,
    promising_life,
)
from tests.support.rewriting import promise_anew


@pytest.fixture
def works():
    return Works()


# -- how long


def test_a_day_of_work_extends_access_by_a_day(works):
    """M1-13: "the period of access to the Service is extended by the same number of calendar days on which the Service
    was unavailable"."""
    works.announce("02-10 02:00", "02-10 04:00")
    works.leave()

    assert works.ends() == END + DAY
    assert works.shown()["extended_days"] == 1

    works.life.move(END + DAY - SECOND)
    assert works.may_send() is True
    assert works.reason() == "extended"

    works.life.move(END + DAY)
    assert works.may_send() is False
    assert works.reason() == "ended"


def test_by_the_clock_alone_it_is_so_too(works):
    """M1-13: "the period of access … is extended". No job of ours has to run for it."""
    works.announce("02-10 02:00", "02-10 04:00")
    works.leave()

    works.life.sleep(END + DAY - SECOND)
    assert works.may_send() is True

    works.life.sleep(END + DAY)
    assert works.may_send() is False


@pytest.mark.parametrize(
    ("starts", "ends", "days"),
    [
        ("02-10 00:00", "02-11 00:00", 1),
        ("02-10 00:00", "02-11 00:01", 2),
        ("02-10 23:30", "02-11 00:30", 2),
        ("02-10 12:00", "02-12 12:00", 3),
        ("02-27 12:00", "02-28 12:00", 2),
    ],
)
def test_each_calendar_day_that_work_touches_counts_once(works, starts, ends, days):
    """M1-13: "the same number of calendar days on which the Service was unavailable"."""
    works.announce(starts, ends)
    works.leave()

    assert works.ends() == END + days * DAY


def test_windows_that_overlap_count_a_day_once(works):
    """M1-13: "the same number of calendar days"."""
    works.announce("02-10 02:00", "02-11 04:00")
    works.announce("02-11 20:00", "02-12 01:00", kind="emergency")
    works.announce("02-11 06:00", "02-11 07:00")
    works.leave()

    assert works.ends() == END + 3 * DAY


def test_work_while_access_is_only_extended_extends_it_again(works):
    """M1-13: "the period of access … is extended": an extension that lies in the work itself would be none."""
    works.announce("02-28 06:00", "03-02 06:00")
    works.leave()

    assert works.ends() == END + 3 * DAY


def test_work_after_the_end_extends_nothing(works):
    """M1-13: "on which the Service was unavailable": to whoever had access."""
    works.leave()
    works.announce("02-28 12:00", "03-01 12:00")

    assert works.ends() == END
    assert works.letters() == []


def test_who_leaves_before_announced_work_is_told_the_end_without_it_and_has_it_again_if_they_stay(
    works,
):
    """M1-13: "on which the Service was unavailable". Seed 1288; invariant 14: the preview and the letter say so."""
    works.announce("03-04 04:00", "03-08 08:00")
    assert works.shown()["extended_days"] == 5

    shown = works.life.preview(ACME, works.subscription).body
    works.leave()

    assert shown["access_ends_at"] == rfc3339(END)
    assert works.ends() == END
    (mail,) = works.life.mail("cancellation")
    assert "Last day of access: 28 February 2026" in mail["text"]
    works.life.resume(ACME, works.subscription)
    assert works.shown()["extended_days"] == 5


def test_work_in_the_last_second_of_access_counts(works):
    """M1-13: both sides of that boundary."""
    works.leave()
    works.announce("02-28 11:59", "02-28 12:30")

    assert works.ends() == END + DAY


def test_whoever_comes_after_the_work_gets_nothing_from_it(works):
    """M1-13: "the period of access": theirs was not interrupted."""
    works.announce("02-10 02:00", "02-10 04:00")
    works.life.move(on("02-10 04:00"))

    works.life.account("later", "1msg")
    later = works.life.subscribe("later", CHANNEL)
    works.leave("later", later)

    assert works.shown("later")["extended_days"] == 0
    assert works.life.access_ends_at("later", later) == on("03-10 04:00")
    assert works.letters("later") == []


def test_whoever_comes_before_announced_work_is_covered_and_told(works):
    """M1-13: work that was announced before they came keeps them out like everybody else."""
    works.announce("02-10 02:00", "02-10 04:00")

    works.life.account("later", "1msg")
    later = works.life.subscribe("later", CHANNEL)

    assert works.shown("later")["extended_days"] == 1
    works.leave("later", later)
    assert works.life.access_ends_at("later", later) == END + DAY
    assert len(works.letters("later")) == 1


def test_a_newcomer_whom_nobody_looks_at_is_told_after_the_work(works):
    """M1-13: every client, also one for whom no request and no event comes by."""
    works.announce("02-10 02:00", "02-10 04:00")
    customer = works.life.account("later", "1msg")
    price = works.life.stripe("GET", f"/v1/prices?lookup_keys[]={CHANNEL}")["data"][0]["id"]
    works.life.stripe("POST", "/v1/subscriptions", f"customer={customer}&items[0][price]={price}")

    works.life.move(on("02-10 06:00"))

    assert len(works.letters("later")) == 1


def test_another_company_s_customers_are_neither_told_nor_extended():
    """M1-13 is 1msg's promise; the others made none."""
    works = Works(policy="smarter-contact", price="smarter-contact:messaging:month")

    window = works.announce("02-10 02:00", "02-10 04:00")
    works.leave()

    assert window["policies"] == ["1msg"]
    assert works.ends() == END
    assert works.letters() == []


# -- every later date


NUMBER = "+14155550100"
STEPS = (
    *("access_ends", "messages_credited", "numbers_released", "registrations_lapse"),
    "data_purged",
)


def everything():
    """Somebody who has whatever a plan's end may take, under a policy that promises as 1msg does."""
    works = Works(promising_life(), SMARTER, MESSAGING)
    works.life.number(ACME, NUMBER)
    works.life.registration(ACME, "R1")
    works.life.schedule(ACME, ("M1", "sms", on("03-01 13:00"), 7), ("M2", "sms", on("06-01"), 5))
    return works


def test_every_later_date_moves_with_it():
    """M1-13: the period of access is longer, and what follows from its end follows later."""
    works = everything()
    works.leave()
    before = works.life.upcoming(ACME)

    works.announce("02-10 02:00", "02-11 04:00")

    after = works.life.upcoming(ACME)
    assert after["access_extended"] == END
    assert {kind: after[kind] - before[kind] for kind in STEPS} == dict.fromkeys(STEPS, 2 * DAY)


def test_nothing_is_done_on_the_old_dates_and_everything_on_the_new_ones():
    """M1-13: messages are credited, numbers released, registrations lapsed and data purged that much later."""
    works = everything()
    works.leave()
    works.announce("02-10 02:00", "02-11 04:00")
    life, end = works.life, END + 2 * DAY

    life.move(end - SECOND)
    assert life.entries(ACME, "messages_credited") == []
    assert life.service("POST", f"/v1/scheduled-messages/M1/sent?account_id={ACME}").status == 200

    life.move(end)
    (credit,) = life.entries(ACME, "messages_credited")
    assert credit["amount"] == {"amount": 5, "currency": "usd"}, "what was sent meanwhile is sent"

    life.move(end + 14 * DAY - SECOND)
    assert life.releases(NUMBER) == []
    life.move(end + 14 * DAY)
    assert life.releases(NUMBER) == [end + 14 * DAY]

    life.move(end + 30 * DAY - SECOND)
    assert life.lapses("R1") == []
    life.move(end + 30 * DAY)
    assert life.lapses("R1") == [end + 30 * DAY]

    purge = end.replace(year=2027)
    life.move(purge - SECOND)
    assert life.membership(ACME)["subscriptions"]
    life.move(purge)
    assert life.membership(ACME)["subscriptions"] == []


def test_what_was_released_stays_released_when_work_is_recorded_late_and_they_are_told():
    """M1-13: access is restored; what is gone is gone, and the letter says so."""
    works = everything()
    works.leave()
    works.life.move(END + 14 * DAY + HOUR)
    assert works.life.releases(NUMBER)

    works.announce("02-01 02:00", "02-16 04:00", kind="emergency")

    assert works.ends() == END + 16 * DAY
    assert works.life.features(ACME)["send_sms"] is True
    (mail,) = works.letters()
    assert "Your access had ended; it is restored." in mail["text"]
    assert "Gone for good: phone numbers." in mail["text"]
    assert works.life.membership(ACME)["numbers"] == []
    assert "10DLC registration lapses" in mail["text"], "the date of what is not yet gone moved"

    works.life.move(END + 46 * DAY)
    assert works.life.releases(NUMBER) == [END + 14 * DAY], "released once"
    assert works.life.lapses("R1") == [END + 46 * DAY]
    assert len(works.life.entries(ACME, "messages_credited")) == 1


def test_the_preview_shows_the_extension_and_what_was_shown_is_carried_out(works):
    """M1-13, and invariant 14."""
    works.announce("02-10 02:00", "02-11 04:00")

    shown = works.life.preview(ACME, works.subscription).body

    (line,) = [one for one in shown["consequences"] if one["kind"] == "access_extended"]
    assert (line["at"], line["count"]) == (rfc3339(END), 2)
    assert shown["access_ends_at"] == rfc3339(END + 2 * DAY)

    works.leave()
    assert works.ends() == END + 2 * DAY


def test_the_confirmation_names_the_extended_last_day(works):
    """OS-6 with M1-13: the last day of access is the one it really is."""
    works.announce("02-10 02:00", "02-10 04:00")
    works.leave()

    (mail,) = works.life.mail("cancellation")
    assert "Last day of access: 1 March 2026" in mail["text"]


def test_work_announced_after_the_confirmation_tells_the_new_date(works):
    """Invariant 14: what was confirmed is carried out, or the customer is told of the change."""
    works.leave()
    works.announce("02-10 02:00", "02-10 04:00")

    assert works.ends() == END + DAY
    (mail,) = works.letters()
    assert "Your access is extended by one calendar day" in mail["text"]
    assert "1 March 2026 at 12:00 (UTC): Access ends" in mail["text"]


def test_stripe_ends_the_subscription_at_its_own_date_and_access_goes_on(works):
    """M1-15: "the Licensor’s settings" decide access after cancellation. Stripe's dates are not moved."""
    works.announce("02-10 02:00", "02-10 04:00")
    works.leave()
    at_stripe = works.life.stripe("GET", f"/v1/subscriptions/{works.subscription}")

    works.life.move(END + HOUR)

    assert (at_stripe["cancel_at"] or at_stripe["items"]["data"][0]["current_period_end"]) == int(
        END.timestamp()
    )
    gone = works.life.stripe("GET", f"/v1/subscriptions/{works.subscription}")
    assert gone["status"] == "canceled"
    assert works.shown()["status"] == "pending_cancellation"
    assert works.may_send() is True
    assert works.life.mail("has ended") == []

    works.life.move(END + DAY)
    assert works.shown()["status"] == "canceled"
    assert len(works.life.mail("has ended")) == 1


# -- who renews, resumes, returns


def test_whoever_renews_carries_the_days_to_their_final_end(works):
    """M1-13: the renewal date is Stripe's and stays; the days are not lost."""
    works.announce("02-10 02:00", "02-10 04:00")
    renews_at = works.shown()["renews_at"]
    assert renews_at == rfc3339(END)

    works.life.move(on("03-15 12:00"))
    works.announce("03-20 02:00", "03-20 04:00")
    works.leave()

    assert works.shown()["extended_days"] == 2
    assert works.ends() == on("03-31 12:00") + 2 * DAY


def test_the_days_are_not_charged_for(works):
    """M1-13: Stripe's last period is the last that is paid, however long access goes on."""
    works.announce("02-10 02:00", "02-10 04:00")
    assert works.shown()["next_charge"]["at"] == rfc3339(END)

    works.leave()
    assert works.shown()["next_charge"] is None
    works.life.move(END + 2 * DAY)

    assert len(works.life.charges(_customer(works))) == 1


def test_resuming_keeps_the_days_for_later(works):
    """M1-13: the days belong to the subscription, whatever the customer decides meanwhile."""
    works.announce("02-10 02:00", "02-10 04:00")
    works.leave()
    works.life.resume(ACME, works.subscription)
    assert (works.shown()["access_ends_at"], works.shown()["extended_days"]) == (None, 1)

    works.leave()

    assert works.ends() == END + DAY


def test_whoever_returns_during_the_extension_may_buy_the_plan_and_keeps_the_old_days(works):
    """SC-7 with M1-13: a subscription that Stripe has ended cannot be resumed, so there must be a way to stay."""
    works.announce("02-10 02:00", "02-10 04:00")
    works.leave()
    works.life.move(END + HOUR)
    assert works.life.resume(ACME, works.subscription).code == "not_resumable"

    new = works.life.subscribe(ACME, CHANNEL)

    shown = {s["id"]: s for s in works.life.membership(ACME)["subscriptions"]}
    assert shown[works.subscription]["access_ends_at"] == rfc3339(END + DAY)
    assert (shown[new]["status"], shown[new]["extended_days"]) == ("active", 0)


def test_before_the_paid_period_is_over_the_plan_is_not_sold_twice(works):
    """M1-1: both sides of that boundary."""
    works.announce("02-10 02:00", "02-10 04:00")
    works.leave()
    works.life.sleep(END - SECOND)
    body = {"purpose": "plan", "price": CHANNEL, "success_url": "https://app.example.com/ok",
            "cancel_url": "https://app.example.com/no"}  # fmt: skip

    refused = works.life.customer(ACME, "POST", "/v1/checkout-sessions", body)
    assert refused.code == "already_subscribed"

    works.life.sleep(END)
    assert works.life.customer(ACME, "POST", "/v1/checkout-sessions", body).status == 201


def test_an_unpaid_renewal_keeps_the_extended_period_and_not_a_second_more(works):
    """M1-13 and M1-14: the paid-through date is extended, also for whoever does not pay for the next."""
    works.announce("02-10 02:00", "02-16 04:00")
    works.life.control("fail_payment", customer=works.life.membership(ACME) and _customer(works))

    works.life.move(END + 7 * DAY - SECOND)
    assert works.may_send() is True
    assert works.reason() == "extended"

    works.life.move(END + 7 * DAY)
    assert works.may_send() is False


def _customer(works):
    return works.life.operator("GET", f"/v1/admin/accounts?query={ACME}").body["data"][0][
        "stripe_customer_id"
    ]


# -- recorded afterwards


def test_work_recorded_afterwards_restores_access_that_had_ended(works):
    """M1-13: "emergency unscheduled work" is announced when it is over, and counts."""
    works.leave()
    works.life.move(END + HOUR)
    assert works.may_send() is False
    assert works.shown()["status"] == "canceled"

    works.announce("02-20 02:00", "02-22 04:00", kind="emergency")

    assert works.may_send() is True
    assert works.shown()["status"] == "pending_cancellation"
    assert works.ends() == END + 3 * DAY
    (mail,) = works.letters()
    assert "Your access had ended; it is restored." in mail["text"]
    assert "3 March 2026 at 12:00 (UTC): Access ends" in mail["text"]

    works.life.move(END + 3 * DAY)
    assert works.may_send() is False
    assert len(works.life.mail("has ended")) == 2, "each end is told"


def test_what_was_purged_stays_purged():
    """M1-13: what was purged in the meantime is not brought back, and neither is access to it."""
    works = everything()
    works.leave()
    purge = works.life.upcoming(ACME)["data_purged"]
    works.life.move(purge + HOUR)
    assert works.life.membership(ACME)["subscriptions"] == []

    reply = works.life.operator(
        "POST",
        "/v1/maintenance-windows",
        {"starts_at": rfc3339(purge - 366 * DAY), "ends_at": rfc3339(purge - 364 * DAY),
         "kind": "emergency", "reason": WHY},
    )  # fmt: skip

    assert reply.status == 201, reply.body
    assert works.life.features(ACME)["send_sms"] is False
    assert works.life.membership(ACME)["subscriptions"] == []
    assert works.letters() == []


# -- not for whoever lost what they paid for


def test_work_is_no_ground_for_a_refund(works):
    """M1-13: days are given back as days; M1-7 decides about money, by use alone."""
    asked = {"subscription_id": works.subscription}
    works.life.service(
        "POST",
        "/v1/activity",
        {"account_id": ACME, "kind": "message", "at": rfc3339(works.life.now), "id": "A1"},
    )
    works.announce("02-10 02:00", "02-13 04:00", kind="emergency")

    case = works.life.customer(ACME, "POST", "/v1/refund-requests", asked)

    assert case.body["eligibility"]["eligible"] is False
    assert [one["code"] for one in case.body["eligibility"]["reasons"]] == ["used"]


def test_an_extension_makes_no_period_refundable_that_is_over(works):
    """M1-14: "services for that period are deemed fully rendered": the extension is no paid period."""
    works.announce("02-10 02:00", "02-10 04:00")
    works.leave()
    works.life.move(END + HOUR)

    case = works.life.customer(
        ACME, "POST", "/v1/refund-requests", {"subscription_id": works.subscription}
    )

    assert "period_over" in [one["code"] for one in case.body["eligibility"]["reasons"]]


def test_an_end_that_was_refunded_is_not_revived(works):
    """M1-7, M1-15: whoever has the money back has no access, and work recorded afterwards gives none."""
    case = works.life.customer(
        ACME, "POST", "/v1/refund-requests", {"subscription_id": works.subscription}
    ).body
    works.life.operator(
        "POST", f"/v1/cases/{case['id']}/decision", {"approve": True, "reason": "never used"}
    )
    works.life.move(works.life.now + HOUR)
    assert works.may_send() is False

    works.announce("01-31 11:00", "02-02 04:00", kind="emergency")

    assert works.may_send() is False
    assert works.shown()["extended_days"] == 0
    assert works.letters() == []


def test_a_dispute_lost_during_the_extension_takes_the_extension(works):
    """M1-12 with M1-13: what the lost payment had bought goes, and what came on top of it."""
    works.announce("02-10 02:00", "02-12 04:00")
    works.leave()
    works.life.move(END + HOUR)
    charge = works.life.charges(_customer(works))[0]["id"]
    dispute = works.life.control("open_dispute", charge=charge)["dispute"]

    works.life.control("close_dispute", charge=charge, dispute=dispute, status="lost")

    assert works.may_send() is False


# -- what they are told


def test_every_client_is_told_once_by_mail_and_in_the_product(works):
    """M1-13: "the Client is notified" by e-mail, whether the work lies ahead or not."""
    works.life.account("other", "1msg")
    works.life.subscribe("other", CHANNEL)

    works.announce("02-10 02:00", "02-10 04:00")
    for account in (ACME, "other"):
        works.life.membership(account)
    works.life.move(on("02-12"))

    for account in (ACME, "other"):
        (mail,) = works.letters(account)
        assert mail["subject"] == "Planned work on 10 February 2026 at 02:00 (UTC)"
        assert (
            "from 10 February 2026 at 02:00 (UTC) to 10 February 2026 at 04:00 (UTC)"
            in mail["text"]
        )
        assert WHY in mail["text"]
        notices = works.life.membership(account)["notices"]
        assert [n["title"] for n in notices if n["kind"] == "maintenance_announced"] == [
            mail["subject"]
        ]
    events = works.life.events("maintenance.announced")
    assert {(e["account_id"], e["data"]["days"]) for e in events} == {(ACME, 1), ("other", 1)}


def test_in_french(works):
    """The same, in the account's language."""
    works.life.operator("PUT", f"/v1/admin/accounts/{ACME}", {"locale": "fr"})
    works.leave()

    works.announce("02-10 02:00", "02-10 04:00")

    (mail,) = [m for m in works.life.mail() if "Travaux" in m["subject"]]
    assert "Votre accès est prolongé d'un jour calendaire" in mail["text"]
    assert "L'accès prend fin" in mail["text"]


# -- longer than promised


@pytest.mark.parametrize(
    ("starts", "ends", "flagged"),
    [
        ("02-10 00:00", "02-13 00:00", False),  # Tuesday to Thursday
        ("02-10 00:00", "02-13 00:01", True),
        ("02-12 00:00", "02-17 00:00", False),  # Thursday to Monday: a weekend is no business day
        ("02-12 00:00", "02-17 00:01", True),
    ],
)
def test_work_beyond_three_business_days_is_flagged_and_extends_all_the_same(
    works, starts, ends, flagged
):
    """M1-13: "for up to three (3) business days"."""
    window = works.announce(starts, ends)
    works.leave()

    assert [w["code"] for w in window["warnings"]] == (["longer_than_promised"] if flagged else [])
    days = (on(ends) - on(starts) + DAY - SECOND) // DAY
    assert works.ends() == END + days * DAY


# -- in the policy's zone


def test_half_an_hour_on_both_sides_of_the_policy_s_midnight_is_two_days():
    """M1-13: "calendar days" are those of the company, not those of UTC."""
    life = Life()
    promise_anew(life, "1msg", ('time_zone = "UTC"', 'time_zone = "Asia/Singapore"'))
    works = Works(life)

    window = works.announce("02-10 15:30", "02-10 16:30")
    works.leave()

    assert window["days"] == {"1msg": ["2026-02-10", "2026-02-11"]}
    assert works.ends() == END + 2 * DAY


# -- what was shown before it was announced


def test_a_preview_from_before_the_announcement_is_not_what_is_carried_out(works):
    """Invariant 14: whoever was shown another day is shown the new one before anything is decided."""
    shown = works.life.preview(ACME, works.subscription).body
    works.announce("02-10 02:00", "02-10 04:00")
    path = f"/v1/subscriptions/{works.subscription}/cancellation"

    stale = works.life.customer(ACME, "POST", path, consenting(shown))
    assert stale.code == "preview_stale"

    works.leave()
    assert works.ends() == END + DAY


# -- moved and withdrawn


def test_work_that_is_withdrawn_leaves_what_was_promised(works):
    """M1-13: what was announced once is not taken back."""
    window = works.announce("02-10 02:00", "02-11 04:00")
    works.leave()

    works.change(window, withdrawn=True)

    assert works.ends() == END + 2 * DAY
    told = works.letters()
    assert told[-1]["subject"] == "The work on 10 February 2026 at 02:00 (UTC) does not take place"
    assert "stay yours" in told[-1]["text"]


def test_work_that_is_moved_counts_once(works):
    """M1-13: "the same number of calendar days": those of the work that takes place."""
    window = works.announce("02-10 02:00", "02-10 04:00")
    works.leave()

    works.change(window, starts_at="02-12 02:00", ends_at="02-12 04:00")

    assert works.ends() == END + DAY
    assert (
        works.letters()[-1]["subject"]
        == "Work on our systems: now on 12 February 2026 at 02:00 (UTC)"
    )


def test_work_that_becomes_longer_extends_further_and_shorter_takes_nothing_back(works):
    """M1-13: per account, the granted days only grow."""
    window = works.announce("02-10 02:00", "02-10 04:00")
    works.leave()

    works.change(window, ends_at="02-12 04:00")
    assert works.ends() == END + 3 * DAY

    works.change(window, ends_at="02-10 04:00")
    assert works.ends() == END + 3 * DAY


def test_work_moved_behind_the_end_leaves_what_was_promised(works):
    """M1-13: the new time is none of theirs any more; the day they were promised is."""
    works.leave()
    window = works.announce("02-27 02:00", "02-27 04:00")
    assert works.ends() == END + DAY

    works.change(window, starts_at="03-20 02:00", ends_at="03-20 04:00")

    assert works.ends() == END + DAY


def test_a_company_that_is_not_meant_after_all_keeps_its_promise_and_makes_no_new_one(works):
    """M1-13: its customers are told that nothing happens to them; whoever comes later hears of nothing."""
    window = works.announce("02-10 02:00", "02-10 04:00", policies=["1msg", "goto"])
    works.leave()

    works.change(window, policies=["goto"])

    assert works.ends() == END + DAY
    assert "does not take place" in works.letters()[-1]["subject"]
    works.life.account("later", "1msg")
    works.life.subscribe("later", CHANNEL)
    assert works.shown("later")["extended_days"] == 0
    assert works.letters("later") == []


def test_another_reason_tells_nobody_anything_again(works):
    """Told once per window, and again only when what it means for them changed."""
    window = works.announce("02-10 02:00", "02-10 04:00")
    works.change(window, reason="Old disks")
    works.change(window, reason="Old disks")
    works.life.move(on("02-12"))

    assert len(works.letters()) == 1


def test_a_reminder_and_a_purge_follow_the_extended_end(works):
    """M1-13: "extended": nobody acts on the old date."""
    works.leave()
    works.announce("02-10 02:00", "02-14 04:00")

    works.life.move(on("03-05 12:00") - SECOND)
    assert works.may_send()
    works.life.move(on("03-05 12:00") + timedelta(minutes=5))

    assert not works.may_send()
    done = works.life.operator("GET", f"/v1/admin/accounts/{ACME}/timeline").body["past"]
    (ended,) = [one for one in done if one["what"] == "step.access_ends"]
    assert ended["data"]["due"] == "2026-03-05T12:00:00Z"
