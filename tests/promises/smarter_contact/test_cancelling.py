"""SC-1: cancelling in steps, each with its reason to stop, and the evidence that remains."""

import hashlib
from typing import Any

import pytest

from chalicelib.domain.evidence import Evidence
from chalicelib.policies import Policies
from chalicelib.store import consents
from tests.support.life import Life, Reply, consenting
from tests.support.smarter_contact import (
    ACME,
    CALLING,
    END,
    MESSAGING,
    ONE,
    RELEASE,
    SECOND,
    TEN_DLC,
    subscribed,
)

DISCLOSURES = [
    "renewal_off", "access_ends", "number_fees", "numbers_released", "registration_lapses",
    "data_purged", "no_refunds",
]  # fmt: skip


def press(life: Life, subscription: str, body: Any) -> Reply:
    return life.customer(ACME, "POST", f"/v1/subscriptions/{subscription}/cancellation", body)


def at_stripe(life: Life, subscription: str) -> dict[str, Any]:
    return life.stripe("GET", f"/v1/subscriptions/{subscription}")


def evidence(life: Life, evidence_id: str) -> Evidence:
    found = consents.confirmed(life.world.table, ACME, evidence_id)
    assert found is not None
    return found


def test_the_plan_is_selected_and_the_other_one_stays():
    """SC-1: "Select the plan you wish to cancel."."""
    life, (messaging, calling) = subscribed(MESSAGING, CALLING)

    answer = life.cancel(ACME, calling)

    assert answer.body["status"] == "pending_cancellation"
    assert life.status(ACME, calling) == "pending_cancellation"
    assert life.status(ACME, messaging) == "active"
    assert at_stripe(life, messaging)["cancel_at_period_end"] is False


def test_the_reasons_are_listed_before_anything_is_asked():
    """SC-1: "Select the reason for canceling"."""
    life, (messaging,) = subscribed()

    shown = life.preview(ACME, messaging).body

    assert [r["code"] for r in shown["reasons"]] == [
        "too_expensive", "not_using", "missing_features", "deliverability", "switched", "other",
    ]  # fmt: skip
    assert all(r["label"] for r in shown["reasons"])


@pytest.mark.parametrize("reason", [None, {"code": ""}, {"code": "because"}])
def test_without_a_reason_nothing_is_cancelled(reason):
    """SC-1: "Select the reason for canceling"."""
    life, (messaging,) = subscribed()
    body = consenting(life.preview(ACME, messaging).body) | {"reason": reason}

    answer = press(life, messaging, body)

    assert (answer.status, answer.code) == (422, "reason_missing")
    assert life.status(ACME, messaging) == "active"
    assert at_stripe(life, messaging)["cancel_at_period_end"] is False


def test_the_reason_reaches_stripe_in_its_own_word():
    """SC-1: "Select the reason for canceling"."""
    life, (messaging,) = subscribed()

    life.cancel(ACME, messaging, reason="deliverability")

    assert at_stripe(life, messaging)["cancellation_details"]["feedback"] == "low_quality"


@pytest.mark.parametrize("left_out", DISCLOSURES)
def test_one_disclosure_without_consent_stops_it_and_is_named(left_out):
    """SC-1: "Click on the checkbox to consent to all canceling disclosures."."""
    life, (messaging,) = subscribed()
    body = consenting(life.preview(ACME, messaging).body)
    body["consents"] = [one for one in body["consents"] if one["id"] != left_out]

    answer = press(life, messaging, body)

    assert (answer.status, answer.code) == (422, "consent_missing")
    assert [left_out in one["detail"] for one in answer.body["errors"]] == [True]
    assert at_stripe(life, messaging)["cancel_at_period_end"] is False


def test_consent_to_another_version_of_the_text_does_not_count():
    """SC-1: "Click on the checkbox to consent to all canceling disclosures."."""
    life, (messaging,) = subscribed()
    body = consenting(life.preview(ACME, messaging).body)
    body["consents"][0]["version"] = "0"

    answer = press(life, messaging, body)

    assert (answer.status, answer.code) == (422, "consent_missing")
    assert life.status(ACME, messaging) == "active"


def test_the_consequences_are_shown_with_their_dates_before_consenting():
    """SC-1: "I understand the consequences and still want to cancel"."""
    life, (messaging,) = subscribed()
    life.number(ACME, ONE)
    life.registration(ACME, TEN_DLC)
    life.schedule(ACME, ("before", "sms", END - SECOND, 3), ("after", "sms", END, 5))

    shown = life.preview(ACME, messaging).body

    assert shown["access_ends_at"] == "2026-02-28T12:00:00Z"
    assert [(c["kind"], c["at"]) for c in shown["consequences"]] == [
        ("access_ends", "2026-02-28T12:00:00Z"),
        ("messages_credited", "2026-02-28T12:00:00Z"),
        ("numbers_released", "2026-03-14T12:00:00Z"),
        ("registrations_lapse", "2026-03-30T12:00:00Z"),
        ("data_purged", "2027-02-28T12:00:00Z"),
    ]
    credited = shown["consequences"][1]
    assert (credited["count"], credited["amount"]) == (1, {"amount": 5, "currency": "usd"})
    assert [d["id"] for d in shown["disclosures"]] == DISCLOSURES


def test_a_preview_alone_changes_nothing():
    """SC-1: "I understand the consequences and still want to cancel"."""
    life, (messaging,) = subscribed()

    life.preview(ACME, messaging)

    assert life.status(ACME, messaging) == "active"
    assert life.upcoming(ACME) == {}
    assert at_stripe(life, messaging)["cancel_at_period_end"] is False


