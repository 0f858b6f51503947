"""SC-2, SC-3 and SC-5: no more charges, access to the last second, and only of the plan that was cancelled."""

from datetime import UTC, datetime

import pytest

from tests.support.life import Life
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

ALL_OFF = {
    "log_in": True, "send_sms": False, "launch_campaigns": False, "dialer": False,
    "send_rvm": False,
}  # fmt: skip


def given(life: Life) -> set[str]:
    return {name for name, has in life.features(ACME).items() if has} - {"log_in"}


def test_renewal_is_off_at_stripe_itself():
    """SC-2: "Your subscription will not renew"."""
    life, (messaging,) = subscribed()

    life.cancel(ACME, messaging)

    at_stripe = life.stripe("GET", f"/v1/subscriptions/{messaging}")
    assert at_stripe["cancel_at_period_end"] is True
    assert at_stripe["status"] == "active"


def test_the_card_is_not_charged_again():
    """SC-2: "no further charges will be made to your credit card."."""
    life = Life()
    customer = life.account(ACME)
    messaging = life.subscribe(ACME)
    life.cancel(ACME, messaging)
    before = life.charges(customer)

    life.move(PURGE)

    assert [charge["amount"] for charge in before] == [9900]
    assert life.charges(customer) == before
    assert life.stripe("GET", f"/v1/subscriptions/{messaging}")["status"] == "canceled"


def test_without_a_cancellation_it_does_renew():
    """SC-2: "Your subscription will not renew": the other side, so that the test above proves something."""
    life = Life()
    customer = life.account(ACME)
    messaging = life.subscribe(ACME)

    life.move(END + 7200 * SECOND)

    assert [charge["amount"] for charge in life.charges(customer)] == [9900, 9900]
    assert life.status(ACME, messaging) == "active"


def test_cancelled_while_a_renewal_is_unpaid_the_card_is_tried_no_more():
    """SC-2: "no further charges will be made to your credit card.": also not for what is still open."""
    life = Life()
    customer = life.account(ACME)
    messaging = life.subscribe(ACME)
    life.control("fail_payment", customer=customer)
    life.move(END + 7200 * SECOND)
    behind = life.status(ACME, messaging)

    life.cancel(ACME, messaging)
    tried = life.charges(customer)
    life.control("allow_payment", customer=customer)
    life.move(PURGE)

    assert behind == "past_due"
    assert [charge["status"] for charge in tried] == ["succeeded", "failed"]
    assert life.charges(customer) == tried


@pytest.mark.parametrize(
    ("price", "bought", "end"),
    [
        ("month", "2026-01-31T12:00:00Z", "2026-02-28T12:00:00Z"),
        ("month", "2026-03-08T06:30:00Z", "2026-04-08T06:30:00Z"),
        ("year", "2028-02-29T00:00:00Z", "2029-02-28T00:00:00Z"),
        ("year", "2026-07-01T23:59:59Z", "2027-07-01T23:59:59Z"),
    ],
)
def test_access_until_the_last_second_of_the_paid_period(price, bought, end):
    """SC-3: "You can continue using Smarter Contact until your current billing period ends."."""
    start, end = datetime.fromisoformat(bought), datetime.fromisoformat(end)
    life, (messaging,) = subscribed(f"smarter-contact:messaging:{price}", start=start)
    life.cancel(ACME, messaging)

    life.move(end - SECOND)
    at_the_last_second = life.features(ACME), life.status(ACME, messaging)
    life.move(end)

    assert at_the_last_second[0] == ALL_OFF | {"send_sms": True, "launch_campaigns": True}
    assert at_the_last_second[1] == "pending_cancellation"
    assert life.features(ACME) == ALL_OFF
    assert life.status(ACME, messaging) == "canceled"


def test_access_ends_by_the_clock_though_no_job_ran_and_stripe_said_nothing():
    """SC-3: "You can continue using Smarter Contact until your current billing period ends."."""
    life, (messaging,) = subscribed()
    life.cancel(ACME, messaging)

    life.wait(END - SECOND)
    before = given(life)
    life.wait(END)

    assert before == {"send_sms", "launch_campaigns"}
    assert given(life) == set()
    assert life.status(ACME, messaging) == "canceled"


def test_cancelled_in_the_second_month_access_lasts_to_the_end_of_that_month():
    """SC-3: "You can continue using Smarter Contact until your current billing period ends."."""
    life, (messaging,) = subscribed()
    life.move("2026-03-10T00:00:00Z")

    life.cancel(ACME, messaging)

    end = datetime(2026, 3, 31, 12, tzinfo=UTC)
    assert life.access_ends_at(ACME, messaging) == end
    life.move(end - SECOND)
    assert given(life) == {"send_sms", "launch_campaigns"}
    life.move(end)
    assert given(life) == set()


def test_cancelled_in_the_hour_before_the_renewal_s_invoice_is_charged():
    """SC-3: "You can continue using Smarter Contact until your current billing period ends."."""
    life, (messaging,) = subscribed()
    life.move(END + 600 * SECOND)
    settling = given(life)

    life.cancel(ACME, messaging)
    life.move("2026-03-31T11:59:59Z")

    assert settling == {"send_sms", "launch_campaigns"}
    assert given(life) == {"send_sms", "launch_campaigns"}
    life.move("2026-03-31T12:00:00Z")
    assert given(life) == set()


def test_each_plan_gives_its_own_features():
    """SC-5: "features included in your plan": messages and campaigns, or the dialer."""
    life, _ = subscribed()
    assert given(life) == {"send_sms", "launch_campaigns"}

    life.subscribe(ACME, CALLING)

    assert given(life) == {"send_sms", "launch_campaigns", "dialer", "send_rvm"}


@pytest.mark.parametrize(
    ("canceled", "left"),
    [(0, {"dialer", "send_rvm"}), (1, {"send_sms", "launch_campaigns"})],
)
def test_cancelling_one_of_two_plans_takes_only_that_plan_s_features(canceled, left):
    """SC-5: "you will lose access to all Smarter Contact features included in your plan"."""
    life, plans = subscribed(MESSAGING, CALLING)
    life.cancel(ACME, plans[canceled])

    life.move(END - SECOND)
    before = given(life)
    life.move(END)

    assert before == {"send_sms", "launch_campaigns", "dialer", "send_rvm"}
    assert given(life) == left
    for later in (RELEASE, LAPSE, PURGE):
        life.move(later + 7200 * SECOND)
        assert given(life) == left


def test_the_reason_for_each_feature_is_told():
    """SC-5: "you will lose access to all Smarter Contact features included in your plan"."""
    life, (messaging, _) = subscribed(MESSAGING, CALLING)
    life.cancel(ACME, messaging)

    def reasons() -> dict[str, str]:
        told = life.customer(ACME, "GET", "/v1/entitlements").body["reasons"]
        return {name: told[name] for name in ("log_in", "send_sms", "dialer")}

    assert reasons() == {"log_in": "always", "send_sms": "pending_cancellation", "dialer": "active"}
    life.move(END)
    assert reasons() == {"log_in": "always", "send_sms": "ended", "dialer": "settling"}
    life.move(END + 7200 * SECOND)
    assert reasons() == {"log_in": "always", "send_sms": "ended", "dialer": "active"}
