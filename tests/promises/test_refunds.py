"""M1-7, M1-8, M1-14, M1-16, SC-13, GT-12, OS-4: who gets money back, how much, and what goes with it."""

from dataclasses import replace
from datetime import datetime
from functools import partial

import pytest

from chalicelib import wiring
from chalicelib.domain.moments import from_rfc3339, rfc3339
from chalicelib.gateways.stripe import StripeUnavailable
from chalicelib.gateways.stripe_money import MoneyAtStripe
from tests.support.cases import (
    ACME,
    DAY,
    DECISION_DUE,
    FIRST_REPLY_DUE,
    PAYABLE,
    PERIOD_END,
    SECOND,
    ask,
    ask_top_up,
    asked,
    cases,
    decide,
    disputed,
    in_force,
    meanwhile,
    newest_charge,
    onemsg,
    past,
    refunds,
    show,
    told,
    topped_up,
    use,
)
from tests.support.life import START, Life
from tests.support.rewriting import promise_anew
from tests.support.smarter_contact import ONE
from tests.support.top_ups import held, pay, started


def eligibility(life: Life, subscription: str) -> dict:
    return ask(life, subscription).body["eligibility"]


def codes(found: dict) -> list[str]:
    return [one["code"] for one in found["reasons"]]


# -- M1-7: zero usage


def test_a_subscription_that_was_never_used_may_be_asked_back_less_two_deductions():
    """M1-7: "a fixed fee will be deducted equivalent to the WABA Number Setup/Hosting costs … Non-refundable Stripe
    processing fees will also be deducted from the refund amount."."""
    life, channel = onemsg()

    made = ask(life, channel, comment="We never started.")

    assert made.status == 201
    found = made.body["eligibility"]
    assert (found["eligible"], found["reasons"]) == (True, [])
    assert found["paid"] == {"amount": 4900, "currency": "usd"}
    assert found["already_refunded"]["amount"] == 0
    assert [(one["code"], one["amount"]["amount"]) for one in found["deductions"]] == [
        ("setup_fee", 500),
        ("stripe_fee", 172),
    ]
    assert found["payable"] == {"amount": PAYABLE, "currency": "usd"}
    assert made.body["kind"] == "refund"
    assert (made.body["state"], made.body["decision"]) == ("open", None)
    assert made.body["comment"] == "We never started."


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


def sent_a_message(life: Life) -> None:
    given = life.service(
        "POST",
        "/v1/usage-charges",
        {"account_id": ACME, "id": "u1", "kind": "conversation", "at": rfc3339(life.now),
         "amount": {"amount": 5, "currency": "usd"}},
    )  # fmt: skip
    assert given.status in (200, 201), given.body


USES = {
    "no messages sent": sent_a_message,
    "no templates created": use,
    "no numbers connected": lambda life: life.number(ACME, ONE),
    "no other platform activities performed": lambda life: use(life, "login"),
}


@pytest.mark.parametrize("promise", USES)
def test_any_use_ends_the_right_to_a_refund(promise):
    """M1-7: "no messages sent, no templates created, no numbers connected, and no other platform activities
    performed"."""
    life, channel = onemsg()
    USES[promise](life)

    found = eligibility(life, channel)

    assert (found["eligible"], codes(found)) == (False, ["used"])
    assert found["payable"]["amount"] == 0
    assert found["paid"]["amount"] == 4900


def test_what_happened_before_the_subscription_is_no_use_of_it():
    life = Life()
    life.account(ACME, "1msg")
    use(life)
    life.move(START + SECOND)
    channel = life.subscribe(ACME, "1msg:channel:month")

    assert eligibility(life, channel)["eligible"] is True


@pytest.mark.parametrize(("after", "eligible"), [(0, False), (40, False)])
def test_zero_usage_is_judged_over_the_whole_life_of_the_subscription(after, eligible):
    """M1-7: used in its first month, it stays used when a later month was not."""
    life, channel = onemsg()
    use(life)
    life.move(START + after * DAY)

    assert eligibility(life, channel)["eligible"] is eligible


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


def test_the_newest_paid_period_is_what_may_be_paid_back():
    """M1-14: earlier periods are "fully rendered"."""
    life, channel = onemsg()
    life.move(PERIOD_END + 2 * DAY)
    case = asked(life, channel)

    paid = decide(life, case)

    assert paid.status == 200, paid.body
    assert [one["charge"] for one in refunds(life)] == [newest_charge(life)]
    assert in_force(life) == [PAYABLE]


