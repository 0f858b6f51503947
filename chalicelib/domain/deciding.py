"""What follows when something happens to a case: it is opened, answered, decided, paid; or the bank speaks."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from chalicelib.domain import cases, open_cases
from chalicelib.domain.account import Account
from chalicelib.domain.case_facts import (
    AppealCredited,
    CaseClockRan,
    CaseDecided,
    CaseOpened,
    CaseReplied,
    DisputeSaid,
    PaymentRefunded,
    RefundBegun,
    RefundRefused,
    RefundSaid,
)
from chalicelib.domain.cases import (
    DISPUTE,
    MOST_OPEN,
    AlreadyOpen,
    Case,
    Refund,
    TooManyOpen,
)
from chalicelib.domain.decision import CaseSaved, Decision, ReplySaved, unchanged
from chalicelib.domain.disputes import LOST, WON
from chalicelib.domain.forfeiting import forfeit, give_back
from chalicelib.domain.policy import Policy


def opened(account: Account, fact: CaseOpened, policy: Policy) -> Decision:
    """Raises cases.AlreadyOpen and cases.TooManyOpen."""
    case = fact.case
    about = case.subscription_id or case.entry
    known = open_cases.open_about(account, case.kind, about) if about else None
    if known is not None:
        raise AlreadyOpen(known)
    if case.closed_at is None and len(account.cases) >= MOST_OPEN:
        raise TooManyOpen(account.id)
    what = "case.opened" if case.closed_at is None else "case.refused"
    return _saved(account, case, policy, what, is_new=True)


def replied(account: Account, fact: CaseReplied, policy: Policy) -> Decision:
    """Raises cases.AlreadyDecided and cases.TooManyReplies."""
    case = cases.replied(fact.case, fact.reply, fact.due)
    decision = _saved(account, case, policy, "case.replied", by_role=fact.reply.role)
    return replace(decision, also=(*decision.also, ReplySaved(case.id, case.replies, fact.reply)))


def decided(account: Account, fact: CaseDecided, policy: Policy) -> Decision:
    """Raises cases.AlreadyDecided and cases.NotOurs."""
    case = cases.decided(fact.case, fact.verdict, fact.payout)
    data: dict[str, Any] = {"amount": fact.verdict.amount} if fact.verdict.amount else {}
    return _saved(account, case, policy, "case.decided", approved=fact.verdict.approve, **data)


def clock_ran(account: Account, fact: CaseClockRan, policy: Policy, now: datetime) -> Decision:
    said = open_cases.due_alarms(fact.case, policy, now)
    case = open_cases.after_alarms(fact.case, policy, now)
    if not said:
        # The policy speaks at other times by now: the account's own note of the next one is put right.
        moved = open_cases.remembered(account, case, policy) != account or case != fact.case
        return _saved(account, case, policy, "case.clock_moved") if moved else unchanged(account)
    overdue = any(one.what == "overdue" for one in said)
    what = "case.overdue" if overdue else "case.reminder"
    due = min((one.due for one in said), default=now)
    return _saved(account, case, policy, what, due=due, waiting_for=[one.about for one in said])


def refund_begun(account: Account, fact: RefundBegun, policy: Policy) -> Decision:
    """The intent, saved before Stripe is called (invariant 12)."""
    if fact.case.payout is None:
        return unchanged(account)
    case = replace(fact.case, payout=replace(fact.case.payout, begun_at=fact.at))
    return _saved(account, case, policy, "case.refund_begun")


def refund_said(account: Account, fact: RefundSaid, policy: Policy, now: datetime) -> Decision:
    """A28: a refund may fail days later. Then the case is open again, and what the money paid for is back."""
    case, said = fact.case, fact.refund
    known = case.refund
    if case.payout is None or said.attempt != case.attempt:
        return unchanged(account)
    if known is not None and (known.id, known.status) == (said.id, said.status):
        return unchanged(account)
    why = f"refund_{said.status}"
    if not said.in_force and not case.purged:
        return _failed(account, case, why, fact, policy, now)
    refund = Refund(
        id=said.id, status=said.status, amount=said.amount, attempt=said.attempt, at=now
    )
    if not said.in_force:
        # Nobody can decide anew on what is gone. A top-up is on the wallet again, and can be asked back again.
        known_failed = replace(case, refund=refund)
        return _saved(account, known_failed, policy, "case.refund_failed", reason=why)
    after = replace(case, refund=refund, closed_at=case.closed_at or now)
    if case.payout.ends_plan:
        account = forfeit(account, case.subscription_id, case.id, case.payout.covers_until, now)
    return _saved(account, after, policy, "case.refunded", amount=said.amount, status=said.status)


def refund_refused(
    account: Account, fact: RefundRefused, policy: Policy, now: datetime
) -> Decision:
    """It cannot be carried out as it was decided: the case is open again."""
    if not fact.case.is_paying:
        return unchanged(account)
    return _failed(account, fact.case, fact.why, fact, policy, now)


def _failed(
    account: Account,
    case: Case,
    why: str,
    fact: RefundSaid | RefundRefused,
    policy: Policy,
    now: datetime,
) -> Decision:
    again = cases.reopened(case, why, now, fact.due)
    return _saved(give_back(account, case.id), again, policy, "case.refund_failed", reason=why)


def appeal_credited(
    account: Account, fact: AppealCredited, policy: Policy, now: datetime
) -> Decision:
    case = fact.case
    if not case.is_paying or case.payout is None:
        return unchanged(account)
    after = replace(case, credited_at=now, closed_at=now)
    return _saved(account, after, policy, "case.credited", amount=case.payout.amount)


def dispute_said(account: Account, fact: DisputeSaid, policy: Policy, now: datetime) -> Decision:
    said = fact.dispute
    known = fact.case or _dispute_case(fact)
    if known.dispute == said and fact.case is not None:
        return unchanged(account)
    closed_at = (known.closed_at or now) if said.is_over else None
    case = replace(known, dispute=said, closed_at=closed_at)
    if said.status == WON:
        account = give_back(account, said.id)
    elif said.status == LOST and policy.disputes.lost_ends_access and fact.takes_all:
        account = forfeit(account, case.subscription_id, said.id, fact.covers_until, now)
    return _saved(
        account,
        case,
        policy,
        _what_of_dispute(fact),
        is_new=fact.case is None,
        charge_id=said.charge_id,
        status=said.status,
        amount=said.amount,
        refunded=fact.refunded,
        **({"due": said.due_by} if said.due_by else {}),
    )


def _dispute_case(fact: DisputeSaid) -> Case:
    return Case(
        id=fact.dispute.id,
        kind=DISPUTE,
        received_at=fact.dispute.created_at,
        opened_by="stripe",
        subscription_id=fact.subscription_id,
        complete_at=fact.dispute.created_at,
    )


def _what_of_dispute(fact: DisputeSaid) -> str:
    said, before = fact.dispute, fact.case.dispute if fact.case else None
    if said.is_over and (before is None or before.status != said.status):
        return f"dispute.{said.status if said.status in (WON, LOST) else 'closed'}"
    return "dispute.updated" if before else "dispute.opened"


def payment_refunded(account: Account, fact: PaymentRefunded) -> Decision:
    """M1-15: somebody at Stripe gave back the whole payment of the newest period, or that refund failed after all.
    It ends nothing by itself; ended at once at Stripe, the plan then keeps no access."""
    known = account.subscriptions.get(fact.subscription_id)
    if known is None:
        return unchanged(account)
    until = known.refunded_until
    if fact.wholly:
        until = max(until or fact.covers_until, fact.covers_until)
    elif until == fact.covers_until:
        until = None
    if until == known.refunded_until:
        return unchanged(account)
    after = replace(known, refunded_until=until)
    return Decision(
        replace(account, subscriptions=account.with_subscription(after)),
        "subscription.payment_refunded" if fact.wholly else "subscription.payment_refund_failed",
        {"subscription_id": known.id},
    )


def _saved(
    account: Account, case: Case, policy: Policy, what: str, *, is_new: bool = False, **data: Any
) -> Decision:
    after = open_cases.remembered(account, case, policy)
    said = {"case_id": case.id, "kind": case.kind, **data}
    if case.subscription_id is not None:
        said["subscription_id"] = case.subscription_id
    return Decision(after, what, said, (CaseSaved(case, is_new),))
