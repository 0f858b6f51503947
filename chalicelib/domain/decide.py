"""`decide(account, fact, policy, now)` → what is now true. It touches nothing.

One table: fact → the rule that knows what follows from it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import assert_never

from chalicelib.domain import (
    adopting,
    approving,
    case_facts,
    collecting,
    contracts,
    deciding,
    exports,
    facts,
    from_stripe,
    holdings,
    maintenance,
    overruling,
    recovering,
    seats,
)
from chalicelib.domain.account import Account
from chalicelib.domain.decision import (
    CustomerBound,
    Decision,
    PurgeCertified,
    ReceiptDue,
    unchanged,
)
from chalicelib.domain.policy import Policy
from chalicelib.domain.steps import (
    DATA_PURGED,
    EXPORT_EXPIRES,
    EXPORT_MADE,
    NUMBER_FEE,
    SEATS_UNASSIGNED,
)


def decide(  # noqa: C901 - a table of facts and their rules, with no rule in it
    account: Account, fact: facts.Fact, policy: Policy, now: datetime
) -> Decision:
    """Raises from_stripe.UnknownPrice and from_stripe.UnknownSubscription."""
    match fact:
        case facts.StripeSaysSubscription():
            return from_stripe.apply_subscription(account, fact, policy)
        case facts.StripeSaysAll():
            return from_stripe.apply_all(account, fact, policy)
        case facts.StripeSaysInvoice():
            return from_stripe.apply_invoice(account, fact)
        case facts.Adopted():
            return adopting.adopt(account, fact, policy)
        case facts.CancellationAsked():
            return cancellation_asked(account, fact)
        case facts.ContractCancelled() | facts.ContractResumed():
            said = from_stripe.apply_subscription(account, fact.said, policy)
            leaves = isinstance(fact, facts.ContractCancelled)
            return contracts.leave_with_contract(said, fact.said.subscription.id, leaves)
        case facts.ContractCorrectionBegan():
            return contracts.begin_correcting(account, fact.subscription_id)
        case facts.CollectionSet():
            return collecting.set_collection(account, fact)
        case facts.SeatAssigned():
            return seats.assign(account, fact.seat)
        case facts.SeatUnassigned():
            return seats.unassign(account, fact.subscription_id, fact.user)
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
        case facts.NumberRecoveryAsked():
            return recovering.ask(account, fact, policy, now)
        case facts.NumberRecovered():
            return recovering.recovered(account, fact, policy, now)
        case facts.NumberNotRecovered():
            return recovering.not_recovered(account, fact)
        case facts.ExportAsked():
            return exports.ask(account, fact.export_id, now)
        case facts.PurgeBegan():
            return begin_purge(account, fact, now)
        case facts.PurgeReapplied():
            return reapply_purge(account, fact)
        case facts.StepDone():
            return step_done(account, fact, now)
        case facts.StepHeld():
            return overruling.hold(account, fact, policy)
        case facts.StepRetried():
            return overruling.retry(account, fact, policy, now)
        case facts.StepWaived():
            return overruling.waive(account, fact, policy, now)
        case facts.PurgeApproved():
            return approving.say(account, fact.word, policy, now)
        case facts.LegalHoldSet():
            return overruling.set_legal_hold(account, fact)
        case facts.LegalHoldReleased():
            return overruling.release_legal_hold(account, fact)
        case maintenance.WorkSaid():
            return maintenance.hear(account, fact, now)
        case _:
            return _of_case(account, fact, policy, now)


def _of_case(
    account: Account, fact: case_facts.CaseFact, policy: Policy, now: datetime
) -> Decision:
    match fact:
        case case_facts.CaseOpened():
            return deciding.opened(account, fact, policy)
        case case_facts.CaseReplied():
            return deciding.replied(account, fact, policy)
        case case_facts.CaseDecided():
            return deciding.decided(account, fact, policy)
        case case_facts.CaseClockRan():
            return deciding.clock_ran(account, fact, policy, now)
        case case_facts.RefundBegun():
            return deciding.refund_begun(account, fact, policy)
        case case_facts.RefundSaid():
            return deciding.refund_said(account, fact, policy, now)
        case case_facts.RefundRefused():
            return deciding.refund_refused(account, fact, policy, now)
        case case_facts.AppealCredited():
            return deciding.appeal_credited(account, fact, policy, now)
        case case_facts.DisputeSaid():
            return deciding.dispute_said(account, fact, policy, now)
        case case_facts.PaymentRefunded():
            return deciding.payment_refunded(account, fact)
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
    why = {"reason": fact.reason} if fact.reason else {}
    return Decision(after, "account.updated", {"changed": sorted(given), **why}, also)


def begin_purge(account: Account, fact: facts.PurgeBegan, now: datetime) -> Decision:
    after = replace(account, purge_began_at=fact.step.due, purges_before=now)
    also = (ReceiptDue(account.email),) if account.email else ()
    return Decision(after, "data.purge_begun", also=also)


def reapply_purge(account: Account, fact: facts.PurgeReapplied) -> Decision:
    """The record as it is without what a backup brought back. What it learnt after the purge stays."""
    left = fact.left
    knows = account.purged_at is not None and account.purged_at >= fact.before
    after = account if knows else _without_the_past(account, fact.before)
    after = replace(
        after,
        numbers=left.numbers,
        registrations=left.registrations,
        seats=left.seats,
        next_fee_at=left.next_fee_at,
        cases={id: case for id, case in after.cases.items() if id in left.cases},
    )
    if after == account:
        return unchanged(account)
    return Decision(after, "data.purge_reapplied", {"before": fact.before})


def _without_the_past(account: Account, before: datetime) -> Account:
    newer = {id: s for id, s in account.subscriptions.items() if s.started_at >= before}
    emptied = _emptied(replace(account, subscriptions=newer), before)
    # What was at a carrier, or to be taken from it, was dealt with before the purge.
    return replace(
        emptied,
        subscriptions=newer,
        contracts={id: c for id, c in account.contracts.items() if id in newer},
        exports={id: e for id, e in account.exports.items() if e.asked_at >= before},
        in_flight={},
        removals={},
        recoveries={},
        withdrawals={},
    )


def step_done(account: Account, fact: facts.StepDone, now: datetime) -> Decision:
    step = fact.step
    if step.kind == NUMBER_FEE:
        # It comes back every month: its date moves on, where the others are done for good.
        after = replace(account, next_fee_at=fact.next_fee_at)
    elif step.kind == DATA_PURGED:
        after = _emptied(account, now)
    elif step.kind == EXPORT_MADE:
        after = exports.made(account, step.subject or "", now)
    elif step.kind == EXPORT_EXPIRES:
        after = exports.gone(account, step.subject or "")
    else:
        begun = {id: due for id, due in account.begun.items() if id != step.id}
        after = replace(account, begun=begun, done={**account.done, step.id: step.due})
        if step.kind == SEATS_UNASSIGNED:
            after = seats.emptied(after, step.subject or "")
    also = (PurgeCertified(fact.certificate),) if fact.certificate is not None else ()
    return Decision(after, f"step.{step.kind}", {"due": step.due, **fact.result}, also)


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
        # What came after the purge had begun is held, and counted; before, there was nothing left.
        next_fee_at=account.next_fee_at if account.numbers else None,
        seats={},
        begun={},
        given_up={},
        done={},
        held={},
        waived={},
        exports={},
        work=account.work if live else {},
        cases={id: case for id, case in account.cases.items() if case.holds_purge},
        purge_began_at=None,
        purges_before=None,
        purge_approval=None,
        purged_at=now,
    )
