"""Stripe refuses, at whichever of a door's questions: who asked is told what is so, and nothing is lost or half done.

Every door that writes is in the listing of `tests/crashes`, and so every one that asks Stripe is asked here.
"""

import json
from itertools import count

import pytest

from chalicelib.handlers.openapi import published
from chalicelib.handlers.routes import ROUTES
from tests.crashes.every_route import REQUESTS
from tests.support.goto import customer_of_goto
from tests.support.life import Life
from tests.support.logged import logged
from tests.support.smarter_contact import ACME, MESSAGING, leaving, subscribed
from tests.support.stripe_answers import (
    DOWN,
    KEY_MAY_NOT,
    NAME,
    NAMELESS,
    NO_CUSTOMER,
    REFUSALS,
    REQUEST,
    SECRET,
    SILENT,
    TROUBLE,
    Says,
    gone,
    stripe_says,
)
from tests.support.stripe_shapes import MESSAGING as PRICE
from tests.support.stripe_shapes import event, raw, signature, subscription

BACK = "https://app.example.com/back"
URLS = {"success_url": BACK, "cancel_url": BACK}
PATHS = published(ROUTES)["paths"]


def told_codes(name: str) -> set[str]:
    """The codes that the published document lets this door answer."""
    method, _, path = name.partition(" ")
    answers = PATHS[path][method.lower()]["responses"].values()
    found = [one["content"] for one in answers if "content" in one]
    said = [one["application/problem+json"] for one in found if "application/problem+json" in one]
    return {code for one in said for code in one["examples"]}


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: request.name)
def test_whatever_stripe_says_no_to_is_a_problem_with_a_sentence_and_is_done_afterwards(request_):
    ready = request_.ready()
    request_.before(ready)
    ask = request_.asked(ready)

    reply = ask_while_stripe_refuses(request_.name, ask)

    # Either no question was left that could be refused, or it goes on by itself (a refund that is decided is owed).
    assert reply.status in (request_.answers, request_.or_under_way), reply.body


def ask_while_stripe_refuses(name, ask):
    """Each question in turn is refused in every way. Answers what came when none was refused, or none any more that
    keeps the door from answering."""
    for at in count():
        for answer in {**REFUSALS, **TROUBLE}.values():
            with stripe_says(answer, at) as asked, logged(json.loads) as lines:
                reply = ask()
            if len(asked) <= at or reply.status < 400:
                return reply
            refused_well(name, reply, lines)
    raise AssertionError("it never ends")


def refused_well(name, reply, lines):
    assert reply.code in told_codes(name) - {"internal_error"}, reply.body
    assert reply.body["detail"].endswith("."), reply.body
    assert (reply.status == 503) <= ("retry-after" in reply.headers), reply.headers
    if reply.status == 502:
        assert "retry-after" not in reply.headers
        assert reply.body["stripe_code"]
    if reply.status >= 500:
        (line,) = [one for one in lines if one["event"] == reply.code]
        assert line.get("stripe_request", REQUEST) == REQUEST
    for said in (json.dumps(reply.body), json.dumps(lines)):
        assert SECRET not in said
        assert NAME not in said


def problem(reply):
    return reply.status, reply.code, reply.body["detail"]


def checkout(life: Life, account: str, **body):
    return life.customer(account, "POST", "/v1/checkout-sessions", {**URLS, **body})


AGAIN = "Nothing was changed, and trying again does not help: please ask support."
NO_SUCH_CUSTOMER = f"Stripe does not know this customer, or not any more. {AGAIN}"


# -- what is refused for good


def test_a_customer_that_was_deleted_at_stripe_is_sent_to_support_and_not_told_of_a_mistake_of_ours():
    life = Life()
    life.account(ACME)

    with stripe_says(NO_CUSTOMER, at=1), logged(json.loads) as lines:
        reply = checkout(life, ACME, purpose="plan", price=MESSAGING)

    assert problem(reply) == (502, "stripe_refused", NO_SUCH_CUSTOMER)
    assert reply.body["stripe_code"] == "resource_missing"
    assert reply.body["support"]
    (line,) = lines
    assert (line["event"], line["cause"]) == ("stripe_refused", "resource_missing")
    assert (line["stripe_request"], line["request_id"]) == (REQUEST, reply.body["request_id"])


