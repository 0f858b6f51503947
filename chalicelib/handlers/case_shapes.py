"""A case as people are shown it: its dates, replies, figures and decision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chalicelib.domain.account import Account
from chalicelib.domain.cases import APPEAL, Case, Reply, Verdict, state
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.policy import Policy
from chalicelib.domain.refunds import DEDUCTIONS, SET_UP_FEE, STRIPE_FEE, Eligibility, sentence
from chalicelib.handlers.shapes import money


def shown(case: Case, replies: Sequence[Reply], account: Account, policy: Policy) -> dict[str, Any]:
    stated = case.statement
    body: dict[str, Any] = {
        **summary(case),
        "replies": [_reply(one) for one in replies],
        "decision": _decision(case.verdict, account, policy) if case.verdict else None,
        "earlier_decisions": [_decision(one, account, policy) for one in case.earlier],
        "comment": case.comment,
    }
    if case.kind == APPEAL:
        body |= {
            "payment": stated.payment,
            "date": stated.date,
            "amount": money(stated.amount) if stated.amount else None,
            "description": stated.description,
        }
    if case.eligibility is not None:
        body["eligibility"] = _eligibility(case.eligibility, account, policy)
    if case.refund is not None:
        body["refund"] = {
            "id": case.refund.id,
            "status": case.refund.status,
            "amount": money(case.refund.amount),
        }
    if case.reopened_at is not None:
        body |= {
            "reopened_at": rfc3339(case.reopened_at),
            "reopened_because": case.reopened_because,
        }
    if case.dispute is not None:
        body["dispute"] = _dispute(case)
    return body


def summary(case: Case) -> dict[str, Any]:
    dates = {
        "first_reply_due": case.first_reply_due,
        "decision_due": case.decision_due,
        "next_step_at": case.next_step_at,
        "first_reply_at": case.first_reply_at,
        "closed_at": case.closed_at,
    }
    return {
        "id": case.id,
        "kind": case.kind,
        "state": state(case),
        "received_at": rfc3339(case.received_at),
        "subscription_id": case.subscription_id,
        "ledger_entry": case.entry,
        "missing": list(case.missing),
        **{name: rfc3339(at) for name, at in dates.items() if at is not None},
        **({"purged": True, "what_to_do": AFTER_A_PURGE} if case.purged else {}),
    }


AFTER_A_PURGE = (
    "The account's data was purged, and its bank has taken the dispute up again: only what Stripe holds is left. Answer the"
    " bank in Stripe's dashboard, by the date that evidence is due; the case closes by itself once the bank has decided."
)


def _reply(one: Reply) -> dict[str, Any]:
    stated = {
        "payment": one.stated.payment,
        "date": one.stated.date,
        "amount": money(one.stated.amount) if one.stated.amount else None,
        "description": one.stated.description,
    }
    return {
        "at": rfc3339(one.at),
        "by": one.by,
        "role": one.role,
        "text": one.text,
        "interim": one.interim,
        "next_step_at": rfc3339(one.next_step_at) if one.next_step_at else None,
        **{name: value for name, value in stated.items() if value is not None},
    }


def _decision(verdict: Verdict, account: Account, policy: Policy) -> dict[str, Any]:
    figures = verdict.eligibility
    return {
        "approve": verdict.approve,
        "reason": verdict.reason,
        "amount": money(verdict.amount) if verdict.amount else None,
        "by": verdict.by,
        "role": verdict.role,
        "at": rfc3339(verdict.at),
        "eligibility": _eligibility(figures, account, policy) if figures else None,
    }


def _eligibility(found: Eligibility, account: Account, policy: Policy) -> dict[str, Any]:
    locale = account.locale
    deductions = ((SET_UP_FEE, found.set_up_fee), (STRIPE_FEE, found.stripe_fee))
    return {
        "eligible": found.eligible,
        "reasons": reasons(found, account, policy),
        "paid": money(found.paid),
        "already_refunded": money(found.already_refunded),
        "deductions": [
            {"code": code, "title": DEDUCTIONS[code].in_language(locale), "amount": money(m)}
            for code, m in deductions
        ],
        "payable": money(found.payable),
    }


def reasons(found: Eligibility, account: Account, policy: Policy) -> list[dict[str, str]]:
    return [
        {"code": code, "title": sentence(code, policy, account.locale)} for code in found.reasons
    ]


def _dispute(case: Case) -> dict[str, Any]:
    assert case.dispute is not None
    dispute = case.dispute
    return {
        "id": dispute.id,
        "charge": dispute.charge_id,
        "status": dispute.status,
        "reason": dispute.reason,
        "amount": money(dispute.amount),
        "evidence_due": rfc3339(dispute.due_by) if dispute.due_by else None,
    }
