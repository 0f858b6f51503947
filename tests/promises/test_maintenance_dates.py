"""M1-13: every later date moves with the extended end, also when the work is recorded after it."""

from datetime import timedelta

import pytest

from chalicelib.domain.moments import rfc3339
from tests.support.life import consenting
from tests.support.maintenance import (
    ACME,
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


@pytest.fixture
def works():
    return Works()


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


# -- every later date


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