def test_a_refusal_without_a_code_or_a_name_is_told_as_such():
    life, messaging = leaving()

    with stripe_says(NAMELESS):
        reply = life.resume(ACME, messaging)

    assert problem(reply) == (502, "stripe_refused", f"Stripe refuses this. {AGAIN}")
    assert reply.body["stripe_code"] == "refused"


def one_messaging_customer() -> Life:
    life = Life()
    life.account(ACME, "1msg")
    life.subscribe(ACME, "1msg:channel:month")
    return life


TOO_SMALL = Says(
    400, {"code": "amount_too_small", "param": "line_items[0][price_data][unit_amount]"}
)


def test_an_amount_is_to_blame_only_where_stripe_blames_it():
    """A deleted customer was told to choose another amount."""
    life = one_messaging_customer()
    amount = {"amount": 5000, "currency": "usd"}

    with stripe_says(TOO_SMALL):
        small = checkout(life, ACME, purpose="top_up", amount=amount)
    with stripe_says(NO_CUSTOMER):
        nobody = checkout(life, ACME, purpose="top_up", amount=amount)

    assert (small.status, small.code) == (422, "invalid_request")
    assert small.body["errors"][0]["pointer"] == "/amount"
    assert problem(nobody) == (502, "stripe_refused", NO_SUCH_CUSTOMER)
    assert checkout(life, ACME, purpose="top_up", amount=amount).status == 201


def test_a_price_is_to_blame_unless_stripe_does_not_know_the_customer():
    life = Life()
    life.account(ACME)

    with stripe_says(Says(400, {"param": "line_items[0][price]"}), at=2):
        inactive = checkout(life, ACME, purpose="plan", price=MESSAGING)
    with stripe_says(gone("price", 400, "line_items[0][price]"), at=2):
        unknown = checkout(life, ACME, purpose="plan", price=MESSAGING)
    with stripe_says(NO_CUSTOMER, at=2):
        nobody = checkout(life, ACME, purpose="plan", price=MESSAGING)

    for reply in (inactive, unknown):
        assert (reply.status, reply.body["errors"][0]["pointer"]) == (422, "/price")
    assert problem(nobody) == (502, "stripe_refused", NO_SUCH_CUSTOMER)


def test_the_portal_says_that_stripe_does_not_know_the_customer():
    life, _ = subscribed()

    with stripe_says(NO_CUSTOMER):
        reply = life.customer(ACME, "POST", "/v1/portal-sessions", {"return_url": BACK})

    assert (reply.status, reply.code) == (409, "portal_unavailable")
    assert "does not know this customer" in reply.body["detail"]


def test_who_cannot_resume_is_not_told_to_subscribe_again_unless_it_has_ended():
    """Whoever believed it would have bought the plan a second time, or been refused that too."""
    life, messaging = leaving()

    for at in (0, 1):
        with stripe_says(gone("subscription"), at):
            refused = life.resume(ACME, messaging)
        assert (refused.status, refused.code) == (502, "stripe_refused")
        assert "Subscribe again" not in refused.body["detail"]

    assert life.status(ACME, messaging) == "pending_cancellation"
    assert life.resume(ACME, messaging).body == {"status": "active"}


def test_what_ended_in_the_very_moment_of_resuming_has_ended(monkeypatch):
    life, messaging = leaving()
    gateway = type(life.world.stripe.inner)
    real = gateway.turn_renewal_on

    def too_late(*args, **named):
        life.control("delay_webhooks")
        life.control("cancel_now", subscription=messaging)
        return real(*args, **named)

    monkeypatch.setattr(gateway, "turn_renewal_on", too_late)

    refused = life.resume(ACME, messaging)

    assert (refused.status, refused.code) == (409, "not_resumable")


