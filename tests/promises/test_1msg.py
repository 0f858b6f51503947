"""1msg's promises about Checkout, the Portal, and access. (Refunds, appeals and maintenance are a later part's.)"""

from datetime import timedelta

import pytest

from chalicelib.domain.moments import rfc3339
from tests.support.goto import (
    ACME,
    SECOND,
    as_role,
    at_stripe,
    billed,
    customer_id,
    ended_at,
    evidence,
    marked,
    noon,
    shown_subscription,
)
from tests.support.life import Life, Reply, consenting
from tests.support.rewriting import promise_anew

CHANNEL = "1msg:channel:month"
END, NEXT_END = noon("2026-02-28"), noon("2026-03-31")
HOUR = timedelta(hours=1)
BACK = "https://app.example.com/billing"


def nobody_yet() -> Life:
    life = Life()
    life.account(ACME, "1msg")
    return life


def subscribed() -> tuple[Life, str]:
    life = nobody_yet()
    return life, life.subscribe(ACME, CHANNEL)


def checkout(life: Life, **more: str) -> Reply:
    body = {"purpose": "plan", "price": CHANNEL, "success_url": BACK, "cancel_url": BACK, **more}
    return life.customer(ACME, "POST", "/v1/checkout-sessions", body)


def portal(life: Life, **more: str) -> Reply:
    return life.customer(ACME, "POST", "/v1/portal-sessions", {"return_url": BACK, **more})


def may_send(life: Life) -> bool:
    return life.features(ACME)["send_messages"]


# -- M1-1: Checkout


def test_the_first_subscription_goes_through_checkout():
    """M1-1: "Initial subscription to a channel plan is completed through Stripe Checkout (subscription mode): the Client
    enters payment details on Stripe’s hosted payment page."."""
    life = nobody_yet()

    made = checkout(life)

    session = life.stripe("GET", f"/v1/checkout/sessions/{made.body['checkout_session_id']}")
    assert (made.status, made.body["url"]) == (201, session["url"])
    assert session["mode"] == "subscription"
    assert session["customer"] == customer_id(life)


def test_a_plan_that_is_there_is_not_sold_twice():
    """M1-1: "Initial subscription"."""
    life, _ = subscribed()

    assert (checkout(life).status, checkout(life).code) == (409, "already_subscribed")


def test_a_plan_of_another_company_is_not_sold():
    """M1-1: "a channel plan"."""
    life = nobody_yet()

    refused = checkout(life, price="goto:webinar:month")

    assert (refused.status, refused.code) == (422, "invalid_request")


# -- M1-4: nothing but Stripe's word


@pytest.mark.parametrize("outcome", [None, "async_pending", "expired", "async_failed"])
def test_closing_the_tab_changes_nothing_until_stripe_confirms_a_payment(outcome):
    """M1-4: "Changes in the 1msg product take effect after confirmation by payment events (synchronisation with the
    service), not merely by closing the browser tab."."""
    life = nobody_yet()
    session = checkout(life).body["checkout_session_id"]

    if outcome == "async_failed":
        life.control("pay_checkout", session=session, outcome="async_pending")
    if outcome is not None:
        life.control("pay_checkout", session=session, outcome=outcome)

    assert may_send(life) is False
    assert [s["status"] for s in life.membership(ACME)["subscriptions"]] in ([], ["incomplete"])


def test_what_was_paid_later_counts_from_stripe_s_confirmation():
    """M1-4: "after confirmation by payment events"."""
    life = nobody_yet()
    session = checkout(life).body["checkout_session_id"]
    life.control("pay_checkout", session=session, outcome="async_pending")
    assert may_send(life) is False

    life.control("pay_checkout", session=session, outcome="async_succeeded")

    assert may_send(life) is True


def test_a_cancellation_waits_for_stripe_s_answer():
    """M1-4: no answer is no change."""
    life, channel = subscribed()
    shown = life.preview(ACME, channel)
    life.faults.order({"target": "stripe", "kind": "timeout", "count": 3})

    pressed = life.customer(
        ACME, "POST", f"/v1/subscriptions/{channel}/cancellation", consenting(shown.body)
    )

    assert (pressed.status, pressed.code) == (503, "stripe_unavailable")
    assert life.status(ACME, channel) == "active"


# -- M1-2: the Portal


def test_the_portal_opens_after_the_first_successful_payment_and_not_before():
    """M1-2: "Access to it from the 1msg account is available when the product conditions are met (including after the
    first successful payment through Stripe)."."""
    life = nobody_yet()
    before = portal(life)

    life.subscribe(ACME, CHANNEL)

    assert (before.status, before.code) == (409, "portal_unavailable")
    assert before.body["detail"] == "The billing portal opens after the first successful payment."
    assert portal(life).status == 201