@pytest.mark.parametrize(
    ("at", "reasons"), [(PERIOD_END - SECOND, []), (PERIOD_END, ["period_over"])]
)
def test_there_is_no_claim_for_a_period_that_is_over(at, reasons):
    """M1-14: "After the end of the paid period without further payment, services for that period are deemed fully
    rendered"."""
    life, channel = onemsg()
    life.cancel(ACME, channel)
    life.move(at)

    assert codes(eligibility(life, channel)) == reasons


def test_a_smaller_fee_at_stripe_makes_a_larger_refund():
    """M1-7: Stripe's actual fee is deducted, as its balance transaction says, not a rate of ours."""
    life, channel = onemsg()
    world = life.emulator._world
    (transaction,) = [one for one in world.all("balance_transaction") if one["type"] == "charge"]
    world.change(transaction, fee=1)

    assert eligibility(life, channel)["payable"]["amount"] == 4900 - 500 - 1


def test_deductions_above_the_payment_leave_nothing_and_no_debt():
    """M1-7: `payable = max(0, …)`."""
    life, channel = onemsg()
    promise_anew(life, "1msg", ("set_up_fee_minor = 500", "set_up_fee_minor = 4800"))

    found = eligibility(life, channel)

    assert (codes(found), found["payable"]["amount"]) == (["nothing_left"], 0)


@pytest.mark.parametrize(("refunded", "payable"), [(1, PAYABLE - 1), (4227, 1), (4228, 0)])
def test_what_was_refunded_already_is_not_refunded_again(refunded, payable):
    """M1-7: `paid − already refunded − …`, whoever refunded it."""
    life, channel = onemsg()
    life.stripe("POST", "/v1/refunds", f"charge={newest_charge(life)}&amount={refunded}")

    found = eligibility(life, channel)

    assert found["already_refunded"]["amount"] == refunded
    assert found["payable"]["amount"] == payable
    assert found["eligible"] is (payable > 0)


# -- one request, one decision, one refund


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


# -- refunds that fail


def test_a_failed_refund_opens_the_case_again_and_tells_the_operator():
    """A28: a refund may fail days after it was made."""
    life, channel = onemsg()
    case = asked(life, channel)
    decide(life, case)
    life.move(START + 2 * DAY)

    life.control("refund_fails", refund=refunds(life)[0]["id"])

    shown = show(life, case)
    assert (shown["state"], shown["decision"]) == ("reopened", None)
    assert shown["reopened_because"] == "refund_failed"
    assert shown["earlier_decisions"][0]["approve"] is True
    assert [one["data"]["reason"] for one in told(life, "case.refund_failed")] == ["refund_failed"]
    assert [one["id"] for one in life.operator("GET", "/v1/admin/cases").body["data"]] == [case]


def test_what_was_not_refunded_after_all_keeps_its_access():
    """M1-15: a paid period keeps its access "unless it was refunded"."""
    life, channel = onemsg()
    decide(life, asked(life, channel))
    lost = life.features(ACME)["send_messages"]

    life.control("refund_fails", refund=refunds(life)[0]["id"])

    assert lost is False
    assert life.features(ACME)["send_messages"] is True
    assert life.access_ends_at(ACME, channel) == PERIOD_END


def test_a_reopened_case_is_decided_anew_and_paid_once():
    life, channel = onemsg()
    case = asked(life, channel)
    decide(life, case)
    life.control("refund_fails", refund=refunds(life)[0]["id"])

    decided = decide(life, case)

    assert decided.status == 200, decided.body
    assert decided.body["state"] == "refunded"
    assert in_force(life) == [PAYABLE]
    assert life.features(ACME)["send_messages"] is False


def test_a_refund_that_stripe_has_not_made_yet_fails_within_the_hour():
    """The refund is pending when Stripe answers, and fails a moment later."""
    life, channel = onemsg()
    case = asked(life, channel)
    life.control(
        "refund_fails", count=1, customer=life.stripe("GET", "/v1/customers")["data"][0]["id"]
    )

    decide(life, case)
    life.move(START + 300 * SECOND)

    assert show(life, case)["state"] == "reopened"
    assert in_force(life) == []


# -- Stripe on a bad day


@pytest.mark.parametrize("kind", ["error", "timeout", "throttle", "answer_lost"])
def test_an_outage_of_stripe_delays_the_refund_and_doubles_nothing(kind, monkeypatch):
    """M1-7, A35: whether it was done or not, it is asked about before it is tried again."""
    life, channel = onemsg()
    case = asked(life, channel)
    # So many that the tries within one call do not outlast it.
    outage = {"target": "stripe", "kind": kind, "count": 4 if kind == "throttle" else 3}
    meanwhile(monkeypatch, "pay_back", lambda: life.faults.order(outage))

    decided = decide(life, case)

    assert (decided.status, decided.body["state"]) == (200, "approved")
    life.move(START + DAY)
    assert show(life, case)["state"] == "refunded"
    assert in_force(life) == [PAYABLE]
    assert life.status(ACME, channel) == "canceled"


