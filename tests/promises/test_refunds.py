"""M1-7, M1-10, M1-11, SC-13, GT-12, OS-4: who decides about a refund, where it goes, and what goes with it."""

from datetime import datetime

import pytest

from chalicelib.domain.moments import from_rfc3339, rfc3339
from tests.support.cases import (
    ACME,
    DAY,
    DECISION_DUE,
    FIRST_REPLY_DUE,
    PAYABLE,
    PERIOD_END,
    SECOND,
    ask,
    asked,
    cases,
    decide,
    in_force,
    newest_charge,
    onemsg,
    past,
    refunds,
    show,
    use,
)
from tests.support.life import START, Life
from tests.support.rewriting import promise_anew

# -- one request, one decision, one refund


def test_refund_requests_run_the_same_clocks():
    """M1-10: "The Licensor will send an initial reply to a billing- or refund-related request within 2–3 business days
    of receipt"."""
    life, channel = onemsg()

    made = ask(life, channel)

    assert made.body["received_at"] == rfc3339(START)
    assert made.body["first_reply_due"] == FIRST_REPLY_DUE
    assert made.body["decision_due"] == DECISION_DUE


def test_nothing_is_paid_until_a_person_has_decided():
    """M1-7: "you are eligible to request a refund"."""
    life, channel = onemsg()
    asked(life, channel)

    life.move(from_rfc3339(DECISION_DUE) + DAY)

    assert refunds(life) == []
    assert life.status(ACME, channel) == "active"


def test_eligibility_is_worked_out_again_when_it_is_decided():
    """M1-7: what was used between the request and the decision counts."""
    life, channel = onemsg()
    case = asked(life, channel)
    use(life)

    refused = decide(life, case)

    assert (refused.status, refused.code) == (409, "blocked")
    assert [one["code"] for one in refused.body["blockers"]] == ["used"]
    assert refunds(life) == []
    assert show(life, case)["decision"] is None


def test_a_second_request_for_the_subscription_is_the_first_one():
    life, channel = onemsg()
    first = asked(life, channel)

    second = ask(life, channel)

    assert (second.status, second.body["id"]) == (201, first)
    assert len(cases(life)) == 1


def test_after_a_refusal_it_may_be_asked_for_again():
    life, channel = onemsg()
    first = asked(life, channel)
    assert decide(life, first, approve=False).status == 200
    life.move(START + SECOND)

    assert asked(life, channel) != first
    assert [one["state"] for one in cases(life)] == ["open", "refused"]


def test_an_approved_refund_goes_to_the_card_once_and_the_plan_ends_with_it():
    """M1-7: refunded "to the original payment method"; the plan ends with its refund (policy key)."""
    life, channel = onemsg()
    case = asked(life, channel)
    life.move(START + DAY)

    decided = decide(life, case)

    assert decided.status == 200, decided.body
    assert decided.body["state"] == "refunded"
    (refund,) = refunds(life)
    assert (refund["amount"], refund["charge"]) == (PAYABLE, newest_charge(life))
    assert refund["metadata"]["case_id"] == case
    assert life.status(ACME, channel) == "canceled"
    assert life.access_ends_at(ACME, channel) == START + DAY
    assert life.features(ACME)["send_messages"] is False
    assert life.stripe("GET", f"/v1/subscriptions/{channel}")["status"] == "canceled"


def test_no_payment_follows_a_refund():
    """revel #394: ended here and not at Stripe, a plan would go on being charged for."""
    life, channel = onemsg()
    decide(life, asked(life, channel))
    customer = life.stripe("GET", "/v1/customers?limit=1")["data"][0]["id"]

    life.move(START + 100 * DAY)

    assert len(life.charges(customer)) == 1
    assert life.status(ACME, channel) == "canceled"


def test_a_refund_may_leave_the_plan_alone_if_the_policy_says_so():
    life, channel = onemsg()
    promise_anew(life, "1msg", ("ends_plan = true", "ends_plan = false"))

    decide(life, asked(life, channel))

    assert in_force(life) == [PAYABLE]
    assert life.status(ACME, channel) == "active"
    assert life.features(ACME)["send_messages"] is True


def test_a_plan_refund_never_touches_the_wallet():
    """M1-5: "Subscription invoices for the channel plan must not be confused with balance operations."."""
    life, channel = onemsg()

    decide(life, asked(life, channel))

    assert life.entries(ACME) == []


@pytest.mark.parametrize(
    ("amount", "status"), [(1, 200), (PAYABLE, 200), (PAYABLE + 1, 422), (0, 422)]
)
def test_an_operator_may_refund_less_and_never_more(amount, status):
    life, channel = onemsg()
    case = asked(life, channel)

    decided = decide(life, case, amount=amount)

    assert decided.status == status, decided.body
    assert in_force(life) == ([amount] if status == 200 else [])


