"""`GET /v1/membership`, `GET /v1/entitlements`: what the account has, and what lies ahead, at this instant."""

from __future__ import annotations

from typing import Any

from chalicelib.domain import access, consequences, releasing
from chalicelib.domain.account import Subscription
from chalicelib.domain.consequences import Holdings
from chalicelib.domain.ending import contract_end, end_of, has_ended, is_live
from chalicelib.domain.moments import rfc3339
from chalicelib.domain.number_fees import Number
from chalicelib.domain.status import status
from chalicelib.handlers import shapes
from chalicelib.handlers.asking import may_cancel
from chalicelib.handlers.calls import Answer, Call
from chalicelib.store import holdings, wallet


def entitlements(call: Call[None]) -> Answer:
    """SC-3, SC-5, SC-11: judged by the clock, from one read."""
    account, policy = call.account, call.policy
    return Answer(
        200,
        {
            "account_id": account.id,
            "as_of": rfc3339(call.now),
            "features": access.features(account, policy, call.now),
            "reasons": access.reasons(account, policy, call.now),
        },
    )


def membership(call: Call[None]) -> Answer:
    account, policy = call.account, call.policy
    table = call.world.table
    held = Holdings(
        numbers=list(holdings.numbers(table, account.id)) if account.numbers else [],
        messages=_unsent(call),
    )
    purse = wallet.load(table, account.id)
    ahead = consequences.upcoming(account, policy, held, call.now)
    live = [s.plan for s in account.subscriptions.values() if is_live(account, s, call.now)]
    return Answer(
        200,
        {
            "account_id": account.id,
            "as_of": rfc3339(call.now),
            "policy": policy.name,
            "subscriptions": [
                _subscription(call, s)
                for s in sorted(account.subscriptions.values(), key=lambda s: (s.started_at, s.id))
            ],
            "upcoming": [shapes.consequence(one) for one in ahead],
            "wallet": {"balance": shapes.money(purse.balance(account.currency))},
            "numbers": [_number(call, n) for n in held.numbers if n.state != "released"],
            "registrations": [
                {"id": r.id, "kind": r.kind, "status": r.state}
                for r in holdings.registrations(table, account.id)
            ],
            "payment_method": None,
            "invoices": [],
            "cases": [],
            "discover": [
                {"plan": name, "title": plan.title}
                for name, plan in policy.plans.items()
                if name not in live
            ],
            "support": _support(call),
        },
    )


def _unsent(call: Call[None]) -> list[Any]:
    """Read only when something ahead depends on them: an account that renews pays nothing for this."""
    account = call.account
    leaving = any(
        s.renewal_is_off and not has_ended(account, s, call.now)
        for s in account.subscriptions.values()
    )
    if not leaving:
        return []
    return list(holdings.messages(call.world.table, account.id))


def _subscription(call: Call[None], subscription: Subscription) -> dict[str, Any]:
    account, now = call.account, call.now
    end = end_of(account, subscription)
    contract = contract_end(account, subscription)
    word = status(account, subscription, now)
    live = is_live(account, subscription, now)
    return {
        "id": subscription.id,
        "plan": subscription.plan,
        "title": call.policy.plans[subscription.plan].title
        if subscription.plan in call.policy.plans
        else subscription.plan,
        "status": word,
        "renews_at": rfc3339(subscription.period_end) if live and end is None else None,
        "access_ends_at": rfc3339(end) if end is not None else None,
        "contract_ends_at": rfc3339(contract) if contract is not None else None,
        "allowed": _allowed(call, subscription),
        "seats": [],
    }


def _allowed(call: Call[None], subscription: Subscription) -> dict[str, Any]:
    account = call.account
    live = is_live(account, subscription, call.now)
    role = [] if call.caller.roles & may_cancel(call) else [_role_blocker(call)]
    cancel = live and not subscription.renewal_is_off
    resume = live and subscription.renewal_is_off and subscription.ended_at is None
    portal = any(s.paid_until is not None for s in account.subscriptions.values())
    return {
        "cancel": {"ok": cancel and not role, "blockers": role},
        "resume": {"ok": resume and not role, "blockers": role},
        "portal": {"ok": portal, "blockers": []},
    }


def _role_blocker(call: Call[None]) -> dict[str, Any]:
    needed = " or ".join(sorted(may_cancel(call)))
    return {"code": "role_required", "title": f"This needs the role {needed}.", "action": None}


def _number(call: Call[None], number: Number) -> dict[str, Any]:
    release = releasing.release_at(call.account, call.policy)
    fees = consequences.next_fee_of(call.account, call.policy, number)
    return {
        "number": number.e164,
        "status": number.state,
        "release_at": rfc3339(release) if release is not None else None,
        "next_fee_at": rfc3339(fees) if fees is not None else None,
        "monthly_fee": shapes.money(number.monthly_fee),
    }


def _support(call: Call[None]) -> dict[str, Any]:
    support = call.policy.support
    return {
        "email": support.email,
        "phone": support.phone,
        "hours": support.hours.in_language(call.account.locale) if support.hours else None,
    }