def test_an_error_that_stripe_repeats_under_its_key_does_not_hold_up_the_refund_for_a_day(
    monkeypatch,
):
    """A35: a result is saved under its key, "incl. 500s". The key changes once no call can be under way any more."""
    life, channel = onemsg()
    case = asked(life, channel)
    keys: list[str] = []
    real = MoneyAtStripe.pay_back

    def stubborn(self, *args, key, **named):
        keys.append(key)
        if key == keys[0]:
            raise StripeUnavailable("Stripe answered 500")
        return real(self, *args, key=key, **named)

    monkeypatch.setattr(MoneyAtStripe, "pay_back", stubborn)
    decide(life, case)

    life.move(START + 1800 * SECOND)

    assert keys[0] == keys[1] != keys[2]
    assert len(keys) == 3
    assert in_force(life) == [PAYABLE]


def test_a_refund_older_than_stripes_memory_for_keys_is_looked_for_before_it_is_made(monkeypatch):
    """A35: keys "may be pruned once >= 24 h old". Made, its answer lost, and Stripe away for two days: still made once."""
    life, channel = onemsg()
    case = asked(life, channel)
    made: list[str] = []
    real_pay, real_list = MoneyAtStripe.pay_back, MoneyAtStripe.refunds_of
    back_at = START + 2 * DAY

    def lost(self, *args, **named):
        made.append(named["key"])
        real_pay(self, *args, **named)
        raise StripeUnavailable("the answer got lost")

    def away(self, *args):
        if made and life.now < back_at:
            raise StripeUnavailable("away")
        return real_list(self, *args)

    monkeypatch.setattr(MoneyAtStripe, "pay_back", lost)
    monkeypatch.setattr(MoneyAtStripe, "refunds_of", away)
    life.control("drop_webhooks")
    decide(life, case)
    life.move(back_at - SECOND)
    assert show(life, case)["state"] == "approved"

    life.move(back_at + DAY)

    assert show(life, case)["state"] == "refunded"
    assert len(made) == 1
    assert in_force(life) == [PAYABLE]


def test_while_stripe_is_away_nothing_can_be_asked_or_decided():
    life, channel = onemsg()
    case = asked(life, channel)
    life.faults.order({"target": "stripe", "kind": "error", "count": 3})
    decided = decide(life, case)
    decide(life, case, approve=False)
    life.faults.order({"target": "stripe", "kind": "error", "count": 3})
    another = ask(life, channel)

    assert (decided.status, decided.code) == (503, "stripe_unavailable")
    assert (another.status, another.code) == (503, "stripe_unavailable")
    assert [one["state"] for one in cases(life)] == ["refused"]


# -- disputes


def test_no_refund_is_asked_for_or_decided_while_the_payment_is_disputed():
    """M1-12: "Chargeback … is … not a substitute for the internal refund process."."""
    life, channel = onemsg()
    case = asked(life, channel)
    disputed(life, subscription=channel)

    decided, again = decide(life, case), ask(life, channel)

    assert (decided.status, decided.code) == (409, "disputed")
    assert (again.status, again.body["id"]) == (201, case)
    assert refunds(life) == []


def test_a_dispute_between_decision_and_refund_stops_the_refund(monkeypatch):
    """The same money is never paid twice."""
    life, channel = onemsg()
    case, charge = asked(life, channel), newest_charge(life)
    dispute = partial(life.emulator.control, "open_dispute", charge=charge)
    meanwhile(monkeypatch, "refunds_of", dispute)

    decided = decide(life, case)

    assert decided.body["state"] == "reopened"
    assert decided.body["reopened_because"] == "disputed"
    assert refunds(life) == []
    assert life.status(ACME, channel) == "active"


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


# -- M1-16, M1-8: top-ups


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


# -- what somebody does at Stripe


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


def test_where_only_the_job_may_pay_no_request_tries_and_the_job_pays():
    """M1-7, decided: the key that pays back is the job's alone where it is deployed, so a request must not even try."""
    life, channel = onemsg()
    life.world = replace(life.world, settings=replace(life.world.settings, pays_at_once=False))
    wiring.use(life.world)
    case = asked(life, channel)

    assert decide(life, case).status == 200
    assert refunds(life) == []
    assert life.status(ACME, channel) == "active"

    life.run_jobs()
    assert [one["amount"] for one in refunds(life)] == [PAYABLE]
    life.run_jobs()
    assert len(refunds(life)) == 1