def test_a_first_payment_that_failed_opens_no_portal():
    """M1-2: "the first *successful* payment"."""
    life = Life()
    life.account(ACME, "1msg")
    life.control("fail_payment", customer=customer_id(life))
    price = life.stripe("GET", f"/v1/prices?lookup_keys[]={CHANNEL}")["data"][0]["id"]
    made = life.stripe(
        "POST",
        "/v1/subscriptions",
        f"customer={customer_id(life)}&items[0][price]={price}&payment_behavior=allow_incomplete",
    )

    shown = shown_subscription(life, made["id"])

    assert (shown["status"], portal(life).code) == ("incomplete", "portal_unavailable")
    (why,) = shown["allowed"]["portal"]["blockers"]
    assert (shown["allowed"]["portal"]["ok"], why["code"]) == (False, "portal_unavailable")
    assert why["title"]
    assert why["action"]["href"]


def test_a_trial_is_no_payment():
    """M1-2: "after the first successful payment"."""
    life = nobody_yet()
    price = life.stripe("GET", f"/v1/prices?lookup_keys[]={CHANNEL}")["data"][0]["id"]
    life.stripe(
        "POST",
        "/v1/subscriptions",
        f"customer={customer_id(life)}&items[0][price]={price}&trial_period_days=14",
    )

    assert may_send(life) is True
    assert portal(life).code == "portal_unavailable"
    life.move(noon("2026-02-15"))
    assert portal(life).status == 201


@pytest.mark.parametrize("flow", ["payment_method_update", "subscription_cancel"])
def test_the_portal_opens_at_what_is_to_be_done(flow):
    """M1-2: "management of the subscription as regards payment method, subscription invoices and receipts (Stripe
    Billing), turning off auto-renewal and resuming the subscription"."""
    life, channel = subscribed()

    opened = portal(life, flow=flow, subscription_id=channel)

    assert (opened.status, "/p/session/" in opened.body["url"]) == (201, True)


def test_the_portal_is_for_those_who_may_bind_the_account():
    """M1-2: "the Client"."""
    life, _channel = subscribed()

    refused = as_role(life, "member", "POST", "/v1/portal-sessions", {"return_url": BACK})
    seen = as_role(life, "member", "GET", "/v1/membership").body["subscriptions"][0]

    assert (refused.status, refused.code) == (403, "role_required")
    assert [b["code"] for b in seen["allowed"]["portal"]["blockers"]] == ["role_required"]


# -- M1-3: cancelling there is cancelling


def by_ours(life: Life, channel: str) -> None:
    assert life.cancel(ACME, channel).status == 200


def by_portal(life: Life, channel: str) -> None:
    life.control("portal_cancel", subscription=channel, feedback="too_expensive", comment="dear")


def picture(life: Life, channel: str) -> dict:
    """What a customer sees of it."""
    shown = life.membership(ACME)
    return {
        "subscription": {k: v for k, v in shown["subscriptions"][0].items() if k != "id"},
        "upcoming": [{k: v for k, v in one.items() if k != "subject"} for one in shown["upcoming"]],
        "discover": shown["discover"],
        "features": life.features(ACME),
        "ended_at": ended_at(life, channel),
        "charges": len(billed(life)),
    }


def test_a_cancellation_in_the_portal_leads_to_exactly_the_same_as_ours():
    """M1-3: "Cancelling the subscription in the Customer Portal means disabling auto-renewal: access under the paid plan
    generally continues until the end of the already paid period"."""
    pictures = []
    for cancel in (by_ours, by_portal):
        life, channel = subscribed()
        seen = []
        cancel(life, channel)
        for moment in (END - SECOND, END, END + 48 * HOUR):
            seen.append(picture(life, channel))
            life.move(moment)
        seen.append(picture(life, channel))
        pictures.append(seen)

    assert pictures[0] == pictures[1]
    assert pictures[0][0]["subscription"]["status"] == "pending_cancellation"
    assert pictures[0][-1]["subscription"]["status"] == "canceled"
    assert pictures[0][-1]["charges"] == 1


def test_access_lasts_until_the_end_of_the_paid_period_after_a_portal_cancellation():
    """M1-3: "access under the paid plan generally continues until the end of the already paid period"."""
    life, channel = subscribed()
    by_portal(life, channel)

    life.move(END - SECOND)
    assert may_send(life) is True
    life.move(END)
    assert may_send(life) is False


