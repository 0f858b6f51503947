"""Previewing, cancelling, resuming."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from chalicelib import cancelling, log
from chalicelib.domain.account import Subscription
from chalicelib.domain.blockers import (
    ROLE_REQUIRED,
    Blocker,
    OpenInvoice,
    blockers,
    cancel_roles,
    not_cancelable_online,
)
from chalicelib.domain.ending import end_of, has_ended
from chalicelib.domain.evidence import Preview
from chalicelib.domain.moments import rfc3339
from chalicelib.gateways.stripe import StripeRefused
from chalicelib.handlers import reading, shapes
from chalicelib.handlers.asking import subscription
from chalicelib.handlers.call import Answer, Call
from chalicelib.handlers.problems import Problem, invalid, not_found, role_required
from chalicelib.store import consents, wallet


def preview(call: Call[None]) -> Answer:
    found = to_show(call, subscription(call))
    must_not_have_ended(call, found)
    reading.in_their_language(call)
    shown = cancelling.preview(
        call.world, call.account, found, language=reading.asked_language(call)
    )
    consents.keep_preview(call.world.table, call.account.id, shown)
    return Answer(201, shown_to(call, shown, blockers_of(call, found)))


def up_to_date(call: Call[Any], found: Subscription) -> Subscription:
    """The subscription as Stripe has it, where its word may still be on its way and would change the answer.

    Its period is over: Stripe has renewed it, and what is shown by the old one would be a whole period short of what is
    carried out (invariant 14). It is cancelled: that may have been taken back in the portal, and whoever was told here
    that it is cancelled would be billed again (SC-2). Where Stripe does not show it, nothing is proved, and it is
    support's.
    """
    try:
        return _heard_if_in_doubt(call, found)
    except StripeRefused as refused:
        log.problem("subscription_not_shown", refused, account=call.account.id)
        raise blocked((not_cancelable_online(call.account.locale),)) from refused


def to_show(call: Call[Any], found: Subscription) -> Subscription:
    """The same for a preview, which is always shown: by what we know, where Stripe does not show it."""
    try:
        return _heard_if_in_doubt(call, found)
    except StripeRefused as refused:
        log.problem("subscription_not_shown", refused, account=call.account.id)
        return found


def _heard_if_in_doubt(call: Call[Any], found: Subscription) -> Subscription:
    if not found.has_started or found.ended_at is not None:
        return found
    if not found.renewal_is_off and found.period_end > call.now:
        return found
    return _heard_again(call, found)


def _heard_again(call: Call[Any], found: Subscription) -> Subscription:
    call.loaded = cancelling.hear_again(call.world, call.account.id, found.id)
    return call.account.subscriptions[found.id]


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
    _may(call, found)
    found = up_to_date(call, found)
    earlier = pending_answer(call, found)
    if earlier is not None:
        return earlier
    blocking = blockers_of(call, found)
    shown = fresh_preview(call, found, blocking)
    if blocking:
        raise blocked(blocking)
    return carry_out(call, found, shown, "online", tuple(sorted(call.caller.roles)))


def _may(call: Call[Any], found: Subscription) -> None:
    """403 names the roles that may, and whatever else stands in the way."""
    needed = cancel_roles(call.account, found, call.policy)
    if not call.caller.roles & set(needed):
        others = [b for b in blockers_of(call, found) if b.code != ROLE_REQUIRED]
        raise role_required(needed, blockers=[shapes.blocker(b) for b in others])


def carry_out(
    call: Call[Any],
    found: Subscription,
    shown: Preview,
    channel: str,
    roles: tuple[str, ...],
) -> Answer:
    pressed = _pressed(call, channel, roles)
    try:
        loaded = cancelling.cancel(call.world, call.known, shown, pressed)
    except StripeRefused as refused:
        log.problem("cancellation_refused", refused, account=call.account.id)
        return _as_stripe_has_it(call, found)
    canceled = loaded.account.subscriptions[found.id]
    return _answer(end_of(loaded.account, canceled), shown.id)


def _as_stripe_has_it(call: Call[Any], found: Subscription) -> Answer:
    """Mostly it is over there already, and the event that says so is still on its way."""
    refused = blocked((not_cancelable_online(call.account.locale),))
    try:
        known = _heard_again(call, found)
    except StripeRefused as error:
        raise refused from error
    must_not_have_ended(call, known)
    earlier = pending_answer(call, known)
    if earlier is None:
        raise refused
    return earlier


def fresh_preview(call: Call[Any], found: Subscription, blocking: Sequence[Blocker]) -> Preview:
    """What was shown, if it still holds; else 409 with what holds now."""
    must_not_have_ended(call, found)
    shown = consents.preview(call.world.table, call.account.id, call.body.preview_id)
    assert shown is not None
    if not cancelling.is_stale(call.world, call.account, shown, call.now):
        return shown
    if shown.language is not None:
        call.loaded = replace(call.known, account=replace(call.account, locale=shown.language))
    fresh = cancelling.preview(call.world, call.account, found, language=shown.language)
    consents.keep_preview(call.world.table, call.account.id, fresh)
    raise Problem(
        409,
        "preview_stale",
        "Something has changed since this was shown. Look at what will happen now.",
        preview=shown_to(call, fresh, blocking),
    )


def blockers_of(
    call: Call[Any], found: Subscription, owed: Sequence[OpenInvoice] | None = None
) -> tuple[Blocker, ...]:
    """Everything that keeps the caller from cancelling, at once. Where Stripe refuses to say what is owed, nobody knows
    that nothing is, and it is support's."""
    account, also = call.account, tuple[Blocker, ...]()
    try:
        owed = owed_by(call) if owed is None else owed
    except StripeRefused as refused:
        log.problem("balance_not_shown", refused, account=account.id)
        owed, also = (), (not_cancelable_online(account.locale),)
    known = blockers(
        account,
        found,
        call.policy,
        roles=call.caller.roles,
        open_invoices=owed,
        wallet=wallet.load(call.world.table, account.id).balance(account.currency),
    )
    return (*known, *(one for one in also if one not in known))


