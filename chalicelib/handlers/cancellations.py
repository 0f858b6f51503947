"""Previewing, cancelling, resuming."""

from __future__ import annotations

from typing import Any

from chalicelib import cancelling
from chalicelib.domain.account import Subscription
from chalicelib.domain.ending import end_of, has_ended
from chalicelib.domain.evidence import Evidence, Preview
from chalicelib.domain.moments import rfc3339
from chalicelib.gateways.stripe import StripeRefused
from chalicelib.handlers import shapes
from chalicelib.handlers.asking import subscription
from chalicelib.handlers.calls import Answer, Call
from chalicelib.handlers.problems import Problem, invalid, not_found
from chalicelib.store import consents


def preview(call: Call[None]) -> Answer:
    found = subscription(call)
    _must_not_have_ended(call, found)
    shown = cancelling.preview(call.world, call.account, found)
    consents.keep_preview(call.world.table, call.account.id, shown)
    return Answer(201, _shown(call, shown))


def find_preview(call: Call[Any]) -> Preview:
    """The preview the body names: another account's, or another subscription's, is not found."""
    found = subscription(call)
    preview_id = call.body.get("preview_id") if isinstance(call.body, dict) else None
    if not isinstance(preview_id, str) or not 0 < len(preview_id) <= 200:
        raise invalid("/preview_id", "preview_id is missing: ask for a preview first.")
    shown = consents.preview(call.world.table, call.account.id, preview_id)
    if shown is None or shown.subscription_id != found.id:
        raise not_found("preview")
    return shown


def cancel(call: Call[shapes.Cancellation]) -> Answer:
    found = subscription(call)
    shown = consents.preview(call.world.table, call.account.id, call.body.preview_id)
    assert shown is not None
    earlier = _pending_evidence(call, found)
    if earlier is not None:
        return _canceled(call, found, earlier)
    _must_not_have_ended(call, found)
    if cancelling.is_stale(call.world, call.account, shown, call.now):
        fresh = cancelling.preview(call.world, call.account, found)
        consents.keep_preview(call.world.table, call.account.id, fresh)
        raise Problem(
            409,
            "preview_stale",
            "Something has changed since this was shown. Look at what will happen now.",
            preview=_shown(call, fresh),
        )
    pressed = _pressed(call)
    loaded = cancelling.cancel(call.world, call.known, shown, pressed)
    return _canceled(call, loaded.account.subscriptions[found.id], shown.id)


def repeated(call: Call[shapes.Cancellation]) -> Answer | None:
    """The stored answer, when this very preview was carried out before: no second mail, no staleness."""
    evidence = consents.confirmed(call.world.table, call.account.id, call.body.preview_id)
    return _stored(evidence) if evidence else None


def resume(call: Call[None]) -> Answer:
    found = subscription(call)
    if not found.has_started or has_ended(call.account, found, call.now) or found.ended_at:
        raise _not_resumable()
    if not found.renewal_is_off:
        return Answer(200, {"status": "active"})
    try:
        cancelling.resume(call.world, call.known, found, call.caller.sub)
    except StripeRefused as error:
        raise _not_resumable() from error
    return Answer(200, {"status": "active"})


def _pending_evidence(call: Call[Any], found: Subscription) -> str | None:
    """Another preview while a cancellation is pending gets the original answer."""
    if not found.renewal_is_off or has_ended(call.account, found, call.now):
        return None
    return found.evidence_id or ""


def _canceled(call: Call[Any], found: Subscription, evidence_id: str) -> Answer:
    end = end_of(call.account, found)
    return Answer(
        200,
        {
            "status": "pending_cancellation",
            "access_ends_at": rfc3339(end) if end else None,
            "evidence_id": evidence_id or None,
        },
    )


def _stored(evidence: Evidence) -> Answer:
    return Answer(
        200,
        {
            "status": "pending_cancellation",
            "access_ends_at": rfc3339(evidence.preview.access_ends_at),
            "evidence_id": evidence.id,
        },
    )


def _pressed(call: Call[shapes.Cancellation]) -> cancelling.Consented:
    reason, rules = call.body.reason, call.policy.cancellation
    given = {one.id: one.version for one in call.body.consents}
    code = reason.code if reason else None
    known = {one.code for one in rules.reasons}
    if (rules.reason_required and not code) or (code and code not in known):
        raise invalid(
            "/reason/code", f"Say why: one of {', '.join(sorted(known))}.", code="reason_missing"
        )
    missing = [d for d in rules.disclosures if given.get(d.id) != d.version]
    if missing:
        raise Problem(
            422,
            "consent_missing",
            "Each disclosure needs consent before anything is cancelled.",
            errors=[
                {
                    "pointer": "/consents",
                    "code": "consent_missing",
                    "detail": f"{d.id}, version {d.version}: {d.text.in_language(call.account.locale)}",
                }
                for d in missing
            ],
        )
    return cancelling.Consented(
        who=call.caller.sub,
        roles=tuple(sorted(call.caller.roles)),
        channel="online",
        reason=code,
        comment=reason.comment if reason else None,
        consents={d.id: d.version for d in rules.disclosures},
    )


def _must_not_have_ended(call: Call[Any], found: Subscription) -> None:
    if not found.has_started:
        raise Problem(409, "no_live_plan", "This subscription has not begun: nothing to cancel.")
    if has_ended(call.account, found, call.now):
        raise Problem(409, "already_canceled", "This subscription has ended already.")


def _not_resumable() -> Problem:
    return Problem(
        409,
        "not_resumable",
        "This subscription has ended and cannot be resumed. Subscribe again to come back.",
        action={"label": "Subscribe again", "href": "/v1/checkout-sessions"},
    )


def _shown(call: Call[Any], shown: Preview) -> dict[str, Any]:
    policy, locale = call.policy, call.account.locale
    return {
        "preview_id": shown.id,
        "expires_at": rfc3339(shown.expires_at),
        "access_ends_at": rfc3339(shown.access_ends_at),
        "consequences": [shapes.consequence(one) for one in shown.consequences],
        "blockers": [],
        "disclosures": [
            {"id": d.id, "version": d.version, "text": d.text.in_language(locale)}
            for d in policy.cancellation.disclosures
        ],
        "reasons": [
            {"code": r.code, "label": r.label.in_language(locale)}
            for r in policy.cancellation.reasons
        ],
    }
