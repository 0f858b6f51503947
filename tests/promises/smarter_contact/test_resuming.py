"""SC-4: resuming, up to the last second, wherever the cancellation came from and whenever its webhook arrives."""

from datetime import timedelta

import pytest

from chalicelib import wiring
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
    TEN_DLC,
    as_seen,
    leaving,
    subscribed,
)


def history(life: Life) -> list[str]:
    told = life.operator("GET", f"/v1/admin/accounts/{ACME}/timeline")
    assert told.status == 200, told.body
    return [entry["what"] for entry in told.body["past"]]


def marks(life: Life, subscription: str) -> tuple[object, bool]:
    at_stripe = life.stripe("GET", f"/v1/subscriptions/{subscription}")
    return at_stripe["cancel_at"], at_stripe["cancel_at_period_end"]


def test_resuming_at_the_last_second_undoes_everything():
    """SC-4: "You can resume your subscription at any time before the billing period ends"."""
    life, messaging = leaving()
    life.move(END - SECOND)

    answer = life.resume(ACME, messaging)

    assert (answer.status, answer.body) == (200, {"status": "active"})
    assert marks(life, messaging) == (None, False)
    assert life.status(ACME, messaging) == "active"
    assert set(life.upcoming(ACME)) == {"number_fee"}
    life.move(PURGE + timedelta(days=1))
    assert life.features(ACME)["send_sms"] is True
    assert life.at_carrier() == {ONE: "active", TEN_DLC: "active"}


def test_at_the_end_itself_it_is_too_late():
    """SC-4: "before the billing period ends"."""
    life, messaging = leaving()
    life.wait(END)
    # Stripe is not even asked: it might not have ended the subscription yet.
    life.faults.order({"target": "stripe", "kind": "error", "count": 9})

    answer = life.resume(ACME, messaging)
    life.faults.order({"target": "stripe", "kind": "error", "count": 0})

    assert (answer.status, answer.code) == (409, "not_resumable")
    assert answer.body["action"]["label"] == "Subscribe again"
    life.move(END)
    assert life.resume(ACME, messaging).code == "not_resumable"


@pytest.mark.parametrize("day", [0, 1, 14, 27])
def test_resuming_on_any_day_before(day):
    """SC-4: "You can resume your subscription at any time before the billing period ends"."""
    life, messaging = leaving()
    life.move(life.now + timedelta(days=day))

    assert life.resume(ACME, messaging).status == 200

    life.move(RELEASE)
    assert life.status(ACME, messaging) == "active"
    assert life.at_carrier()[ONE] == "active"


def test_resumed_at_the_last_second_though_its_webhook_arrives_after_the_expiry_job():
    """SC-4: "You can resume your subscription at any time before the billing period ends"."""
    life, messaging = leaving()
    life.schedule(ACME, ("s1", "sms", LAPSE, 7))
    life.move(END - SECOND)
    life.control("delay_webhooks")

    life.control("portal_resume", subscription=messaging)
    ran = life.move(END + timedelta(minutes=5))
    with_the_webhook_still_on_its_way = life.status(ACME, messaging)
    life.control("resume_webhooks")

    assert "expire_subscriptions" in {one.job for one in ran}
    assert with_the_webhook_still_on_its_way == "active"
    assert not {"step.access_ends", "step.messages_credited"} & set(history(life))
    assert life.entries(ACME, "messages_credited") == []
    assert life.status(ACME, messaging) == "active"
    life.move(LAPSE)
    assert life.features(ACME)["send_sms"] is True
    assert life.at_carrier() == {ONE: "active", TEN_DLC: "active"}


def test_cancelled_and_resumed_though_the_cancellation_s_webhook_arrives_last():
    """SC-4: "You can resume your subscription at any time before the billing period ends"."""
    life, (messaging,) = subscribed()
    life.control("delay_webhooks")
    life.cancel(ACME, messaging)
    life.move(END - SECOND)
    life.resume(ACME, messaging)

    life.control("reorder_webhooks")
    life.control("resume_webhooks")
    life.move(RELEASE)

    assert life.status(ACME, messaging) == "active"
    assert life.upcoming(ACME) == {}


