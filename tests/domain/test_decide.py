"""`decide`, fact by fact: what is true afterwards, and that telling the same fact again changes nothing."""

import pytest

from chalicelib.domain import facts
from chalicelib.domain.account import Account, Contract
from chalicelib.domain.decide import decide
from chalicelib.domain.decision import CustomerBound
from chalicelib.domain.evidence import Evidence, Preview
from chalicelib.domain.steps import Step
from tests.support.records import (
    DAY,
    END,
    NEXT_END,
    POLICY,
    START,
    account,
    at_stripe,
    canceled,
    ended,
    invoice,
    number,
    registration,
    steps_of,
    subscription,
)

NOW = START + DAY
EVIDENCE = Evidence(
    id="ev_1",
    preview=Preview(
        id="ev_1", subscription_id="sub_1", created_at=START, expires_at=NOW, access_ends_at=END,
        consequences=(), disclosures={}, policy_version="1", fingerprint="f",
    ),
    who="ann", roles=("billing_admin",), channel="online", at=NOW, reason="other", comment=None,
    consents={},
)  # fmt: skip


def told(known: Account, fact: facts.Fact, now=NOW):
    return decide(known, fact, POLICY, now)


CASES: dict[str, tuple[Account, facts.Fact, facts.Fact | None]] = {
    "stripe says": (
        account(),
        facts.StripeSaysSubscription(subscription=at_stripe(), as_of=START, event_id="evt_1"),
        None,
    ),
    "stripe says it is cancelled": (
        account(subscription()),
        facts.StripeSaysSubscription(
            subscription=at_stripe(cancel_at=END), as_of=START, event_id="evt_1"
        ),
        None,
    ),
    "stripe says all": (
        account(),
        facts.StripeSaysAll(subscriptions=(at_stripe(),), as_of=START),
        None,
    ),
    "an invoice is paid": (
        account(subscription()),
        facts.StripeSaysInvoice(invoice=invoice(id="in_2", covers_until=NEXT_END)),
        None,
    ),
    "a charge failed": (
        account(subscription()),
        facts.StripeSaysInvoice(
            invoice=invoice(id="in_2", status="open", covers_until=NEXT_END, failed_at=END)
        ),
        None,
    ),
    "the account is put": (
        account(),
        facts.AccountPut(email="ann@example.com", stripe_customer_id="cus_9", time_zone="UTC"),
        None,
    ),
    "a number is put": (
        account(),
        facts.NumberPut(number=number(), existing=None),
        facts.NumberPut(number=number(), existing=number()),
    ),
    "a number is to be removed": (
        account(numbers=1),
        facts.NumberRemovalAsked(number=number()),
        None,
    ),
    "a registration is put": (
        account(),
        facts.RegistrationPut(registration=registration(), existing=None),
        facts.RegistrationPut(registration=registration(), existing=registration()),
    ),
    "a registration is to be withdrawn": (
        account(registrations=1),
        facts.RegistrationWithdrawalAsked(registration=registration()),
        None,
    ),
    "the carrier released": (
        account(ended(), numbers=1, in_flight={"number#+14155550100": NOW}),
        facts.CarrierDone(thing=number(state="releasing")),
        facts.CarrierDone(thing=number(state="released", released_at=NOW)),
    ),
    "the carrier lapsed": (
        account(ended(), registrations=1, in_flight={"registration#R1": NOW}),
        facts.CarrierDone(thing=registration()),
        facts.CarrierDone(thing=registration(state="lapsed", ended_at=NOW)),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_same_fact_again_changes_nothing(case):
    """`again` is the fact as it is gathered the second time: with the row that the first one left."""
    known, fact, again = CASES[case]

    first = told(known, fact)
    second = told(first.account, again or fact)

    assert first.what is not None
    assert second.what is None
    assert second.account == first.account
    assert second.also == ()


@pytest.mark.parametrize("case", CASES)
def test_deciding_touches_nothing_of_what_was_known(case):
    known, fact, _ = CASES[case]
    before = repr(known)

    told(known, fact)

    assert repr(known) == before


@pytest.mark.parametrize(
    ("known", "fact"),
    [
        (
            account(subscription()),
            facts.CancellationAsked(subscription_id="sub_1", evidence=EVIDENCE),
        ),
        (account(ended()), facts.PurgeBegan(step=Step("data_purged", END))),
        (account(ended()), facts.StepDone(step=Step("access_ends", END, "sub_1"))),
        (
            account(subscription(), next_fee_at=END),
            facts.StepDone(step=Step("number_fee", END), next_fee_at=NEXT_END),
        ),
        (account(ended(), purge_began_at=END), facts.StepDone(step=Step("data_purged", END))),
        (
            account(ended(), numbers=1),
            facts.CarrierCalled(thing=number(), step=Step("numbers_released", END)),
        ),
        (
            account(ended(), registrations=1),
            facts.CarrierCalled(thing=registration(), step=Step("registrations_lapse", END)),
        ),
    ],
)
def test_what_is_written_down_each_time_leaves_the_same_account(known, fact):
    first = told(known, fact)

    assert told(first.account, fact).account == first.account


def test_the_consent_is_kept_before_anything_is_done():
    fact = facts.CancellationAsked(subscription_id="sub_1", evidence=EVIDENCE)

    decision = told(account(subscription()), fact)

    asked = decision.account.subscriptions["sub_1"]
    assert decision.also == (EVIDENCE,)
    assert asked.evidence_id == "ev_1"
    assert not asked.renewal_is_off
    assert steps_of(decision.account) == {}


def test_stripe_s_word_puts_every_consequence_on_the_timeline_and_takes_it_off():
    off = facts.StripeSaysSubscription(
        subscription=at_stripe(cancel_at_period_end=True), as_of=START
    )
    on = facts.StripeSaysSubscription(subscription=at_stripe(), as_of=NOW)
    renewing = account(subscription(), numbers=1, registrations=1)

    leaving = told(renewing, off).account
    back = told(leaving, on).account

    assert set(steps_of(leaving)) == {
        "access_ends:sub_1", "messages_credited:sub_1", "numbers_released", "registrations_lapse",
        "data_purged",
    }  # fmt: skip
    assert steps_of(back) == {}


def test_putting_an_account_changes_only_what_is_named():
    decision = told(account(email="old@example.com"), facts.AccountPut(locale="fr"))

    assert (decision.account.email, decision.account.locale) == ("old@example.com", "fr")
    assert decision.data == {"changed": ["locale"]}
    assert decision.also == ()


def test_a_stripe_customer_is_bound_once():
    fact = facts.AccountPut(stripe_customer_id="cus_9")

    decision = told(account(stripe_customer_id=None), fact)

    assert decision.also == (CustomerBound("cus_9"),)
    assert told(decision.account, fact).also == ()


def test_contracts_are_put_with_the_account():
    contracts = {"sub_1": Contract(starts_at=START, months=12)}

    assert told(account(), facts.AccountPut(contracts=contracts)).account.contracts == contracts


def test_a_step_that_was_carried_out_is_done_for_its_date():
    decision = told(
        account(ended()), facts.StepDone(step=Step("access_ends", END, "sub_1"), result={"a": 1})
    )

    assert decision.account.done == {"access_ends:sub_1": END}
    assert decision.what == "step.access_ends"
    assert decision.data == {"due": END, "a": 1}


def test_after_fees_the_next_date_is_ahead():
    fact = facts.StepDone(step=Step("number_fee", END), next_fee_at=NEXT_END)

    after = told(account(subscription(), next_fee_at=END), fact).account

    assert steps_of(after) == {"number_fee": NEXT_END}


def test_a_purge_that_began_leaves_an_empty_account():
    known = account(
        ended(),
        numbers=0,
        registrations=0,
        email="ann@example.com",
        done={"access_ends:sub_1": END},
    )
    begun = told(known, facts.PurgeBegan(step=Step("data_purged", END))).account

    after = told(begun, facts.StepDone(step=Step("data_purged", END))).account

    assert begun.purge_began_at == END
    assert (after.email, after.subscriptions, after.done) == (None, {}, {})
    assert (after.purge_began_at, after.purged_at) == (None, NOW)
    assert (after.stripe_customer_id, after.policy, after.currency) == (
        known.stripe_customer_id, known.policy, known.currency,
    )  # fmt: skip
    assert steps_of(after) == {}


def test_a_plan_that_came_back_while_it_was_purged_is_kept():
    back = subscription(id="sub_2", started_at=NOW)
    known = account(ended(), back, purge_began_at=END)

    after = told(known, facts.StepDone(step=Step("data_purged", END))).account

    assert set(after.subscriptions) == {"sub_2"}


def test_cancelling_at_stripe_and_here_leads_to_one_timeline():
    flag = account(canceled(), numbers=1)
    moment = account(subscription(cancel_at=END), numbers=1)

    assert steps_of(flag) == steps_of(moment)