def test_what_somebody_else_resumed_in_the_very_moment_is_resumed(monkeypatch):
    life, messaging = leaving()
    gateway = type(life.world.stripe.inner)
    real = gateway.turn_renewal_on

    def overtaken(*args, **named):
        real(*args, **named)
        with stripe_says(Says(400)):
            return real(*args, **{**named, "key": "another"})

    monkeypatch.setattr(gateway, "turn_renewal_on", overtaken)

    assert life.resume(ACME, messaging).body == {"status": "active"}


def test_where_stripe_does_not_say_what_is_owed_a_preview_is_shown_and_cancelling_is_supports():
    """GT-9 blocks on what is unpaid: when nobody can tell, nothing is cancelled, and nobody is told that it failed."""
    life, webinar = customer_of_goto()

    with stripe_says(NO_CUSTOMER):
        shown = life.preview(ACME, webinar)
    with stripe_says(NO_CUSTOMER):
        pressed = life.customer(
            ACME,
            "POST",
            f"/v1/subscriptions/{webinar}/cancellation",
            {"preview_id": shown.body["preview_id"], "reason": {"code": "other"}, "consents": []},
        )

    assert shown.status == 201
    for reply in (shown, pressed):
        (blocker,) = reply.body["blockers"]
        assert blocker["code"] == "not_cancelable_online"
        assert blocker["action"]["href"] == "/membership#support"
    assert (pressed.status, pressed.code) == (409, "blocked")
    assert life.preview(ACME, webinar).body["blockers"] == []


def test_a_payment_is_called_unknown_only_where_stripe_does_not_know_it():
    life = one_messaging_customer()
    asks = {"subscription_id": life.membership(ACME, "id")[0]}

    with stripe_says(gone("invoice")):
        unknown = life.customer(ACME, "POST", "/v1/refund-requests", asks)
    with stripe_says(NAMELESS):
        refused = life.customer(ACME, "POST", "/v1/refund-requests", asks)

    assert problem(unknown) == (409, "blocked", "Stripe does not know this payment.")
    assert (refused.status, refused.code) == (502, "stripe_refused")
    assert life.membership(ACME)["cases"] == []


# -- what waiting helps


@pytest.mark.parametrize("answer", [DOWN, SILENT], ids=["down", "silent"])
def test_who_waits_a_moment_is_asked_to(answer):
    life, messaging = leaving()

    with stripe_says(answer):
        reply = life.resume(ACME, messaging)

    assert reply.headers["retry-after"] == "5"
    assert "try again in a moment" in reply.body["detail"]


def test_a_key_of_ours_that_may_not_is_not_mended_in_a_moment():
    life, messaging = leaving()

    with stripe_says(KEY_MAY_NOT), logged(json.loads) as lines:
        reply = life.resume(ACME, messaging)

    assert (reply.status, reply.code) == (503, "stripe_unavailable")
    assert reply.headers["retry-after"] == "300"
    assert "ours to mend" in reply.body["detail"]
    (line,) = lines
    assert (line["event"], line["error"]) == ("stripe_unavailable", "KeyMayNot")
    assert line["stripe_request"] == REQUEST


# -- what waits for an operator


def test_who_tries_a_parked_event_again_is_told_why_it_still_waits():
    life = Life()
    start = int(life.now.timestamp())
    thing = subscription("sub_late", "cus_late", start=start, end=start + 86_400, price=PRICE)
    body = raw(event("evt_nobodys", "customer.subscription.deleted", start, thing))
    sent = {"Stripe-Signature": signature(body, start)}
    life.api("POST", "/webhooks/stripe", body, headers=sent)
    why = {"reason": "its account is here by now"}

    refused = life.operator("POST", "/v1/admin/parked-events/evt_nobodys/replay", why)

    assert (refused.status, refused.code) == (409, "blocked")
    assert "(unknown_customer). It stays parked" in refused.body["detail"]