def test_a_decision_is_made_once():
    """M1-11: "The decision is recorded"."""
    life, channel = onemsg()
    case = asked(life, channel)
    decide(life, case, approve=False)
    before = show(life, case)

    again = decide(life, case)

    assert (again.status, again.code) == (409, "already_decided")
    assert show(life, case) == before
    assert refunds(life) == []


def test_the_record_says_who_when_why_and_on_what_figures():
    """M1-11: "The decision is recorded in correspondence or under the Licensor’s internal procedures."."""
    life, channel = onemsg()
    case = asked(life, channel)
    life.move(START + 3 * DAY)

    decide(life, case, amount=1000)

    decision = show(life, case)["decision"]
    assert decision["approve"] is True
    assert decision["reason"] == "We looked into it."
    assert (decision["by"], decision["role"]) == ("ann@example.com", "operator")
    assert decision["at"] == rfc3339(START + 3 * DAY)
    assert decision["amount"] == {"amount": 1000, "currency": "usd"}
    assert decision["eligibility"]["payable"]["amount"] == PAYABLE


# -- policies without refunds


@pytest.mark.parametrize(
    ("policy", "price", "locale", "sentence"),
    [
        ("smarter-contact", "smarter-contact:messaging:month", "en",
         "We do not offer refunds for fees, subscription charges, or one-time purchases."),
        ("1smtg", "1smtg:standard:month", "en", "There are no refunds for unused portions of a period."),
        ("goto", "goto:webinar:month", "fr",
         "Aucun remboursement n'est prévu si vous résiliez avant la fin de votre contrat ou de votre période."),
        ("nexorone", "nexorone:service:month", "en", "No refunds are provided for."),
    ],
)  # fmt: skip
def test_a_policy_without_refunds_says_so_in_its_own_words(policy, price, locale, sentence):
    """SC-13: "We do not offer refunds for fees, subscription charges, or one-time purchases."; OS-4, GT-12."""
    life = Life()
    life.account(ACME, policy)
    subscription = life.subscribe(ACME, price)

    made = ask(life, subscription)

    assert made.status == 201
    assert made.body["state"] == "refused"
    assert made.body["decision"]["approve"] is False
    assert made.body["decision"]["reason"] == sentence
    assert made.body["eligibility"]["eligible"] is False
    assert [one["title"] for one in made.body["eligibility"]["reasons"]] == [sentence]
    assert made.body["eligibility"]["payable"]["amount"] == 0
    assert ask(life, subscription).body["id"] == made.body["id"]
    assert decide(life, made.body["id"]).code == "already_decided"


def test_a_refusal_by_policy_asks_nothing_of_stripe():
    life = Life()
    life.account(ACME)
    subscription = life.subscribe(ACME)
    life.faults.order({"target": "stripe", "kind": "error", "count": 9})

    assert ask(life, subscription).body["state"] == "refused"


# -- what somebody does at Stripe


def test_ended_at_once_at_stripe_a_paid_period_keeps_its_access_unless_it_was_refunded():
    """M1-15: access continues "unless otherwise follows from the subscription state in Stripe"."""
    life, kept = onemsg()
    life.move(START + DAY)
    life.control("cancel_now", subscription=kept)
    after_end = life.features(ACME)["send_messages"]

    life.stripe("POST", "/v1/refunds", f"charge={newest_charge(life)}")

    assert after_end is True
    assert life.features(ACME)["send_messages"] is False
    assert life.access_ends_at(ACME, kept) == START + DAY
    assert "subscription.payment_refunded" in past(life)


def test_a_goodwill_refund_at_stripe_ends_no_plan_that_goes_on():
    life, channel = onemsg()
    life.stripe("POST", "/v1/refunds", f"charge={newest_charge(life)}")

    life.move(START + 10 * DAY)
    during = life.features(ACME)["send_messages"]
    life.move(PERIOD_END + DAY)

    assert during is True
    assert life.features(ACME)["send_messages"] is True
    assert life.status(ACME, channel) == "active"


# -- what follows from the end


def test_everything_that_follows_counts_from_the_refund():
    """SC-8, SC-10 under a policy that refunds: "14 days after the cancellation takes effect"; "one year"."""
    life = Life()
    life.account(ACME)
    promise_anew(life, "smarter-contact", ('kind = "none"', 'kind = "zero_usage"'))
    plan = life.subscribe(ACME)
    life.move(START + DAY)
    decide(life, asked(life, plan))

    ahead = life.upcoming(ACME)
    assert ahead["data_purged"] == datetime.fromisoformat("2027-02-01T12:00:00Z")
    life.move(START + DAY + SECOND)
    life.move("2027-02-01T12:00:00Z")
    assert life.membership(ACME, "id") == []
