"""M1-13: who renews, resumes or returns keeps the days; who lost what they paid for has none, and no money follows."""

import pytest

from chalicelib.domain.moments import rfc3339
from tests.support.maintenance import (
    ACME,
    CHANNEL,
    DAY,
    END,
    HOUR,
    SECOND,
    Works,
    on,
)


@pytest.fixture
def works():
    return Works()


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

    assert len(works.life.charges(works.customer())) == 1


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
    works.life.control("fail_payment", customer=works.customer())

    works.life.move(END + 7 * DAY - SECOND)
    assert works.may_send() is True
    assert works.reason() == "extended"

    works.life.move(END + 7 * DAY)
    assert works.may_send() is False


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
    charge = works.life.charges(works.customer())[0]["id"]
    dispute = works.life.control("open_dispute", charge=charge)["dispute"]

    works.life.control("close_dispute", charge=charge, dispute=dispute, status="lost")

    assert works.may_send() is False
