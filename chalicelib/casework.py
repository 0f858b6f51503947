"""M1-7 to M1-11: a request or appeal is taken in, answered and decided; then what was decided is carried out.

Everything is judged on the account's version, and a decision asks Stripe and our own records again. It is saved before
anything is paid; paying is a step of its own, tried at once and, if that fails, by the schedule until it is done.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass, replace

from chalicelib import refunding, sweeping
from chalicelib.domain.account import Account
from chalicelib.domain.appeals import Statement, to_credit
from chalicelib.domain.case_facts import CaseDecided, CaseOpened, CaseReplied
from chalicelib.domain.cases import (
    APPEAL,
    REFUND,
    TOP_UP,
    AlreadyOpen,
    Case,
    NotOurs,
    Payout,
    Reply,
    Verdict,
    received,
)
from chalicelib.domain.ledger import Entry
from chalicelib.domain.money import Money
from chalicelib.domain.open_cases import open_about
from chalicelib.domain.refunds import NO_REFUNDS, Eligibility, sentence, to_pay
from chalicelib.domain.steps import APPEAL_CREDITED, PLAN_ENDED, REFUND_PAID
from chalicelib.lifecycle import must_load, tell
from chalicelib.refunding import Found, deadlines_from
from chalicelib.store import cases, wallet
from chalicelib.wiring import World


@dataclass(frozen=True, slots=True, kw_only=True)
class By:
    """Who does it, and in which request: the same request again is the same deed."""

    who: str
    request: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """What an operator decides. No amount: all that is payable."""

    approve: bool
    reason: str
    amount: Money | None = None


# -- taking it in


def ask_refund(
    world: World, account: Account, subscription_id: str, comment: str | None, by: By
) -> Case:
    """M1-7. One open request per subscription: a second one gets the first.

    Raises refunds.Disputed, cases.TooManyOpen, and what Stripe raises.
    """
    known = open_about(account, REFUND, subscription_id)
    if known is not None:
        return must_know(world, account.id, known)
    found = refunding.of_subscription(world, account, account.subscriptions[subscription_id])
    case = _new(world, REFUND, by)
    case = replace(case, subscription_id=subscription_id, comment=comment)
    return _take_in(world, account, case, found, by)


def ask_top_up_refund(
    world: World, account: Account, entry: Entry, comment: str | None, by: By
) -> Case:
    """M1-16: considered by a person, never by itself. Raises as `ask_refund` does."""
    entry_id = f"{entry.seq:012d}"
    known = open_about(account, TOP_UP, entry_id)
    if known is not None:
        return must_know(world, account.id, known)
    found = refunding.of_top_up(world, account, entry)
    case = replace(_new(world, TOP_UP, by), entry=entry_id, comment=comment)
    return _take_in(world, account, case, found, by)


def appeal(world: World, account: Account, statement: Statement, by: By) -> Case:
    """M1-9. Raises cases.TooManyOpen."""
    case = replace(_new(world, APPEAL, by), statement=statement)
    return _open(world, account, case, by, id=f"case:{case.id}")


def _new(world: World, kind: str, by: By) -> Case:
    return Case(id=f"case_{by.request}", kind=kind, received_at=world.clock.now(), opened_by=by.who)


def _take_in(world: World, account: Account, case: Case, found: Found, by: By) -> Case:
    case = replace(case, eligibility=found.eligibility)
    if NO_REFUNDS in found.eligibility.reasons:
        return _refuse_at_once(world, account, case, by)
    return _open(world, account, case, by, id=f"case:{case.id}")


def _refuse_at_once(world: World, account: Account, case: Case, by: By) -> Case:
    """SC-13, OS-4: what the policy does not give needs no person, nor any time. Asked for again, the answer is the
    same one: its id is made of what was asked for."""
    policy, now = world.policies.get(account.policy), case.received_at
    asked = f"{account.id}\n{case.kind}\n{case.subscription_id or case.entry}\n{policy.version}"
    reason = sentence(NO_REFUNDS, policy, account.locale)
    verdict = Verdict(
        id=by.request,
        at=now,
        by=policy.name,
        role="policy",
        approve=False,
        reason=reason,
        eligibility=case.eligibility,
    )
    id = f"case_{hashlib.sha256(asked.encode()).hexdigest()[:32]}"
    refused = replace(case, id=id, verdict=verdict, complete_at=now, closed_at=now)
    return _open(world, account, refused, by, id=f"case:{id}")


def _open(world: World, account: Account, case: Case, by: By, *, id: str) -> Case:
    policy = world.policies.get(account.policy)
    if case.closed_at is None:
        case = received(case, deadlines_from(world, policy, case.received_at))
    try:
        tell(world, account.id, CaseOpened(case=case), id=id, by=by.who)
    except AlreadyOpen as known:
        return must_know(world, account.id, known.case_id)
    return must_know(world, account.id, case.id)


def must_know(world: World, account_id: str, case_id: str) -> Case:
    case = cases.load(world.table, account_id, case_id)
    assert case is not None, "a case that is open has its row"
    return case


# -- answering


def reply(world: World, account_id: str, case_id: str, answer: Reply, by: By) -> Case:
    """Raises cases.AlreadyDecided and cases.TooManyReplies."""

    def on(account: Account) -> CaseReplied:
        policy = world.policies.get(account.policy)
        case = must_know(world, account_id, case_id)
        return CaseReplied(case=case, reply=answer, due=deadlines_from(world, policy, answer.at))

    tell(world, account_id, on, id=f"reply:{by.request}", by=by.who)
    return must_know(world, account_id, case_id)


# -- deciding


def decide(world: World, account_id: str, case_id: str, ruling: Ruling, by: By) -> Case:
    """M1-11: once, and it is carried out at once if that is possible.

    Raises cases.AlreadyDecided, cases.NotOurs, refunds.Disputed, refunds.NotPayable, refunds.TooMuch,
    appeals.OverLimit, and what Stripe raises: then nothing was decided.
    """

    def on(account: Account) -> CaseDecided:
        case = must_know(world, account_id, case_id)
        if case.verdict is not None and case.verdict.id == by.request:
            raise _Repeated
        return _ruled(world, account, case, ruling, by)

    with suppress(_Repeated):
        tell(world, account_id, on, id=f"decision:{by.request}", by=by.who)
    return _pay_at_once(world, account_id, must_know(world, account_id, case_id))


class _Repeated(Exception):
    """This very request has decided it."""


def _ruled(world: World, account: Account, case: Case, ruling: Ruling, by: By) -> CaseDecided:
    if case.dispute is not None:
        raise NotOurs(case.id)
    payout, found = None, case.eligibility
    if case.verdict is None and ruling.approve:
        payout, found = _approved(world, account, case, ruling.amount)
    verdict = Verdict(
        id=by.request,
        at=world.clock.now(),
        by=by.who,
        role="operator",
        approve=ruling.approve,
        reason=ruling.reason,
        amount=payout.amount if payout else None,
        eligibility=found,
    )
    return CaseDecided(case=case, verdict=verdict, payout=payout)


def _approved(
    world: World, account: Account, case: Case, asked: Money | None
) -> tuple[Payout | None, Eligibility | None]:
    """What is to be paid, and the figures it rests on: as they are now, whatever they were when it was asked for."""
    policy = world.policies.get(account.policy)
    if case.kind == APPEAL:
        amount = to_credit(asked, policy, account.currency)
        return (Payout(way="wallet", amount=amount) if amount else None), None
    found = _figures(world, account, case)
    amount = to_pay(found.eligibility, asked)
    assert found.charge is not None
    payout = Payout(
        way="stripe",
        amount=amount,
        charge_id=found.charge.id,
        debits_wallet=case.kind == TOP_UP,
        ends_plan=case.kind == REFUND and policy.refunds.ends_plan,
        covers_until=found.covers_until,
    )
    return payout, found.eligibility


def _figures(world: World, account: Account, case: Case) -> Found:
    subscription = account.subscriptions.get(case.subscription_id or "")
    if subscription is not None:
        return refunding.of_subscription(world, account, subscription)
    entry = wallet.entry(world.table, account.id, int(case.entry)) if case.entry else None
    if entry is None:
        # A purge took what it was about. There is nothing left to work anything out from.
        raise NotOurs(case.id)
    return refunding.of_top_up(world, account, entry)


def _pay_at_once(world: World, account_id: str, case: Case) -> Case:
    """Each step by itself, in this order; one that cannot be done now is done by the schedule."""
    refund = (f"{REFUND_PAID}:{case.id}",) if world.settings.pays_at_once else ()
    for step_id in (
        *refund,
        f"{APPEAL_CREDITED}:{case.id}",
        f"{PLAN_ENDED}:{case.subscription_id}",
    ):
        if step_id in must_load(world, account_id).account.steps:
            sweeping.try_now(world, account_id, step_id)
    return must_know(world, account_id, case.id)