def test_stripe_s_reason_is_kept():
    """M1-3, M1-4: what the customer told Stripe is part of what happened."""
    life, channel = subscribed()

    by_portal(life, channel)

    past = life.operator("GET", f"/v1/admin/accounts/{ACME}/timeline").body["past"]
    (noted,) = [one for one in past if one["what"] == "subscription.cancellation_scheduled"]
    assert noted["data"]["feedback"] == "too_expensive"
    assert noted["by"] == "stripe"


@pytest.mark.parametrize("cancel", [by_ours, by_portal])
@pytest.mark.parametrize("resume", ["here", "portal"])
def test_resumed_wherever_it_was_cancelled(cancel, resume):
    """M1-2: "Resuming the subscription (where technically permitted by the subscription state in Stripe) is also done in
    the Stripe Customer Portal."."""
    life, channel = subscribed()
    cancel(life, channel)
    life.move(END - SECOND)

    if resume == "here":
        assert life.resume(ACME, channel).status == 200
    else:
        life.control("portal_resume", subscription=channel)
    life.move(END + 2 * HOUR)

    assert (life.status(ACME, channel), marked(life, channel)) == ("active", False)
    assert billed(life) == ["2026-01-31", "2026-02-28"]


def test_after_the_end_nothing_is_resumed():
    """M1-2: "where technically permitted by the subscription state in Stripe"."""
    life, channel = subscribed()
    by_portal(life, channel)
    life.move(END)

    refused = life.resume(ACME, channel)

    assert (refused.status, refused.code) == (409, "not_resumable")
    assert refused.body["action"]["href"] == "/v1/checkout-sessions"
    assert refused.body["support"]["email"] == "finance@1msg.io"


def test_a_cancellation_is_possible_at_any_time_also_in_debt():
    """M1-3: "Client may cancel subscription at any time"."""
    life, channel = subscribed()
    life.control("fail_payment", customer=customer_id(life))
    life.move(END + 3 * HOUR)
    assert life.status(ACME, channel) == "past_due"

    done = life.cancel(ACME, channel)

    assert (done.status, life.preview(ACME, channel).body["blockers"]) == (200, [])
    assert evidence(life, done.body["evidence_id"]).channel == "online"


# -- M1-14: paid through


def test_a_renewal_keeps_access_while_stripe_settles_it():
    """M1-14: the invoice is finalized an hour after the boundary; nobody is behind until a charge failed."""
    life, _ = subscribed()

    life.move(END + HOUR - SECOND)
    assert may_send(life) is True
    life.move(END + 2 * HOUR)

    assert may_send(life) is True
    assert billed(life) == ["2026-01-31", "2026-02-28"]


def test_without_further_payment_access_ends_with_the_first_failed_charge():
    """M1-14: "After the end of the paid period without further payment, services for that period are deemed fully
    rendered"; no grace is promised."""
    life, channel = subscribed()
    life.control("fail_payment", customer=customer_id(life))

    life.move(END + HOUR - SECOND)
    assert may_send(life) is True
    life.move(END + HOUR + timedelta(minutes=10))

    assert may_send(life) is False
    assert life.status(ACME, channel) == "past_due"


def test_a_later_payment_gives_access_again():
    """M1-14: "further payment"."""
    life, channel = subscribed()
    life.control("fail_payment", customer=customer_id(life))
    life.move(END + 5 * HOUR)
    (invoice,) = life.stripe("GET", "/v1/invoices?status=open")["data"]

    life.control("allow_payment", customer=customer_id(life))
    life.stripe("POST", f"/v1/invoices/{invoice['id']}/pay")

    assert may_send(life) is True
    assert life.status(ACME, channel) == "active"
    life.move(NEXT_END - SECOND)
    assert may_send(life) is True


def test_a_grace_is_counted_from_the_first_failed_charge():
    """M1-14, M1-17: the policy's grace, a key like every other period."""
    life, _ = subscribed()
    promise_anew(life, "1msg", ("grace_hours = 0", "grace_hours = 48"))
    life.control("fail_payment", customer=customer_id(life))

    life.move(END + HOUR + 48 * HOUR - SECOND)
    assert may_send(life) is True
    life.move(END + HOUR + 48 * HOUR + timedelta(minutes=5))

    assert may_send(life) is False


def test_a_draft_that_stripe_never_finalizes_keeps_access_for_72_hours_and_no_longer():
    """M1-14: `settling_hours = 72`, both sides. Of what Stripe did at the boundary, nothing reaches us."""
    life, _ = subscribed()
    life.control("drop_webhooks")

    life.wait(END + 72 * HOUR - SECOND)
    assert may_send(life) is True
    life.wait(END + 72 * HOUR)

    assert may_send(life) is False


