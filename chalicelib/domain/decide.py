"""`decide(account, fact, policy, now)` → what is now true. It touches nothing.

One table: fact → the rule that knows what follows from it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from chalicelib.domain import facts, from_stripe, holdings
from chalicelib.domain.account import Account
from chalicelib.domain.decision import CustomerBound, Decision, unchanged
from chalicelib.domain.policy import Policy
from chalicelib.domain.steps import DATA_PURGED, NUMBER_FEE


def decide(account: Account, fact: facts.Fact, policy: Policy, now: datetime) -> Decision:
    """Raises from_stripe.UnknownPrice and from_stripe.UnknownSubscription."""
    match fact:
        case facts.StripeSaysSubscription():
            return from_stripe.apply_subscription(account, fact, policy)
        case facts.StripeSaysAll():
            return from_stripe.apply_all(account, fact, policy)
        case facts.StripeSaysInvoice():
            return from_stripe.apply_invoice(account, fact)
        case facts.CancellationAsked():
            return cancellation_asked(account, fact)
        case facts.AccountPut():
            return put_account(account, fact)
        case facts.NumberPut():
            return holdings.put_number(account, fact)
        case facts.NumberRemovalAsked():
            return holdings.ask_number_removal(account, fact, now)
        case facts.RegistrationPut():
            return holdings.put_registration(account, fact)
        case facts.RegistrationWithdrawalAsked():
            return holdings.ask_withdrawal(account, fact, now)
        case facts.CarrierCalled():
            return holdings.call_carrier(account, fact, now)
        case facts.CarrierDone():
            return holdings.carrier_done(account, fact, now)
        case facts.CarrierKept():
            return holdings.carrier_kept(account, fact)
        case facts.PurgeBegan():
            return Decision(replace(account, purge_began_at=fact.step.due), "data.purge_begun")
        case facts.StepDone():
            return step_done(account, fact, now)
        case _:
            assert_never(fact)


def cancellation_asked(account: Account, fact: facts.CancellationAsked) -> Decision:
    """SC-1: the consent is kept before anything is done."""
    subscription = account.subscriptions[fact.subscription_id]
    asked = replace(subscription, evidence_id=fact.evidence.id)
    after = replace(account, subscriptions=account.with_subscription(asked))
    data = {"subscription_id": subscription.id, "evidence_id": fact.evidence.id}
    return Decision(after, "subscription.cancellation_asked", data, (fact.evidence,))


def put_account(account: Account, fact: facts.AccountPut) -> Decision:
    given = {
        name: value
        for name in ("stripe_customer_id", "policy", "currency", "time_zone", "locale", "email",
                     "purchased_through", "contracts")
        if (value := getattr(fact, name)) is not None
    }  # fmt: skip
    after = replace(account, **given)
    bound = fact.stripe_customer_id
    is_new = bound is not None and bound != account.stripe_customer_id
    if after == account and not is_new:
        return unchanged(account)
    also = (CustomerBound(bound),) if bound is not None and is_new else ()
    return Decision(after, "account.updated", {"changed": sorted(given)}, also)


def step_done(account: Account, fact: facts.StepDone, now: datetime) -> Decision:
    step = fact.step
    if step.kind == NUMBER_FEE:
        # It comes back every month: its date moves on, where the others are done for good.
        after = replace(account, next_fee_at=fact.next_fee_at)
    elif step.kind == DATA_PURGED:
        after = _emptied(account, now)
    else:
        after = replace(account, done={**account.done, step.id: step.due})
    return Decision(after, f"step.{step.kind}", {"due": step.due, **fact.result})


def _emptied(account: Account, now: datetime) -> Account:
    """The account after its purge: it exists, and is empty (SC-10, SC-11)."""
    live = {
        id: s for id, s in account.subscriptions.items() if s.has_started and s.ended_at is None
    }
    return replace(
        account,
        email=None,
        subscriptions=live,
        contracts={id: c for id, c in account.contracts.items() if id in live},
        numbers=0,
        registrations=0,
        seats=0,
        next_fee_at=None,
        removals={},
        withdrawals={},
        in_flight={},
        done={},
        purge_began_at=None,
        purged_at=now,
    )
