"""M1-7, M1-12: refunds that fail, that meet an outage of Stripe, or a dispute: paid once, or not at all."""

from dataclasses import replace
from functools import partial

import pytest

from chalicelib import wiring
from chalicelib.gateways.stripe import StripeUnavailable
from chalicelib.gateways.stripe_money import MoneyAtStripe
from tests.support.cases import (
    ACME,
    DAY,
    PAYABLE,
    PERIOD_END,
    SECOND,
    ask,
    asked,
    cases,
    decide,
    disputed,
    in_force,
    meanwhile,
    newest_charge,
    onemsg,
    refunds,
    show,
    told,
)
from tests.support.life import START

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


def test_a_lost_call_that_lands_while_stripe_is_asked_again_is_found_and_nothing_comes_back(
    monkeypatch,
):
    """Nothing was listed, and a moment later the payment is refunded: by our own call, which was still on its way."""
    life, channel = onemsg()
    case = asked(life, channel)
    real_pay, real_charge = MoneyAtStripe.pay_back, MoneyAtStripe.charge
    on_its_way: list[partial[object]] = []

    def lost(self, *args, **named):
        on_its_way.append(partial(real_pay, self, *args, **named))
        raise StripeUnavailable("no answer came")

    def lands(self, *args):
        while on_its_way:
            on_its_way.pop()()
        return real_charge(self, *args)

    monkeypatch.setattr(MoneyAtStripe, "pay_back", lost)
    life.control("drop_webhooks")
    decide(life, case)
    monkeypatch.setattr(MoneyAtStripe, "charge", lands)

    life.move(START + 600 * SECOND)

    assert show(life, case)["state"] == "refunded"
    assert in_force(life) == [PAYABLE]
    assert told(life, "case.refund_failed") == []


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


# -- where only the job may pay


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
