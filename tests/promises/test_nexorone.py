"""NexorONE's promises: services of an account, registration requests, feedback, words. (The operators' search over
accounts and users, the other half of NX-1, is tested with the operators' routes.)"""

from typing import Any

import pytest

from chalicelib.domain.moments import rfc3339
from tests.support.goto import ACME, SECOND, as_role, at_stripe, evidence, marked, noon
from tests.support.life import Life, Reply, consenting

SERVICE = "nexorone:service:month"
END = noon("2026-02-28")


def subscribed() -> tuple[Life, str]:
    life = Life()
    life.account(ACME, "nexorone")
    return life, life.subscribe(ACME, SERVICE)


def press(life: Life, service: str, **changes: Any) -> Reply:
    body = consenting(life.preview(ACME, service).body) | changes
    return life.customer(ACME, "POST", f"/v1/subscriptions/{service}/cancellation", body)


# -- NX-1


def test_every_service_of_the_account_is_in_the_list_with_its_state():
    """NX-1: "Locate the specific service or subscription you wish to cancel. This might involve selecting the user or
    account associated with the service from a list."."""
    life, first = subscribed()
    life.cancel(ACME, first)
    life.move(noon("2026-03-05"))
    second = life.subscribe(ACME, SERVICE)

    listed = life.membership(ACME)["subscriptions"]

    assert [(one["id"], one["plan"], one["title"], one["status"]) for one in listed] == [
        (first, "service", "Service", "canceled"),
        (second, "service", "Service", "active"),
    ]


def test_what_is_cancelled_is_the_one_that_was_selected():
    """NX-1: "Choose the specific service or subscription you want to cancel."."""
    life, first = subscribed()
    price = at_stripe(life, first)["items"]["data"][0]["price"]["id"]
    customer = at_stripe(life, first)["customer"]
    # The SaaS sold a second one of the same kind by itself.
    second = life.stripe(
        "POST", "/v1/subscriptions", f"customer={customer}&items[0][price]={price}"
    )["id"]

    life.cancel(ACME, second)

    assert (marked(life, first), marked(life, second)) == (False, True)
    assert life.status(ACME, first) == "active"
    life.move(noon("2026-03-05"))
    assert life.features(ACME)["use_service"] is True


def test_another_account_s_services_are_not_in_the_list():
    """NX-1: "the user or account associated with the service"."""
    life, service = subscribed()
    life.account("other", "nexorone")

    assert life.membership("other")["subscriptions"] == []
    assert life.preview("other", service).code == "not_found"


# -- NX-2


def pending(life: Life, kind: str) -> None:
    put = life.service(
        "PUT",
        "/v1/registrations/R1",
        {"account_id": ACME, "kind": kind, "state": "pending"},
    )
    assert put.status == 200, put.body


def registrations(life: Life) -> list[tuple[str, str]]:
    return [(one["id"], one["status"]) for one in life.membership(ACME)["registrations"]]


@pytest.mark.parametrize("kind", ["sign_up", "10dlc"])
def test_a_registration_request_can_be_declined(kind):
    """NX-2: "under the "Registration Requests" title, you might find a "Cancel" button to decline a registration"."""
    life, _ = subscribed()
    pending(life, kind)
    assert registrations(life) == [("R1", "pending")]

    declined = life.customer(ACME, "DELETE", "/v1/registrations/R1")

    assert declined.status == 200
    assert registrations(life) in ([("R1", "declined")], [("R1", "withdrawn")])


def test_declining_twice_is_once_and_a_member_may_not():
    """NX-2: "a "Cancel" button"."""
    life, _ = subscribed()
    pending(life, "sign_up")

    assert as_role(life, "member", "DELETE", "/v1/registrations/R1").code == "role_required"
    first = life.customer(ACME, "DELETE", "/v1/registrations/R1")
    second = life.customer(ACME, "DELETE", "/v1/registrations/R1")

    assert (first.status, second.status) == (200, 200)
    assert life.customer(ACME, "DELETE", "/v1/registrations/R2").code == "not_found"


def test_a_registration_lapses_by_nobody_s_clock_here():
    """NX-2: the document knows no day on which one lapses."""
    life, service = subscribed()
    pending(life, "sign_up")
    life.cancel(ACME, service)

    life.move(noon("2028-01-31"))

    assert registrations(life) == [("R1", "pending")]


# -- NX-3, NX-4


@pytest.mark.parametrize("reason", [None, {"code": "other"}, {"code": "not_using", "comment": "too much\n<b>of it</b>"}])  # fmt: skip
def test_feedback_may_be_given_and_may_be_left_out(reason):
    """NX-3: "If prompted, provide feedback on why you are canceling the service."."""
    life, service = subscribed()

    done = press(life, service, reason=reason)

    assert done.status == 200
    kept = evidence(life, done.body["evidence_id"])
    assert kept.reason == (reason or {}).get("code")
    assert kept.comment == (reason or {}).get("comment")


def test_feedback_reaches_stripe_in_stripe_s_words():
    """NX-3: "This step is crucial for improving the product and services."."""
    life, service = subscribed()

    press(life, service, reason={"code": "not_using", "comment": "moved on"})

    details = at_stripe(life, service)["cancellation_details"]
    assert (details["feedback"], details["comment"]) == ("unused", "moved on")


def test_a_reason_nobody_offered_is_no_feedback():
    """NX-3: one of those that were shown."""
    life, service = subscribed()

    refused = press(life, service, reason={"code": "because"})

    assert (refused.status, refused.code) == (422, "reason_missing")
    assert not marked(life, service)


def test_a_comment_may_have_5000_characters_and_not_one_more():
    """NX-3: a few words, not a file."""
    life, service = subscribed()

    refused = press(life, service, reason={"code": "other", "comment": "x" * 5001})
    done = press(life, service, reason={"code": "other", "comment": "x" * 5000})

    assert (refused.status, done.status) == (422, 200)


def test_nothing_is_cancelled_until_it_is_confirmed():
    """NX-4: "Confirm your cancellation by clicking on a "Submit" or "Cancel Subscription" button."."""
    life, service = subscribed()

    life.preview(ACME, service)
    without = press(life, service, consents=[])

    assert (without.status, without.code) == (422, "consent_missing")
    assert life.status(ACME, service) == "active"
    assert press(life, service).status == 200


# -- NX-5, NX-6


def test_the_words_are_pending_cancellation_and_then_canceled():
    """NX-5: "This might be a message indicating the service is pending cancellation or has been successfully
    canceled."."""
    life, service = subscribed()

    done = press(life, service)

    assert done.body["status"] == "pending_cancellation"
    assert life.status(ACME, service) == "pending_cancellation"
    life.move(END - SECOND)
    assert life.status(ACME, service) == "pending_cancellation"
    life.move(END)
    assert life.status(ACME, service) == "canceled"
    assert life.access_ends_at(ACME, service) == END


def test_the_preview_says_what_pending_means():
    """NX-5: "the service is pending cancellation"."""
    life, service = subscribed()

    shown = life.preview(ACME, service).body

    assert shown["disclosures"][0]["text"].startswith("Your service will be pending cancellation")
    assert shown["access_ends_at"] == rfc3339(END)


def test_whoever_is_stuck_is_told_to_contact_support():
    """NX-6: "If you encounter any issues during the cancellation process, you may need to contact the support team for
    assistance."."""
    life, service = subscribed()

    refused = press(life, service, consents=[])

    assert refused.body["support"]["how"] == "Contact the support team for assistance."
    assert life.membership(ACME)["support"] == refused.body["support"]
