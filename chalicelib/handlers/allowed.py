"""What the caller may do with a subscription at this instant; and if not, why, and what helps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chalicelib import log
from chalicelib.domain.access import has_paid
from chalicelib.domain.account import Subscription
from chalicelib.domain.blockers import ROLE_REQUIRED, Blocker, OpenInvoice, role_blocker
from chalicelib.domain.ending import is_live
from chalicelib.gateways.stripe import StripeRefused, StripeUnavailable
from chalicelib.handlers import shapes
from chalicelib.handlers.asking import ADMINS, EXPORTERS
from chalicelib.handlers.call import Call
from chalicelib.handlers.cancellations import blockers_of, owed_by

Owed = Sequence[OpenInvoice] | None


def owed(call: Call[Any]) -> Owed:
    """What stands in the way of cancelling; None when Stripe does not say. The page stands without it."""
    try:
        return owed_by(call)
    except (StripeUnavailable, StripeRefused) as error:
        log.problem("balance_not_shown", error, account=call.account.id)
        return None


def allowed(call: Call[Any], subscription: Subscription, owed: Owed) -> dict[str, Any]:
    live = is_live(call.account, subscription, call.now)
    leaving = subscription.renewal_is_off
    blocking = blockers_of(call, subscription, owed or ()) if live else ()
    role = [one for one in blocking if one.code == ROLE_REQUIRED]
    can_cancel = live and not leaving and owed is not None
    can_resume = live and leaving and subscription.ended_at is None
    return {
        "cancel": _permission(possible=can_cancel, blocking=blocking),
        "resume": _permission(possible=can_resume, blocking=role),
        "portal": _permission(possible=True, blocking=_portal(call)),
    }


def of_account(call: Call[Any]) -> dict[str, Any]:
    """What does not hang on one subscription: paying and changing, and taking everything along (GT-6)."""
    policy = call.policy
    asked = (
        ("manage", ADMINS, True),
        ("export", EXPORTERS, True),
        # M1-7, M1-9: asking for what a policy never gives would only be refused.
        ("refund", ADMINS, policy.refunds.kind != "none"),
        ("appeal", ADMINS, policy.appeals is not None),
    )
    return {
        name: _permission(possible=possible, blocking=_role(call, roles))
        for name, roles, possible in asked
    }


def _role(call: Call[Any], roles: frozenset[str]) -> list[Blocker]:
    if call.caller.roles & roles:
        return []
    return [role_blocker(tuple(roles), call.account.locale)]


def _permission(*, possible: bool, blocking: Sequence[Blocker]) -> dict[str, Any]:
    return {
        "ok": possible and not blocking,
        "blockers": [shapes.blocker(one) for one in blocking],
    }


def _portal(call: Call[Any]) -> list[Blocker]:
    """M1-2: "available when the product conditions are met (including after the first successful payment …)"."""
    found = []
    if not has_paid(call.account) or call.account.stripe_customer_id is None:
        found.append(
            Blocker(
                code="portal_unavailable",
                title=shapes.PORTAL_OPENS.in_language(call.account.locale),
                label=shapes.SUBSCRIBE.in_language(call.account.locale),
                href="/membership#plans",
            )
        )
    return [*found, *_role(call, ADMINS)]