# -- M1-15: Stripe's state is the floor


def test_what_was_paid_for_keeps_its_access_when_stripe_ends_the_plan_at_once():
    """M1-15: access "generally continues until the end of the already paid period (unless otherwise follows from the
    subscription state in Stripe and the Licensor’s settings)"."""
    life, channel = subscribed()
    life.move(noon("2026-02-10"))

    life.control("cancel_now", subscription=channel)

    assert at_stripe(life, channel)["status"] == "canceled"
    assert (may_send(life), life.status(ACME, channel)) == (True, "pending_cancellation")
    assert life.access_ends_at(ACME, channel) == END
    life.move(END - SECOND)
    assert may_send(life) is True
    life.move(END)
    assert (may_send(life), life.status(ACME, channel)) == (False, "canceled")


def test_what_was_not_paid_for_ends_with_stripe():
    """M1-15: "unless otherwise follows from the subscription state in Stripe"."""
    life, channel = subscribed()
    life.control("fail_payment", customer=customer_id(life))
    life.move(END + 5 * HOUR)

    life.control("cancel_now", subscription=channel)

    assert (may_send(life), life.status(ACME, channel)) == (False, "canceled")


def test_a_pause_at_stripe_suspends_and_its_end_restores():
    """M1-15: "the subscription state in Stripe"."""
    life, channel = subscribed()
    life.move(noon("2026-02-10"))

    life.stripe("POST", f"/v1/subscriptions/{channel}/pause", "")
    assert (may_send(life), life.status(ACME, channel)) == (False, "suspended")
    life.stripe("POST", f"/v1/subscriptions/{channel}/resume", "")

    assert (may_send(life), life.status(ACME, channel)) == (True, "active")


# -- M1-17: every period is a key


def test_every_period_fee_and_text_is_in_the_policy_and_changes_with_it():
    """M1-17: "In case of any conflict, the User Agreement prevails"; periods may differ there."""
    life, channel = subscribed()
    shown = life.preview(ACME, channel).body
    life.move(life.now + timedelta(minutes=29))
    promise_anew(
        life,
        "1msg",
        ('version = "2026-11-22"', 'version = "agreement of 2027"'),
        ("preview_minutes = 60", "preview_minutes = 30"),
        ("Cancelling the subscription means", "Under the User Agreement it means"),
    )

    again = life.preview(ACME, channel).body

    assert again["disclosures"][0]["text"].startswith("Under the User Agreement it means")
    assert again["expires_at"] == rfc3339(life.now + timedelta(minutes=30))
    assert shown["expires_at"] == rfc3339(noon("2026-01-31") + HOUR)


def test_consent_names_the_version_it_was_given_to():
    """M1-17: which promises somebody agreed to stays known when they change."""
    life, channel = subscribed()
    promise_anew(life, "1msg", ('version = "2026-11-22"', 'version = "agreement of 2027"'))

    kept = evidence(life, life.cancel(ACME, channel).body["evidence_id"])

    assert (kept.preview.policy, kept.preview.policy_version) == ("1msg", "agreement of 2027")


CHANGES = [
    ('version = "2026-11-22"', 'version = "2027-01-01"'),
    ('id = "no_refund_of_the_rest"', 'id = "no_refunds"'),
    ("already paid period: turning off", "period: turning off"),
]


@pytest.mark.parametrize("change", CHANGES, ids=["version", "disclosure", "words alone"])
def test_a_policy_that_changed_between_preview_and_confirmation_is_shown_afresh(change):
    """M1-17, invariant 14: 409 `preview_stale`, with what holds now."""
    life, channel = subscribed()
    path = f"/v1/subscriptions/{channel}/cancellation"
    shown = life.preview(ACME, channel).body

    promise_anew(life, "1msg", change)
    stale = life.customer(ACME, "POST", path, consenting(shown))

    assert (stale.status, stale.code) == (409, "preview_stale")
    assert not marked(life, channel)
    fresh = stale.body["preview"]
    assert fresh["preview_id"] != shown["preview_id"]
    assert life.customer(ACME, "POST", path, consenting(fresh)).status == 200


def test_the_same_policy_deployed_again_makes_nothing_stale():
    """M1-17: the other side: nothing changed, so nothing is asked again."""
    life, channel = subscribed()
    shown = life.preview(ACME, channel).body

    promise_anew(life, "1msg")
    pressed = life.customer(
        ACME, "POST", f"/v1/subscriptions/{channel}/cancellation", consenting(shown)
    )

    assert pressed.status == 200
