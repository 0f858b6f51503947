"""M1-4: "Changes in the 1msg product take effect after confirmation by payment events". What Stripe says, applied.

Events arrive doubled, late and out of order. For a subscription, `standing` tells news from a repeat and from what
must be asked again. What invoices tell needs no order: the latest end of a *paid* invoice only grows, and an
invoice only ever moves from open to failed to written off or paid.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from chalicelib.domain import contracts
from chalicelib.domain.account import Account, LeftPlan, Subscription, UnpaidInvoice
from chalicelib.domain.decision import Decision, unchanged
from chalicelib.domain.facts import (
    InvoiceAtStripe,
    ItemAtStripe,
    StripeSaysAll,
    StripeSaysInvoice,
    StripeSaysSubscription,
    SubscriptionAtStripe,
)
from chalicelib.domain.policy import Policy

Standing = Literal["news", "repeat", "ask"]

MOST_EVENTS = 8
MOST_UNPAID = 12
"""So many unpaid invoices are remembered of one subscription, newest first: Stripe tries a card for weeks, not years."""

_BEHIND = ("past_due", "unpaid")
LIVE = ("trialing", "active", "past_due", "unpaid", "paused")
"""Stripe's words for a subscription that goes on."""


class UnknownPrice(Exception):
    """The subscription's price stands for no plan of the account's policy."""


class SeveralPlans(Exception):
    """One subscription bills for more than one plan of the policy: which of them it is cannot be told."""


class UnknownSubscription(Exception):
    """An invoice arrived before its subscription."""


def standing(known: Subscription | None, created: datetime, event_id: str) -> Standing:
    """Whether an event may be applied from its payload.

    Only what is newer than everything we heard may. Same second or older: ask Stripe, whose `created` has whole
    seconds and whose deliveries keep no order.
    """
    if known is None or known.as_of is None:
        return "news"
    if event_id in known.as_of_events:
        return "repeat"
    return "news" if created > known.as_of else "ask"


def apply_subscription(account: Account, fact: StripeSaysSubscription, policy: Policy) -> Decision:
    """Raises UnknownPrice, SeveralPlans."""
    known = account.subscriptions.get(fact.subscription.id)
    billed: Mapping[str, Any] = {}
    try:
        plan, said = plan_of(fact.subscription, policy)
    except (UnknownPrice, SeveralPlans):
        if known is None or not fact.somebody_waits:
            raise
        # Whoever cancels a plan whose price was changed there into one that no policy names has cancelled it: Stripe does
        # not renew it. What it bills for is told by its own event, which waits for the policy.
        plan, said = known.plan, fact.subscription
        billed = {name: getattr(known, name) for name in BILLED}
    if known is None and _was_purged(account, said):
        return unchanged(account)
    if known is not None and known.ended_at is not None and said.ended_at is None:
        # Ended is terminal for an id; whatever says otherwise spoke earlier.
        return unchanged(account)

    subscription = _with_invoice(_translated(said, plan, known, fact.as_of), fact.invoice)
    subscription = replace(subscription, **billed) if billed else subscription
    subscription = contracts.noted(account, known, subscription, says_leaving=said.says_leaving)
    as_of, events = _hearing(known, fact)
    heard = replace(subscription, as_of=as_of, as_of_events=events)
    after = replace(account, subscriptions=account.with_subscription(heard))
    if subscription == known:
        return unchanged(after)
    data = {"subscription_id": said.id, "plan": plan, "status": said.status}
    if said.cancel_reason or said.cancel_feedback:
        data |= {"stripe_reason": said.cancel_reason or "", "feedback": said.cancel_feedback or ""}
    return Decision(after, _what(known, subscription), data)


BILLED = ("interval", "interval_count", "quantity", "price_minor", "extras_minor")
"""What a subscription costs, and how often."""


def plan_of(said: SubscriptionAtStripe, policy: Policy) -> tuple[str, SubscriptionAtStripe]:
    """The plan it bills for, and it seen from that plan's item. Other items may stand beside it (a fee, usage).

    Raises UnknownPrice, SeveralPlans.
    """
    first = ItemAtStripe(
        price_id=said.price_id,
        lookup_key=said.lookup_key,
        interval=said.interval,
        interval_count=said.interval_count,
        price_minor=said.price_minor,
        quantity=said.quantity,
    )
    items = (first, *said.other_items)
    plans = [(policy.plan_of_price(one.price_id, one.lookup_key), one) for one in items]
    found = [(plan, one) for plan, one in plans if plan is not None]
    if not found:
        raise UnknownPrice(said.lookup_key or said.price_id)
    if len({plan for plan, _ in found}) > 1:
        raise SeveralPlans(", ".join(sorted({plan for plan, _ in found})))
    plan, item = found[0]
    if item is first:
        return plan, said
    return plan, replace(
        said,
        price_id=item.price_id,
        lookup_key=item.lookup_key,
        interval=item.interval,
        interval_count=item.interval_count,
        price_minor=item.price_minor,
        quantity=item.quantity,
        other_items=tuple(one for one in items if one is not item),
    )