def test_the_evidence_says_who_when_which_texts_and_what_was_shown():
    """SC-1: "consent to all canceling disclosures"."""
    life, (messaging,) = subscribed()
    life.number(ACME, ONE)
    shown = life.preview(ACME, messaging).body
    body = consenting(shown, "not_using")
    body["reason"]["comment"] = "The season is over."

    answer = press(life, messaging, body)

    kept = evidence(life, answer.body["evidence_id"])
    texts = {d["id"]: hashlib.sha256(d["text"].encode()).hexdigest() for d in shown["disclosures"]}
    assert (kept.at, kept.channel) == (life.now, "online")
    assert kept.roles == ("billing_admin", "super_admin")
    assert (kept.reason, kept.comment) == ("not_using", "The season is over.")
    assert kept.consents == dict.fromkeys(DISCLOSURES, "1")
    assert kept.texts == texts
    assert kept.preview.access_ends_at == END
    assert [c.kind for c in kept.preview.consequences] == [c["kind"] for c in shown["consequences"]]
    assert kept.preview.consequences[-2].at == RELEASE
    assert kept.preview.policy_version == Policies().get("smarter-contact").version


def test_the_evidence_names_the_person_who_pressed():
    """SC-1: "Click on the checkbox to consent to all canceling disclosures."."""
    life, (messaging,) = subscribed()
    shown = life.preview(ACME, messaging).body
    ann = life.token(ACME, "billing_admin", sub="user-of-the-saas")

    answer = life.api(
        "POST", f"/v1/subscriptions/{messaging}/cancellation", consenting(shown), token=ann
    )

    kept = evidence(life, answer.body["evidence_id"])
    assert (kept.who, kept.roles) == ("user-of-the-saas", ("billing_admin",))


def test_pressing_twice_is_one_cancellation():
    """SC-1: "Click on "I understand the consequences and still want to cancel"."."""
    life, (messaging,) = subscribed()
    body = consenting(life.preview(ACME, messaging).body)

    first = press(life, messaging, body)
    again = press(life, messaging, body)

    assert (again.status, again.body) == (200, first.body)


def test_another_preview_while_one_is_pending_answers_with_the_first():
    """SC-1: "Click on "I understand the consequences and still want to cancel"."."""
    life, (messaging,) = subscribed()
    first = life.cancel(ACME, messaging)

    second = life.cancel(ACME, messaging, reason="switched")

    assert (second.status, second.body) == (200, first.body)


def test_cancelling_again_after_resuming_is_a_new_cancellation():
    """SC-1: "You can cancel your Smarter Contact subscription anytime through the app."."""
    life, (messaging,) = subscribed()
    first = life.cancel(ACME, messaging)
    life.resume(ACME, messaging)

    second = life.cancel(ACME, messaging)

    assert second.status == 200
    assert second.body["evidence_id"] != first.body["evidence_id"]
    assert life.status(ACME, messaging) == "pending_cancellation"


def test_what_was_shown_stands_for_an_hour_and_not_a_second_longer():
    """SC-1: "I understand the consequences and still want to cancel"."""
    life, (messaging,) = subscribed()
    expired = consenting(life.preview(ACME, messaging).body)
    life.wait(life.now + 3600 * SECOND)

    refused = press(life, messaging, expired)

    assert (refused.status, refused.code) == (409, "preview_stale")
    fresh = refused.body["preview"]
    life.wait(life.now + 3599 * SECOND)
    assert press(life, messaging, consenting(fresh)).status == 200


def test_what_changed_since_it_was_shown_is_shown_again_before_consenting():
    """SC-1: "I understand the consequences and still want to cancel"."""
    life, (messaging,) = subscribed()
    shown = life.preview(ACME, messaging).body
    life.number(ACME, ONE)

    refused = press(life, messaging, consenting(shown))

    assert (refused.status, refused.code) == (409, "preview_stale")
    kinds = [c["kind"] for c in refused.body["preview"]["consequences"]]
    assert "numbers_released" in kinds
    assert life.status(ACME, messaging) == "active"


def test_after_the_end_there_is_nothing_to_cancel():
    """SC-1: "You can cancel your Smarter Contact subscription anytime through the app."."""
    life, (messaging,) = subscribed()
    never_pressed = consenting(life.preview(ACME, messaging).body)
    life.cancel(ACME, messaging)
    life.move(END)

    asked = life.preview(ACME, messaging)
    pressed = press(life, messaging, never_pressed)

    assert (asked.status, asked.code) == (409, "already_canceled")
    assert (pressed.status, pressed.code) == (409, "already_canceled")


def test_a_member_may_neither_preview_nor_cancel():
    """SC-1: "You can cancel your Smarter Contact subscription anytime through the app." (by whom is policy)."""
    life, (messaging,) = subscribed()
    shown = life.preview(ACME, messaging).body
    member = life.token(ACME, "member")

    asked = life.api("POST", f"/v1/subscriptions/{messaging}/cancellation-previews", token=member)
    pressed = life.api(
        "POST", f"/v1/subscriptions/{messaging}/cancellation", consenting(shown), token=member
    )

    assert (asked.status, asked.code) == (403, "role_required")
    assert (pressed.status, pressed.code) == (403, "role_required")
    assert pressed.body["required_roles"] == ["billing_admin", "super_admin"]
    assert life.status(ACME, messaging) == "active"


def test_another_account_s_plan_and_preview_are_not_found():
    """SC-1: "Select the plan you wish to cancel."."""
    life, (messaging,) = subscribed()
    life.account("other")
    theirs = life.subscribe("other")
    shown = life.preview("other", theirs).body

    assert life.preview(ACME, theirs).code == "not_found"
    assert press(life, theirs, consenting(shown)).code == "not_found"
    assert press(life, messaging, consenting(shown)).code == "not_found"
    assert life.status("other", theirs) == "active"