def owed_by(call: Call[Any]) -> tuple[OpenInvoice, ...]:
    """The open invoices. Stripe is asked only where a policy blocks on what is owed."""
    customer = call.account.stripe_customer_id
    if not call.policy.cancellation.blocks_on_balance or customer is None:
        return ()
    return call.world.stripe.open_invoices(customer)


def blocked(blocking: Sequence[Blocker]) -> Problem:
    return Problem(
        409,
        "blocked",
        "This cannot be cancelled yet: " + " ".join(b.title for b in blocking),
        blockers=[shapes.blocker(b) for b in blocking],
    )


def repeated(call: Call[shapes.Cancellation]) -> Answer | None:
    """The stored answer, when this very preview was carried out before: no second mail, no staleness."""
    evidence = consents.confirmed(call.world.table, call.account.id, call.body.preview_id)
    return _answer(evidence.preview.access_ends_at, evidence.id) if evidence else None


def resume(call: Call[None]) -> Answer:
    """What there is to undo is what Stripe has: a cancellation in the portal that nobody has told us of yet as well,
    and the mark that is set by now, not the one that was (SC-4)."""
    found = subscription(call)
    _must_be_resumable(call, found)
    found = _heard_again(call, found)
    _must_be_resumable(call, found)
    if found.renewal_is_off:
        try:
            cancelling.resume(call.world, call.known, found, call.caller.sub)
        except StripeRefused:
            # Mostly it has ended there since we asked, or somebody else has resumed it.
            found = _heard_again(call, found)
            _must_be_resumable(call, found)
            if found.renewal_is_off:
                raise
    return Answer(200, {"status": "active"})


def _must_be_resumable(call: Call[Any], found: Subscription) -> None:
    if not found.has_started or has_ended(call.account, found, call.now) or found.ended_at:
        raise _not_resumable()


def pending_answer(call: Call[Any], found: Subscription) -> Answer | None:
    """Another preview while a cancellation is pending gets the original answer."""
    if not found.renewal_is_off or has_ended(call.account, found, call.now):
        return None
    return _answer(end_of(call.account, found), found.evidence_id or "")


def _answer(end: datetime | None, evidence_id: str) -> Answer:
    return Answer(200, shapes.canceled(end, evidence_id))


def _pressed(call: Call[Any], channel: str, roles: tuple[str, ...]) -> cancelling.Consented:
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
        roles=roles,
        channel=channel,
        reason=code,
        comment=reason.comment if reason else None,
        consents={d.id: d.version for d in rules.disclosures},
    )


def must_not_have_ended(call: Call[Any], found: Subscription) -> None:
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


def shown_to(call: Call[Any], shown: Preview, blocking: Sequence[Blocker]) -> dict[str, Any]:
    policy, locale = call.policy, call.account.locale
    answer = {
        "preview_id": shown.id,
        "expires_at": rfc3339(shown.expires_at),
        "access_ends_at": rfc3339(shown.access_ends_at),
        "consequences": [shapes.consequence(one) for one in shown.consequences],
        "blockers": [shapes.blocker(one) for one in blocking],
        "disclosures": [
            {"id": d.id, "version": d.version, "text": d.text.in_language(locale)}
            for d in policy.cancellation.disclosures
        ],
        "reasons": [
            {"code": r.code, "label": r.label.in_language(locale)}
            for r in policy.cancellation.reasons
        ],
        "reason_required": policy.cancellation.reason_required,
        "last_day": reading.last_day(call, shown.access_ends_at),
    }
    return reading.worded(call, answer)