def apply_all(account: Account, fact: StripeSaysAll, policy: Policy) -> Decision:
    """Every subscription of the customer at once. One whose price we do not know is left out here: reporting
    it is reconciliation's work, and it must not hold up what the others allow."""
    visible: list[Decision] = []
    for said in fact.subscriptions:
        one = StripeSaysSubscription(subscription=said, as_of=fact.as_of)
        try:
            decision = apply_subscription(account, one, policy)
        except (UnknownPrice, SeveralPlans):
            continue
        account = decision.account
        visible += [decision] if decision.what else []
    if not visible:
        return unchanged(account)
    if len(visible) == 1:
        return replace(visible[0], account=account)
    changes = [{"what": each.what, **each.data} for each in visible]
    return Decision(account, visible[0].what, {"changes": changes})


def _translated(
    said: SubscriptionAtStripe, plan: str, known: Subscription | None, as_of: datetime
) -> Subscription:
    if known is not None and not known.has_started and said.status == "canceled":
        # Given up before its first payment: it never began, so nothing follows from its end.
        said = replace(said, status="incomplete_expired")
    behind = said.status in _BEHIND
    return Subscription(
        id=said.id,
        plan=plan,
        status=said.status,
        started_at=said.started_at,
        period_start=said.period_start,
        period_end=said.period_end,
        cancel_at=said.cancel_at,
        cancel_at_period_end=said.cancel_at_period_end,
        canceled_at=said.canceled_at,
        ended_at=said.ended_at,
        suspended_at=said.suspended_at,
        trial_ends_at=said.trial_ends_at,
        paid_until=_paid_until(said, known),
        unpaid_invoices=known.unpaid_invoices if known else {},
        past_due_since=((known and known.past_due_since) or as_of) if behind else None,
        forfeited_at=known.forfeited_at if known else None,
        forfeited_by=known.forfeited_by if known else (),
        forfeited_until=known.forfeited_until if known else None,
        refunded_until=known.refunded_until if known else None,
        settled_days=known.settled_days if known else 0,
        leaves_with_contract=known.leaves_with_contract if known else False,
        correcting=known.correcting if known else False,
        evidence_id=_evidence_id(said, known),
        left_plans=_left_plans(plan, known, as_of),
        interval=said.interval,
        interval_count=said.interval_count,
        quantity=said.quantity,
        price_minor=said.price_minor,
        extras_minor=sum(
            one.price_minor * one.quantity
            for one in said.other_items
            if (one.interval, one.interval_count) == (said.interval, said.interval_count)
        ),
        as_of=known.as_of if known else None,
        as_of_events=known.as_of_events if known else (),
    )


def _left_plans(plan: str, known: Subscription | None, as_of: datetime) -> tuple[LeftPlan, ...]:
    """A switch is dated when Stripe spoke of it; switched back, the plan was never left."""
    if known is None:
        return ()
    if known.plan == plan or not known.has_started:
        return known.left_plans
    others = tuple(one for one in known.left_plans if one.plan not in (plan, known.plan))
    return (*others, LeftPlan(plan=known.plan, at=as_of))


def _paid_until(said: SubscriptionAtStripe, known: Subscription | None) -> datetime | None:
    paid = known.paid_until if known else None
    if said.status == "trialing":
        trial_end = said.trial_ends_at or said.period_end
        return max(paid, trial_end) if paid else trial_end
    if paid is not None or said.status in ("incomplete", "incomplete_expired"):
        return paid
    if said.status == "active" and said.period_start <= said.started_at:
        # A subscription becomes active by its first payment; the invoice's own event may come later or never.
        return said.period_end
    # Seen for the first time in the middle of its life: what came before this period was paid, this one is
    # known to be only when its invoice is.
    return said.ended_at or said.period_start


def _evidence_id(said: SubscriptionAtStripe, known: Subscription | None) -> str | None:
    """Kept while renewal is off, and while we wait for Stripe to turn it off; a resume ends it."""
    if known is None:
        return None
    is_off = (
        said.ended_at or said.cancel_at or said.cancel_at_period_end or known.leaves_with_contract
    )
    return known.evidence_id if is_off or not known.renewal_is_off else None


def _was_purged(account: Account, said: SubscriptionAtStripe) -> bool:
    """A subscription that ended before the purge stays forgotten, however often Stripe lists it."""
    return (
        account.purged_at is not None
        and said.ended_at is not None
        and said.ended_at <= account.purged_at
    )


