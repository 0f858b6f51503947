"""M1-16, M1-8: money in the wallet goes back only after a person has considered it, and never what was spent."""

import pytest

from tests.support.cases import (
    ACME,
    ask_top_up,
    decide,
    in_force,
    meanwhile,
    newest_charge,
    onemsg,
    refunds,
    sent_a_message,
    show,
    topped_up,
)
from tests.support.life import Life
from tests.support.top_ups import held, pay, started


def test_a_top_up_is_refunded_only_after_a_person_has_considered_it():
    """M1-16: "card refunds are not self-service in the account and are considered by the Licensor only where there is a
    valid basis"."""
    life, _ = onemsg()
    entry = topped_up(life)
    made = ask_top_up(life, entry, comment="Too much.")
    before = refunds(life), held(life)

    decided = decide(life, made.body["id"])

    assert before == ([], 5000)
    assert made.body["kind"] == "top_up"
    assert [one["amount"]["amount"] for one in made.body["eligibility"]["deductions"]] == [0, 0]
    assert decided.body["state"] == "refunded"
    assert in_force(life) == [5000]
    assert held(life) == 0
    assert [e["amount"]["amount"] for e in life.entries(ACME, "refund")] == [-5000]
    assert life.features(ACME)["send_messages"] is True


def test_what_was_spent_of_a_top_up_is_not_refunded():
    """M1-8: conversation fees "are strictly non-refundable under any circumstances"."""
    life, _ = onemsg()
    entry = topped_up(life, 5000)
    sent_a_message(life)
    case = ask_top_up(life, entry).body["id"]

    too_much, decided = decide(life, case, amount=4996), decide(life, case)

    assert (too_much.status, too_much.code) == (422, "invalid_request")
    assert decided.body["decision"]["amount"]["amount"] == 4995
    assert held(life) == 0


def test_money_spent_between_decision_and_refund_is_not_refunded_as_well(monkeypatch):
    life, _ = onemsg()
    case = ask_top_up(life, topped_up(life)).body["id"]
    meanwhile(monkeypatch, "refunds_of", lambda: sent_a_message(life))

    decided = decide(life, case)

    assert (decided.body["state"], decided.body["reopened_because"]) == ("reopened", "spent")
    assert refunds(life) == []
    assert held(life) == 4995


def test_a_failed_refund_of_a_top_up_comes_back_to_the_wallet():
    life, _ = onemsg()
    case = ask_top_up(life, topped_up(life)).body["id"]
    decide(life, case)

    life.control("refund_fails", refund=refunds(life)[0]["id"])

    assert show(life, case)["state"] == "reopened"
    assert held(life) == 5000
    kinds = [e["kind"] for e in life.entries(ACME)]
    assert kinds == ["top_up", "refund", "refund_returned"]


@pytest.mark.parametrize("kind", ["usage", "balance_due"])
def test_only_a_top_up_can_be_asked_back(kind):
    """M1-8: usage is used up; a debt that was settled was owed."""
    life, _ = onemsg()
    sent_a_message(life)
    if kind == "balance_due":
        pay(life, started(life, "balance_due", None))
    entry = life.entries(ACME, kind)[-1]["id"]

    refused = ask_top_up(life, entry)

    assert (refused.status, refused.code) == (422, "invalid_request")


def test_a_policy_may_not_consider_top_ups_at_all():
    life = Life()
    life.account(ACME)
    entry = topped_up(life)

    made = ask_top_up(life, entry)

    assert made.body["state"] == "refused"
    assert made.body["decision"]["reason"].startswith("We do not offer refunds")


def test_a_top_up_that_was_refunded_at_stripe_is_taken_off_the_wallet_once():
    life, _ = onemsg()
    topped_up(life)
    life.control("duplicate_webhooks")

    life.stripe("POST", "/v1/refunds", f"charge={newest_charge(life)}&amount=1500")
    taken = held(life)
    life.control("refund_fails", refund=refunds(life)[0]["id"])

    assert (taken, held(life)) == (3500, 5000)
    kinds = [e["kind"] for e in life.entries(ACME)]
    assert kinds == ["top_up", "refund", "refund_returned"]