def test_resumed_in_the_hosted_portal():
    """SC-4: "by clicking Resume subscription": the portal's own button counts the same."""
    life, messaging = leaving()

    life.control("portal_resume", subscription=messaging)

    assert life.status(ACME, messaging) == "active"
    assert set(life.upcoming(ACME)) == {"number_fee"}


@pytest.mark.parametrize("mode", ["flexible", "classic"])
def test_resume_clears_whichever_mark_the_portal_set(mode):
    """SC-4: "You can resume your subscription at any time before the billing period ends"."""
    life, messaging = subscribed_at_stripe(mode)
    life.control("portal_cancel", subscription=messaging)
    cancel_at, at_period_end = marks(life, messaging)
    assert cancel_at == END.timestamp()
    assert at_period_end is (mode == "classic")
    assert life.status(ACME, messaging) == "pending_cancellation"
    life.move(END - SECOND)

    assert life.resume(ACME, messaging).status == 200

    assert marks(life, messaging) == (None, False)
    life.move(RELEASE)
    assert life.status(ACME, messaging) == "active"


@pytest.mark.parametrize("mode", ["flexible", "classic"])
def test_cancelled_in_the_portal_is_the_same_as_cancelled_here(mode):
    """SC-3: "until your current billing period ends": the two ways lead to one state."""
    here, mine = subscribed_at_stripe(mode)
    here.cancel(ACME, mine)
    portal, theirs = subscribed_at_stripe(mode)
    portal.control("portal_cancel", subscription=theirs)

    for moment in (BEFORE, END - SECOND, END, RELEASE, LAPSE, PURGE):
        portal.move(moment)
        there = as_seen(portal), portal.at_carrier()
        in_turn(here)
        here.move(moment)
        assert (as_seen(here), here.at_carrier()) == there
        in_turn(portal)


BEFORE = END - timedelta(days=10)


def subscribed_at_stripe(mode: str) -> tuple[Life, str]:
    """A subscription that somebody made at Stripe, in this billing mode."""
    life = Life()
    customer = life.account(ACME)
    prices = life.stripe("GET", f"/v1/prices?lookup_keys[0]={MESSAGING}")["data"]
    made = life.stripe(
        "POST",
        "/v1/subscriptions",
        f"customer={customer}&items[0][price]={prices[0]['id']}&billing_mode[type]={mode}",
    )
    life.number(ACME, ONE)
    life.registration(ACME, TEN_DLC)
    return life, str(made["id"])


def in_turn(life: Life) -> None:
    """Two worlds in one process take turns."""
    wiring.use(life.world)


def test_resuming_one_plan_leaves_the_other_one_cancelled():
    """SC-4: "by clicking Resume subscription" of that plan."""
    life, (messaging, calling) = subscribed(MESSAGING, CALLING)
    life.cancel(ACME, messaging)
    life.cancel(ACME, calling)

    life.resume(ACME, calling)

    assert life.status(ACME, messaging) == "pending_cancellation"
    assert life.status(ACME, calling) == "active"
    assert "numbers_released" not in life.upcoming(ACME)


def test_resuming_what_was_never_cancelled_changes_nothing():
    """SC-4: "You can resume your subscription at any time before the billing period ends"."""
    life, (messaging,) = subscribed()

    assert life.resume(ACME, messaging).body == {"status": "active"}


def test_cancelling_and_resuming_many_times_leaves_no_trace_behind():
    """SC-4: "You can resume your subscription at any time before the billing period ends"."""
    life, messaging = leaving()

    for _ in range(3):
        assert life.resume(ACME, messaging).status == 200
        assert marks(life, messaging) == (None, False)
        assert life.cancel(ACME, messaging).status == 200
        assert marks(life, messaging)[1] is True

    assert life.access_ends_at(ACME, messaging) == END
    life.move(RELEASE)
    assert life.releases(ONE) == [RELEASE]


def test_a_member_may_not_resume():
    """SC-4: "You can resume your subscription": who may cancel may resume."""
    life, messaging = leaving()

    answer = life.api(
        "DELETE",
        f"/v1/subscriptions/{messaging}/cancellation",
        token=life.token(ACME, "member"),
    )

    assert (answer.status, answer.code) == (403, "role_required")
    assert life.status(ACME, messaging) == "pending_cancellation"