def _hearing(
    known: Subscription | None, fact: StripeSaysSubscription
) -> tuple[datetime, tuple[str, ...]]:
    """The newest moment Stripe spoke of it, and the events of that very second. It never moves back."""
    heard = (fact.event_id,) if fact.event_id else ()
    if known is None or known.as_of is None or fact.as_of > known.as_of:
        return fact.as_of, heard
    if fact.as_of == known.as_of and fact.event_id not in known.as_of_events:
        return known.as_of, (*known.as_of_events, *heard)[-MOST_EVENTS:]
    return known.as_of, known.as_of_events


def _what(known: Subscription | None, new: Subscription) -> str:
    if known is None or not known.has_started:
        return "subscription.started" if new.has_started else "subscription.incomplete"
    for word, was, is_now in (
        ("subscription.ended", known.ended_at is not None, new.ended_at is not None),
        ("subscription.cancellation_scheduled", known.renewal_is_off, new.renewal_is_off),
        ("subscription.resumed", not known.renewal_is_off, not new.renewal_is_off),
        ("subscription.suspended", known.suspended_at is not None, new.suspended_at is not None),
        ("subscription.past_due", known.status in _BEHIND, new.status in _BEHIND),
        ("subscription.plan_changed", False, new.plan != known.plan),
        ("subscription.renewed", False, new.period_end > known.period_end),
    ):
        if is_now and not was:
            return word
    return "subscription.updated"


def apply_invoice(account: Account, fact: StripeSaysInvoice) -> Decision:
    """Raises UnknownSubscription when we have not heard of the invoice's subscription yet."""
    invoice = fact.invoice
    known = account.subscriptions.get(invoice.subscription_id)
    if known is None:
        if account.purged_at is not None and invoice.covers_until <= account.purged_at:
            return unchanged(account)
        raise UnknownSubscription(invoice.subscription_id)
    subscription = _with_invoice(known, invoice, asked=fact.asked)
    if subscription == known:
        return unchanged(account)
    after = replace(account, subscriptions=account.with_subscription(subscription))
    data = {"subscription_id": known.id, "invoice_id": invoice.id}
    return Decision(after, _what_of_invoice(invoice), data)


def _what_of_invoice(invoice: InvoiceAtStripe) -> str:
    if invoice.status == "paid":
        return "subscription.paid"
    if invoice.status in ("void", "uncollectible"):
        return "subscription.invoice_written_off"
    return "subscription.payment_failed"


def may_be_overtaken(known: Subscription | None, invoice: InvoiceAtStripe) -> bool:
    """An event says that a charge failed, for a period that is paid by now. Was it this invoice that paid for it, then
    the event is late; was it another one, then Stripe goes on trying the card for this one. Only Stripe can tell."""
    return (
        known is not None
        and invoice.status not in ("paid", "void", "uncollectible")
        and invoice.failed_at is not None
        and invoice.id not in known.unpaid_invoices
        and known.paid_until is not None
        and invoice.covers_until <= known.paid_until
    )


def _with_invoice(
    subscription: Subscription, invoice: InvoiceAtStripe | None, *, asked: bool = False
) -> Subscription:
    if invoice is None:
        return subscription
    paid_until, unpaid = subscription.paid_until, dict(subscription.unpaid_invoices)
    if invoice.status == "paid":
        paid_until = max(paid_until or invoice.covers_until, invoice.covers_until)
        unpaid.pop(invoice.id, None)
    elif asked or not may_be_overtaken(subscription, invoice):
        merged = _merged(unpaid.get(invoice.id), invoice)
        unpaid |= {merged.id: merged} if merged else {}
    return replace(
        subscription, paid_until=paid_until, unpaid_invoices=_remembered(unpaid, paid_until)
    )


def _remembered(
    unpaid: Mapping[str, UnpaidInvoice], paid_until: datetime | None
) -> dict[str, UnpaidInvoice]:
    """Without what is of no consequence any more: given up, and its period is paid by another invoice."""
    kept = [
        one
        for one in unpaid.values()
        if one.is_tried or paid_until is None or one.covers_until > paid_until
    ]
    kept.sort(key=lambda one: (one.covers_until, one.id))
    return {one.id: one for one in kept[-MOST_UNPAID:]}


def _merged(known: UnpaidInvoice | None, invoice: InvoiceAtStripe) -> UnpaidInvoice | None:
    failures = [at for at in (known.failed_at if known else None, invoice.failed_at) if at]
    written_off = invoice.status in ("void", "uncollectible") or bool(known and known.written_off)
    if not failures and not written_off:
        # A draft, or open and not tried yet: it settles by itself, there is nothing to remember.
        return known
    return UnpaidInvoice(
        id=invoice.id,
        covers_until=invoice.covers_until,
        amount_due=invoice.amount_due,
        failed_at=min(failures, default=None),
        written_off=written_off,
        collection_stopped=known.collection_stopped if known else False,
    )
